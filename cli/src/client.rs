//! The connection to the daemon, made when the first call needs it.

use std::{error, fs, io, path::Path, time::Duration};

use softkeep_proto::{
    limits::MAX_MESSAGE_BYTES,
    v1::{
        access_client::AccessClient, audit_client::AuditClient, crypto_client::CryptoClient, keys_client::KeysClient,
        system_client::SystemClient, vaults_client::VaultsClient,
    },
};
use tonic::transport::{self, Certificate, Channel, ClientTlsConfig, Identity};

use crate::{
    config::{Endpoint, Settings, Tls},
    error::{Error, Result},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// An RSA key of 4096 bits may take seconds; nothing takes a minute.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// What a command gets: the settings, and the daemon on demand.
pub struct Context {
    /// Flags, environment and files.
    pub settings: Settings,
}

macro_rules! clients {
    ($($(#[$doc:meta])* $name:ident: $client:ident),* $(,)?) => {
        $(
            $(#[$doc])*
            pub async fn $name(&self) -> Result<$client<Channel>> {
                Ok($client::new(self.channel().await?).max_decoding_message_size(MAX_MESSAGE_BYTES))
            }
        )*
    };
}

impl Context {
    /// Nothing is connected yet.
    pub fn new(settings: Settings) -> Self {
        Self { settings }
    }

    clients! {
        /// PINs.
        access: AccessClient,
        /// The audit log.
        audit: AuditClient,
        /// Sign, verify, encrypt, decrypt.
        crypto: CryptoClient,
        /// Keys.
        keys: KeysClient,
        /// The daemon itself.
        system: SystemClient,
        /// Vaults.
        vaults: VaultsClient,
    }

    async fn channel(&self) -> Result<Channel> {
        let endpoint = &self.settings.endpoint;
        let unreachable = |error: transport::Error| refused(endpoint, &error);
        let builder = match endpoint {
            Endpoint::Unix(_) => transport::Endpoint::from_shared(endpoint.to_string()).map_err(unreachable)?,
            Endpoint::Https(url) => {
                let tls = tls(&self.settings.tls)?;
                transport::Endpoint::from_shared(url.clone())
                    .and_then(|builder| builder.tls_config(tls))
                    .map_err(unreachable)?
            }
        };
        builder.connect_timeout(CONNECT_TIMEOUT).timeout(CALL_TIMEOUT).connect().await.map_err(unreachable)
    }
}

/// The mTLS half of the configuration.
fn tls(files: &Tls) -> Result<ClientTlsConfig> {
    let read = |name: &str, path: &Option<std::path::PathBuf>| -> Result<Vec<u8>> {
        let path: &Path = path.as_deref().ok_or_else(|| {
            Error::usage(format!("an https endpoint needs [tls] {name} in config.toml"))
                .fix("see SOFTKEEP_CONFIG, or use the unix socket")
        })?;
        fs::read(path).map_err(|error| Error::usage(format!("[tls] {name}: cannot read {}: {error}", path.display())))
    };
    let ca = Certificate::from_pem(read("ca-file", &files.ca_file)?);
    let certificate = read("certificate-file", &files.certificate_file)?;
    let key = zeroize::Zeroizing::new(read("key-file", &files.key_file)?);
    Ok(ClientTlsConfig::new().ca_certificate(ca).identity(Identity::from_pem(certificate, &*key)))
}

/// Why there is no connection, from the innermost cause.
fn refused(endpoint: &Endpoint, error: &transport::Error) -> Error {
    let mut cause: &dyn error::Error = error;
    let mut denied = false;
    while let Some(source) = cause.source() {
        cause = source;
        denied |=
            cause.downcast_ref::<io::Error>().is_some_and(|error| error.kind() == io::ErrorKind::PermissionDenied);
    }
    let failure = Error::unreachable(&endpoint.to_string(), &cause.to_string());
    if denied {
        failure.fix("this user may not reach the socket: check the permissions of its folder")
    } else {
        failure
    }
}
