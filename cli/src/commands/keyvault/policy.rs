//! Whom `set-policy` and `delete-policy` are about.

use crate::{azure::HsmArg, error::Result};

/// A vault and a principal. Each of the three flags takes any name of a principal.
#[derive(clap::Args)]
#[group(id = "principal", required = true, multiple = false, args = ["object_id", "spn", "upn"])]
pub struct PolicyTarget {
    /// Vault
    #[arg(long, short = 'n', alias = "vault-name", required_unless_present = "hsm_name")]
    name: Option<String>,
    /// Accepted for az's sake; a vault's name is enough here
    #[arg(long, short = 'g', hide = true)]
    resource_group: Option<String>,
    /// The principal's object id; also pin:user, pin:so, uid:NUMBER, certificate:NAME
    #[arg(long, value_name = "GUID")]
    object_id: Option<String>,
    /// A service principal by its app id or name
    #[arg(long, value_name = "APP")]
    spn: Option<String>,
    /// A user by name
    #[arg(long, value_name = "USER")]
    upn: Option<String>,
    /// Only together with this application
    #[arg(long, value_name = "GUID")]
    application_id: Option<String>,
    /// Accepted for az's sake: it is done when it returns
    #[arg(long, hide = true)]
    no_wait: bool,
    #[command(flatten)]
    hsm: HsmArg,
}

/// What a request needs of it.
pub struct Target {
    /// The vault.
    pub vault: String,
    /// The principal.
    pub principal: String,
    /// The application, or nothing.
    pub application_id: String,
}

impl PolicyTarget {
    /// Reads the flags.
    pub fn resolve(self) -> Result<Target> {
        self.hsm.refuse()?;
        // A vault's name is unique here, and nothing is left to wait for.
        let _ = (self.resource_group, self.no_wait);
        Ok(Target {
            vault: self.name.unwrap_or_default(),
            principal: self.object_id.or(self.spn).or(self.upn).unwrap_or_default(),
            application_id: self.application_id.unwrap_or_default(),
        })
    }
}
