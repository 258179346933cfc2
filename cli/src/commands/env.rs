//! `softkeep env`: the settings in use, as lines to paste into a shell.

use serde_json::{Map, Value};

use super::Reply;
use crate::{args::VaultArg, client::Context, error::Result, local, output};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    #[command(flatten)]
    vault: VaultArg,
}

/// Prints exports; as an object if an output format was asked for.
pub fn run(args: &Args, context: &Context) -> Result<Reply> {
    let settings = &context.settings;
    let mut variables = vec![("SOFTKEEP_ENDPOINT", settings.endpoint.to_string())];
    let vault = args.vault.vault_name.clone().or_else(|| settings.vault.clone());
    variables.extend(vault.map(|vault| ("SOFTKEEP_VAULT", vault)));
    match local::module() {
        Some(module) => {
            let module = module.display().to_string();
            variables.extend([("SOFTKEEP_PKCS11_MODULE", module.clone()), ("PKCS11_MODULE_PATH", module)]);
        }
        None => eprintln!("warning: {} is not beside softkeep", local::MODULE),
    }
    if settings.output_chosen {
        let members: Map<String, Value> =
            variables.into_iter().map(|(name, value)| (name.to_owned(), value.into())).collect();
        return Ok(Reply::value(members.into()));
    }
    let text: String = variables.iter().map(|(name, value)| local::export(name, value)).collect();
    output::write(text.as_bytes())?;
    Ok(Reply::nothing())
}
