//! The connection to the daemon, made when the first call needs it.

use std::{error, fs, io, path::Path, time::Duration};

use softkeep_proto::{
    limits::MAX_MESSAGE_BYTES,
    pkcs11::v1::module_client::ModuleClient,
    v1::{
        SignInRequest, access_client::AccessClient, audit_client::AuditClient, certificates_client::CertificatesClient,
        crypto_client::CryptoClient, keys_client::KeysClient, secrets_client::SecretsClient,
        sign_in_request::Credential, system_client::SystemClient, vaults_client::VaultsClient,
    },
};
use tonic::{
    Request, Status,
    metadata::{Ascii, MetadataValue},
    service::{Interceptor, interceptor::InterceptedService},
    transport::{self, Certificate, Channel, ClientTlsConfig, Identity},
};

use crate::{
    config::{Endpoint, Settings, Tls},
    error::{Error, Result},
    session::{self, Session},
};

const CONNECT_TIMEOUT: Duration = Duration::from_secs(5);
/// An RSA key of 4096 bits may take seconds; nothing takes a minute.
const CALL_TIMEOUT: Duration = Duration::from_secs(60);

/// The daemon, as whoever is signed in.
pub type Daemon = InterceptedService<Channel, Bearer>;

/// Shows the access token, if there is one; without, the daemon sees the peer.
#[derive(Clone, Default)]
pub struct Bearer(Option<MetadataValue<Ascii>>);

impl Bearer {
    fn of(session: Option<&Session>) -> Result<Self> {
        let value = session.map(|session| {
            let mut value: MetadataValue<Ascii> = format!("Bearer {}", session.access_token)
                .parse()
                .map_err(|_| Error::local("the session file is damaged").fix("softkeep logout, then softkeep login"))?;
            value.set_sensitive(true);
            Ok::<_, Error>(value)
        });
        Ok(Self(value.transpose()?))
    }
}

impl Interceptor for Bearer {
    fn call(&mut self, mut request: Request<()>) -> std::result::Result<Request<()>, Status> {
        if let Some(value) = &self.0 {
            request.metadata_mut().insert("authorization", value.clone());
        }
        Ok(request)
    }
}

/// What a command gets: the settings, and the daemon on demand.
pub struct Context {
    /// Flags, environment and files.
    pub settings: Settings,
}

macro_rules! clients {
    ($($(#[$doc:meta])* $name:ident: $client:ident),* $(,)?) => {
        $(
            $(#[$doc])*
            pub async fn $name(&self) -> Result<$client<Daemon>> {
                let channel = self.channel().await?;
                let session = self.session_over(&channel).await?;
                let client = $client::with_interceptor(channel, Bearer::of(session.as_ref())?);
                Ok(client.max_decoding_message_size(MAX_MESSAGE_BYTES))
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
        /// Principals, roles, PINs.
        access: AccessClient,
        /// The audit log.
        audit: AuditClient,
        /// Certificates.
        certificates: CertificatesClient,
        /// Sign, verify, encrypt, decrypt.
        crypto: CryptoClient,
        /// Keys.
        keys: KeysClient,
        /// What the PKCS#11 module speaks.
        module: ModuleClient,
        /// Secrets.
        secrets: SecretsClient,
        /// The daemon itself.
        system: SystemClient,
        /// Vaults.
        vaults: VaultsClient,
    }

    /// The calls that need no session: signing in.
    pub async fn sign_in(&self) -> Result<AccessClient<Daemon>> {
        Ok(AccessClient::with_interceptor(self.channel().await?, Bearer::default()))
    }

    /// The session with this daemon, refreshed if that is due; none if nobody is signed in.
    pub async fn session(&self) -> Result<Option<Session>> {
        if session::load(&self.settings)?.is_none() {
            return Ok(None);
        }
        self.session_over(&self.channel().await?).await
    }

    async fn session_over(&self, channel: &Channel) -> Result<Option<Session>> {
        let Some(session) = session::load(&self.settings)? else { return Ok(None) };
        let now = session::now();
        if !session.wants_refresh(now) {
            return Ok(Some(session));
        }
        let request = SignInRequest { credential: Some(Credential::RefreshToken(session.refresh_token.clone())) };
        match AccessClient::new(channel.clone()).sign_in(request).await {
            Ok(reply) => {
                let fresh = Session::of(reply.get_ref(), &session.refresh_token);
                session::store(&self.settings, Some(fresh.clone()))?;
                Ok(Some(fresh))
            }
            // Still good for a while: the daemon says so if it is not.
            Err(_) if session.expires > now => Ok(Some(session)),
            Err(status) => Err(status.into()),
        }
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
