//! Making a credential: a secret that is given or made, or a certificate.

use jiff::{Timestamp, ToSpan, tz::TimeZone};
use softkeep_proto::v1::{AddCredentialReply, AddCredentialRequest};

use crate::{
    client::Context,
    error::{Error, Result},
    input::text_or_file,
    secret, time,
};

/// What kind, and until when.
#[derive(clap::Args)]
#[group(skip)]
pub struct CredentialArgs {
    /// Secret: the value, @FILE, or - for standard input; made by the daemon if absent
    #[arg(long, short = 'p')]
    password: Option<String>,
    /// A certificate instead of a secret: PEM, or @FILE
    #[arg(long, value_name = "PEM", conflicts_with = "password")]
    cert: Option<String>,
    /// How many years it is good for
    #[arg(long, conflicts_with = "end_date")]
    years: Option<u16>,
}

impl CredentialArgs {
    /// Adds it to a principal.
    pub async fn add(
        &self,
        principal: &str,
        display_name: Option<&str>,
        expires: Option<i64>,
        replace: bool,
        context: &Context,
    ) -> Result<AddCredentialReply> {
        let password = match &self.password {
            Some(password) => secret::from_flag("--password", password)?.as_str().to_owned(),
            None => String::new(),
        };
        let certificate = match &self.cert {
            Some(text) => certificate(&text_or_file("--cert", text)?)?,
            None => Vec::new(),
        };
        let request = AddCredentialRequest {
            principal: principal.to_owned(),
            password,
            certificate,
            display_name: display_name.unwrap_or("rbac").to_owned(),
            expires: match (expires, self.years) {
                (Some(end), _) => Some(end),
                (None, Some(years)) => Some(in_years(years)?),
                (None, None) => None,
            },
            replace,
        };
        Ok(context.access().await?.add_credential(request).await?.into_inner())
    }

    /// The secret to print: the one given, or the one made.
    pub fn secret(&self, reply: &AddCredentialReply) -> Result<Option<String>> {
        match (&self.password, &self.cert) {
            _ if !reply.password.is_empty() => Ok(Some(reply.password.clone())),
            (Some(password), _) if !password.starts_with('@') && password != "-" => Ok(Some(password.clone())),
            _ => Ok(None),
        }
    }
}

fn in_years(years: u16) -> Result<i64> {
    Timestamp::now()
        .to_zoned(TimeZone::UTC)
        .checked_add(i64::from(years).years())
        .map(|end| end.timestamp().as_second())
        .map_err(|_| Error::usage(format!("--years {years} is too many")))
}

/// The DER of the first certificate in a PEM text.
fn certificate(text: &str) -> Result<Vec<u8>> {
    crate::pem::certificate(text).ok_or_else(|| {
        Error::usage("--cert has no certificate in PEM").fix("--cert @FILE, with BEGIN CERTIFICATE in it")
    })
}

/// `--end-date`.
pub fn end_date(text: &str) -> std::result::Result<i64, String> {
    time::parse(text)
}
