//! The store's sequence number in a file beside it, so that a whole store put back from an older copy is noticed: its own sums are all right.
//! Written after the store has committed, so it is never ahead of a store that was not rolled back.

use std::{
    fs,
    io::Write,
    os::unix::fs::OpenOptionsExt,
    path::{Path, PathBuf},
};

use aws_lc_rs::hmac;

use crate::error::{Error, ErrorCode, Result};

const FILE: &str = "anchor";
const LABEL: &[u8] = b"softkeep/anchor/1";

/// Where the anchor of a data folder lies.
pub fn path(data_dir: &Path) -> PathBuf {
    data_dir.join(FILE)
}

/// sequence (8 bytes, big-endian) ‖ HMAC-SHA256 under K_meta over the label and the sequence.
fn encode(meta: &hmac::Key, sequence: u64) -> Vec<u8> {
    let mut context = hmac::Context::with_key(meta);
    context.update(LABEL);
    context.update(&sequence.to_be_bytes());
    [&sequence.to_be_bytes(), context.sign().as_ref()].concat()
}

/// Replaces the anchor.
pub fn write(path: &Path, meta: &hmac::Key, sequence: u64) -> Result<()> {
    let failed = |cause: std::io::Error| {
        Error::new(ErrorCode::StoreFailed, "the store's anchor cannot be written").because(cause)
    };
    let fresh = path.with_extension("new");
    let mut file =
        fs::OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(&fresh).map_err(failed)?;
    file.write_all(&encode(meta, sequence)).and_then(|()| file.sync_data()).map_err(failed)?;
    fs::rename(&fresh, path).map_err(failed)
}

/// Refuses a store that is older than its anchor. No anchor is no objection: it may have been lost, or the store may be new.
pub fn check(path: &Path, meta: &hmac::Key, sequence: u64) -> Result<()> {
    let stored = match fs::read(path) {
        Ok(stored) => stored,
        Err(cause) if cause.kind() == std::io::ErrorKind::NotFound => return Ok(()),
        Err(cause) => {
            return Err(Error::new(ErrorCode::StoreFailed, "the store's anchor cannot be read").because(cause));
        }
    };
    let shown = path.display();
    let anchored = stored
        .first_chunk()
        .map(|bytes| u64::from_be_bytes(*bytes))
        .filter(|anchored| encode(meta, *anchored) == stored);
    match anchored {
        Some(anchored) if anchored <= sequence => Ok(()),
        Some(anchored) => Err(Error::new(
            ErrorCode::RecordDamaged,
            format!(
                "the store was rolled back: it is at {sequence} and {shown} says {anchored}; restore the newest copy, or remove that file to accept the loss"
            ),
        )),
        None => Err(Error::new(
            ErrorCode::RecordDamaged,
            format!("{shown} is not this store's anchor; remove it if that is expected"),
        )),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_older_store_and_a_forged_anchor_are_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = path(dir.path());
        let meta = hmac::Key::new(hmac::HMAC_SHA256, b"key");
        assert!(check(&path, &meta, 0).is_ok(), "no anchor yet");
        write(&path, &meta, 7).unwrap();
        assert!(check(&path, &meta, 7).is_ok() && check(&path, &meta, 8).is_ok());
        assert!(check(&path, &meta, 6).is_err_and(|error| error.detail.contains("rolled back")));
        let mut forged = fs::read(&path).unwrap();
        forged[7] = 1;
        fs::write(&path, &forged).unwrap();
        assert!(check(&path, &meta, 7).is_err());
        fs::write(&path, b"").unwrap();
        assert!(check(&path, &meta, 7).is_err());
    }
}
