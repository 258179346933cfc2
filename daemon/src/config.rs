//! What the operator says: one struct, read and checked before anything is opened. Secrets are named by path, never written here.

use std::{
    fs,
    net::SocketAddr,
    path::{Path, PathBuf},
};

use serde::Deserialize;

use crate::{
    error::{Error, ErrorCode, Result},
    policy::{Area, Permission},
};

/// The whole configuration (`softkeepd.toml`). Unknown names are errors.
#[derive(Clone, Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Config {
    /// Where the store, the key file and the audit log lie.
    pub data_dir: PathBuf,
    /// `unix:///path` and `https://address:port`.
    pub listen: Vec<Listen>,
    /// For `https`.
    pub tls: Option<Tls>,
    /// What each client certificate may do.
    pub clients: Vec<ClientGrant>,
    /// Which cryptography makes private-key operations.
    pub crypto_backend: BackendName,
    /// How new vaults are.
    pub vaults: Vaults,
}

/// What holds for every new vault.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(deny_unknown_fields, rename_all = "kebab-case", default)]
pub struct Vaults {
    /// Whether access policies or roles decide in it.
    pub authorization: Authorization,
}

/// What decides in a new vault.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum Authorization {
    /// Access policies, even where a client's default asks for roles.
    #[default]
    AccessPolicy,
    /// What the client asks for; access policies where it asks for nothing.
    AsRequested,
    /// Roles, unless the client asks for access policies.
    Rbac,
}

/// Where to listen.
#[derive(Clone, Debug, Deserialize, PartialEq, Eq)]
#[serde(try_from = "String")]
pub enum Listen {
    /// A Unix socket.
    Unix(PathBuf),
    /// TLS with client certificates.
    Https(SocketAddr),
}

impl TryFrom<String> for Listen {
    type Error = String;

    fn try_from(text: String) -> std::result::Result<Self, String> {
        text.parse()
    }
}

impl std::str::FromStr for Listen {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        if let Some(path) = text.strip_prefix("unix://") {
            let path = PathBuf::from(path);
            return if path.is_absolute() {
                Ok(Self::Unix(path))
            } else {
                Err(format!("'{text}' is no absolute path"))
            };
        }
        let address = text
            .strip_prefix("https://")
            .ok_or_else(|| format!("'{text}' is neither unix:///path nor https://address:port"))?;
        address.parse().map(Self::Https).map_err(|_| format!("'{address}' is no address:port"))
    }
}

/// The daemon's certificate and the authority of its clients, PEM.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Tls {
    /// The daemon's certificate chain.
    pub certificate_file: PathBuf,
    /// Its private key.
    pub key_file: PathBuf,
    /// Clients' certificates must be signed by one of these.
    pub client_ca_file: PathBuf,
}

/// What one client certificate may do, and where.
#[derive(Clone, Debug, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct ClientGrant {
    /// The certificate's common name.
    pub name: String,
    /// The vaults.
    pub vaults: Vec<String>,
    /// Key Vault's permission names: those for keys as they are, those for secrets and certificates as "secrets/get", "certificates/get".
    #[serde(default)]
    pub permissions: Vec<GrantedPermission>,
}

impl ClientGrant {
    /// Whether the grant is for this certificate in this vault.
    pub fn names(&self, certificate: &str, vault: &str) -> bool {
        self.name == certificate && self.vaults.iter().any(|listed| listed.eq_ignore_ascii_case(vault))
    }

    /// Whether the grant allows this.
    pub fn allows(&self, wanted: Permission) -> bool {
        // A client that may do anything in a vault may know that it is there.
        wanted == Permission::SeeToken || self.permissions.iter().any(|granted| granted.gives(wanted))
    }
}

/// A permission by its name.
#[derive(Clone, Copy, Debug, Deserialize)]
#[serde(try_from = "String")]
pub struct GrantedPermission(pub Permission);

impl GrantedPermission {
    /// Whether a permission has this name; two may share one.
    fn gives(self, wanted: Permission) -> bool {
        (self.0.area(), self.0.name()) == (wanted.area(), wanted.name())
    }
}

impl TryFrom<String> for GrantedPermission {
    type Error = String;

    fn try_from(name: String) -> std::result::Result<Self, String> {
        Permission::by_full_name(&name)
            .find(|permission| matches!(permission.area(), Area::Key | Area::Secret | Area::Certificate))
            .map(Self)
            .ok_or_else(|| {
                format!("unknown permission '{name}'; 'sign', 'secrets/get' and 'certificates/get' are some")
            })
    }
}

/// The two backends.
#[derive(Clone, Copy, Debug, Default, Deserialize, PartialEq, Eq)]
#[serde(rename_all = "kebab-case")]
pub enum BackendName {
    /// aws-lc.
    #[default]
    AwsLc,
    /// Pure Rust. Its RSA is not free of timing differences (RUSTSEC-2023-0071): not for keys that matter.
    Rustcrypto,
}

impl std::str::FromStr for BackendName {
    type Err = String;

    fn from_str(text: &str) -> std::result::Result<Self, String> {
        match text {
            "aws-lc" => Ok(Self::AwsLc),
            "rustcrypto" => Ok(Self::Rustcrypto),
            _ => Err(format!("'{text}' is neither 'aws-lc' nor 'rustcrypto'")),
        }
    }
}

impl Config {
    /// Reads a file.
    pub fn read(path: &Path) -> Result<Self> {
        let invalid = |what: String| Error::new(ErrorCode::InvalidArgument, format!("{}: {what}", path.display()));
        let text = fs::read_to_string(path).map_err(|cause| invalid(cause.to_string()))?;
        toml::from_str(&text).map_err(|cause| invalid(cause.message().to_owned()))
    }

    /// Checks what needs more than one member.
    pub fn check(&self) -> Result<()> {
        let invalid = |what: &str| Err(Error::new(ErrorCode::InvalidArgument, what));
        if self.data_dir.as_os_str().is_empty() {
            return invalid("no data folder; give --data-dir");
        }
        if self.listen.is_empty() {
            return invalid("nothing to listen on; give --listen unix:///path");
        }
        if self.listen.iter().any(|listen| matches!(listen, Listen::Https(_))) && self.tls.is_none() {
            return invalid("https needs [tls] with certificate-file, key-file and client-ca-file");
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_whole_file() {
        let config: Config = toml::from_str(
            r#"
            data-dir = "/var/lib/softkeep"
            listen = ["unix:///run/softkeep/softkeep.sock", "https://127.0.0.1:8443"]
            crypto-backend = "rustcrypto"
            [vaults]
            authorization = "as-requested"
            [tls]
            certificate-file = "server.pem"
            key-file = "server.key"
            client-ca-file = "clients.pem"
            [[clients]]
            name = "web"
            vaults = ["dev"]
            permissions = ["sign", "get", "secrets/set", "certificates/get"]
            "#,
        )
        .unwrap();
        config.check().unwrap();
        assert!(config.clients[0].names("web", "DEV") && !config.clients[0].names("web", "prod"));
        for (permission, expected) in [
            (Permission::Sign, true),
            (Permission::Delete, false),
            (Permission::UpdateSecret, true),
            (Permission::GetSecret, false),
            (Permission::GetCertificate, true),
            (Permission::SeeToken, true),
        ] {
            assert_eq!(config.clients[0].allows(permission), expected, "{permission:?}");
        }
        assert_eq!(config.vaults.authorization, Authorization::AsRequested);
        assert_eq!(Config::default().vaults.authorization, Authorization::AccessPolicy);
        assert_eq!(config.listen[1], Listen::Https("127.0.0.1:8443".parse().unwrap()));
    }

    #[test]
    fn mistakes_are_refused() {
        for text in [
            "data_dir = \"/a\"",
            "listen = [\"http://127.0.0.1:1\"]",
            "listen = [\"unix://relative\"]",
            "[[clients]]\nname = \"a\"\nvaults = []\npermissions = [\"fly\"]",
            "[[clients]]\nname = \"a\"\nvaults = []\npermissions = [\"administer\"]",
            "[[clients]]\nname = \"a\"\nvaults = []\npermissions = [\"login\"]",
            "[[clients]]\nname = \"a\"\nvaults = []\npermissions = [\"vaults/write\"]",
            "[vaults]\nauthorization = \"both\"",
        ] {
            assert!(toml::from_str::<Config>(text).is_err(), "{text}");
        }
        let config: Config = toml::from_str("data-dir = \"/a\"\nlisten = [\"https://127.0.0.1:1\"]").unwrap();
        assert!(config.check().is_err());
    }
}
