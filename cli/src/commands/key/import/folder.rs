//! `softkeep key import --pem-dir DIR`: every PEM file of a folder, several at a time. Each file has a line in the result file as soon as
//! it is done, and a second run leaves out what the result file says is imported. A request's id follows from vault, name and content, so
//! that a file whose answer was lost is not imported twice.

use std::{
    collections::{BTreeMap, HashMap},
    fs::{self, OpenOptions},
    io::{self, BufRead, BufReader, IsTerminal, Write},
    path::{Path, PathBuf},
};

use serde::{Deserialize, Serialize};
use serde_json::json;
use sha2::{Digest, Sha256};
use softkeep_proto::v1::ImportKeyRequest;
use tokio::task::JoinSet;
use zeroize::Zeroizing;

use crate::{
    client::Context,
    commands::Reply,
    error::{Error, Result},
    pem,
    secret::{self, Secret},
};

/// Imports under way at once: enough that the daemon's disk is never idle.
const AT_ONCE: usize = 16;

/// What a file of a key is called.
const ENDINGS: [&str; 3] = ["pem", "key", "p8"];

/// Flags of a folder alone.
#[derive(clap::Args)]
pub struct FolderArgs {
    /// With --pem-dir: file that gets one JSON line a key. Files that it says are imported are left out
    #[arg(long, value_name = "FILE")]
    results: Option<PathBuf>,
}

impl FolderArgs {
    /// They mean nothing without a folder.
    pub fn refuse(&self) -> Result<()> {
        match self.results {
            Some(_) => Err(Error::usage("--results is for --pem-dir")),
            None => Ok(()),
        }
    }
}

/// A line of the result file.
#[derive(Serialize, Deserialize)]
struct Line {
    file: String,
    name: String,
    /// "imported", "failed", or after --dry-run "checked".
    status: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    kid: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    code: String,
    #[serde(default, skip_serializing_if = "String::is_empty")]
    error: String,
    /// Of the file, so that a changed one is imported anew.
    sha256: String,
}

/// A file to import.
struct Work {
    file: String,
    name: String,
    path: PathBuf,
}

/// Imports the folder.
pub async fn run(folder: &Path, args: &super::Args, context: &Context) -> Result<Reply> {
    let vault = args.target.vault_alone(&context.settings)?;
    let Some(results) = &args.folder.results else {
        return Err(Error::usage("--pem-dir needs --results").fix("--results FILE.jsonl"));
    };
    let password = args.pem_password.as_deref().map(|value| secret::from_flag("--pem-password", value)).transpose()?;
    let (work, mut failed_names) = list(folder)?;
    let mut book = Book::open(results)?;
    let client = context.keys().await?;
    let mut bar = Bar::new(work.len() + failed_names.len());
    let mut counts = BTreeMap::from([("imported", 0_u64), ("checked", 0), ("failed", 0), ("skipped", 0)]);
    let mut under_way = JoinSet::new();
    for line in failed_names.drain(..) {
        book.write(&line)?;
        *counts.entry("failed").or_default() += 1;
        bar.step(&counts);
    }
    let mut waiting = work.into_iter();
    loop {
        while under_way.len() < AT_ONCE
            && let Some(item) = waiting.next()
        {
            let hash = hash_of(&item.path);
            if hash.as_ref().is_ok_and(|hash| book.has(&item.file, hash)) {
                *counts.entry("skipped").or_default() += 1;
                bar.step(&counts);
                continue;
            }
            let request = hash.and_then(|hash| {
                let request = request(&vault, &item, &hash, password.as_ref(), args.common()?)?;
                Ok((request, hash))
            });
            match request {
                Ok((request, hash)) => {
                    let mut client = client.clone();
                    under_way.spawn(async move { (item, hash, client.import_key(request).await) });
                }
                Err(error) => {
                    book.write(&failed(&item, String::new(), &error))?;
                    *counts.entry("failed").or_default() += 1;
                    bar.step(&counts);
                }
            }
        }
        let Some(done) = under_way.join_next().await else { break };
        let (item, hash, answer) = done.map_err(|error| Error::local(error.to_string()))?;
        let line = match answer {
            Ok(key) => {
                let status = if args.dry_run { "checked" } else { "imported" };
                let kid = key.into_inner().kid;
                let (code, error) = (String::new(), String::new());
                Line { file: item.file, name: item.name, status: status.into(), kid, code, error, sha256: hash }
            }
            Err(status) => {
                let error = Error::from(status);
                if error.exit() == softkeep_proto::error::ExitCode::Unreachable {
                    // Every other file would fail the same way; the next run goes on here.
                    bar.end();
                    return Err(error);
                }
                failed(&item, hash, &error)
            }
        };
        let kind = if line.status == "failed" {
            "failed"
        } else if args.dry_run {
            "checked"
        } else {
            "imported"
        };
        *counts.entry(kind).or_default() += 1;
        book.write(&line)?;
        bar.step(&counts);
    }
    bar.end();
    let failed = counts.get("failed").copied().unwrap_or_default();
    let mut reply = Reply::value(json!({
        "checked": counts.get("checked"),
        "failed": failed,
        "imported": counts.get("imported"),
        "results": results.display().to_string(),
        "skipped": counts.get("skipped"),
    }));
    if failed > 0 {
        let refusal = Error::local(format!("{failed} files were not imported"));
        reply.then =
            Some(refusal.fix(format!("{} says why for each; run it again when they are right", results.display())));
    }
    Ok(reply)
}

/// The folder's files in the order of their names, and lines for those that would have another one's key name.
fn list(folder: &Path) -> Result<(Vec<Work>, Vec<Line>)> {
    let unreadable = |error: io::Error| Error::io(format!("--pem-dir: cannot read {}", folder.display()), &error);
    let mut paths = Vec::new();
    for entry in fs::read_dir(folder).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        let ending = path.extension().and_then(|ending| ending.to_str()).unwrap_or_default().to_ascii_lowercase();
        if ENDINGS.contains(&ending.as_str()) && path.is_file() {
            paths.push(path);
        }
    }
    if paths.is_empty() {
        let refusal =
            Error::usage(format!("--pem-dir: {} has no files that end in .pem, .key or .p8", folder.display()));
        return Err(refusal);
    }
    paths.sort();
    let (mut work, mut refused, mut taken) = (Vec::new(), Vec::new(), HashMap::<String, String>::new());
    for path in paths {
        let file = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let stem = path.file_stem().unwrap_or_default().to_string_lossy().into_owned();
        let legal = |letter: char| if letter.is_ascii_alphanumeric() { letter } else { '-' };
        let name: String = stem.chars().map(legal).collect();
        let item = Work { file: file.clone(), name: name.clone(), path };
        match taken.get(&name.to_ascii_lowercase()) {
            Some(other) => {
                let error = Error::local(format!("its key would have the name of {other}'s, '{name}'"));
                refused.push(failed(&item, String::new(), &error));
            }
            None => {
                taken.insert(name.to_ascii_lowercase(), file);
                work.push(item);
            }
        }
    }
    Ok((work, refused))
}

fn failed(item: &Work, sha256: String, error: &Error) -> Line {
    let code = error.code().map(|code| code.reason().to_owned()).unwrap_or_default();
    let (file, name, error) = (item.file.clone(), item.name.clone(), error.message().to_owned());
    Line { file, name, status: "failed".into(), kid: String::new(), code, error, sha256 }
}

fn read(path: &Path) -> Result<Secret> {
    secret::from_file("--pem-dir", path)
}

fn hash_of(path: &Path) -> Result<String> {
    Ok(hex(&Sha256::digest(read(path)?.as_bytes())))
}

fn request(
    vault: &str,
    item: &Work,
    hash: &str,
    password: Option<&Secret>,
    common: ImportKeyRequest,
) -> Result<ImportKeyRequest> {
    let text = read(&item.path)?;
    let pkcs8 = pem::private_key(&text, || {
        let password: Option<Secret> = password.map(|password| Zeroizing::new(password.as_str().to_owned()));
        password.ok_or_else(|| Error::usage("the file is encrypted").fix("--pem-password @FILE, the same for all"))
    })?;
    let parts = ["softkeep import", &vault.to_ascii_lowercase(), &item.name.to_ascii_lowercase(), hash];
    let request_id = hex(&Sha256::digest(parts.join("\0").as_bytes()));
    Ok(ImportKeyRequest {
        vault: vault.to_owned(),
        name: item.name.clone(),
        pkcs8_der: pkcs8.to_vec(),
        request_id,
        ..common
    })
}

fn hex(bytes: &[u8]) -> String {
    bytes.iter().map(|byte| format!("{byte:02x}")).collect()
}

/// The result file.
struct Book {
    path: PathBuf,
    file: fs::File,
    /// Imported before: file name and hash.
    done: HashMap<String, String>,
}

impl Book {
    fn open(path: &Path) -> Result<Self> {
        let refused = |error: io::Error| Error::io(format!("--results: {}", path.display()), &error);
        let mut options = OpenOptions::new();
        let mut file = options.read(true).append(true).create(true).open(path).map_err(refused)?;
        let (mut done, mut is_torn) = (HashMap::new(), false);
        let mut reader = BufReader::new(&file);
        let mut text = Vec::new();
        while reader.read_until(b'\n', &mut text).map_err(refused)? > 0 {
            is_torn = text.last() != Some(&b'\n');
            // The last line of a run that was killed may be half a line: its file is imported again, under the same request id.
            if let Ok(line) = serde_json::from_slice::<Line>(&text)
                && line.status == "imported"
            {
                done.insert(line.file, line.sha256);
            }
            text.clear();
        }
        if is_torn {
            file.write_all(b"\n").map_err(refused)?;
        }
        Ok(Self { path: path.to_owned(), file, done })
    }

    fn has(&self, file: &str, hash: &str) -> bool {
        self.done.get(file).is_some_and(|done| done == hash)
    }

    fn write(&mut self, line: &Line) -> Result<()> {
        let mut text = serde_json::to_vec(line).map_err(|error| Error::local(error.to_string()))?;
        text.push(b'\n');
        let written = self.file.write_all(&text);
        written.map_err(|error| Error::io(format!("--results: {}", self.path.display()), &error))
    }
}

/// A line on the terminal; elsewhere nothing.
struct Bar {
    total: usize,
    done: usize,
    shown: bool,
}

impl Bar {
    fn new(total: usize) -> Self {
        Self { total, done: 0, shown: io::stderr().is_terminal() }
    }

    fn step(&mut self, counts: &BTreeMap<&str, u64>) {
        const WIDTH: usize = 30;
        self.done += 1;
        if self.shown {
            let full = WIDTH * self.done / self.total.max(1);
            let failed = counts.get("failed").copied().unwrap_or_default();
            eprint!(
                "\r[{}{}] {} of {}, {failed} failed",
                "#".repeat(full),
                "-".repeat(WIDTH - full),
                self.done,
                self.total
            );
        }
    }

    fn end(&self) {
        if self.shown {
            eprintln!();
        }
    }
}
