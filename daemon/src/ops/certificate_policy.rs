//! What the next version of a certificate is to be: Key Vault's words for it, checked, with the defaults filled in; and what follows from
//! it for the certificate and for its key.

use der::flagset::FlagSet;
use softkeep_proto::{
    algorithm::{KeyOperation, KeyType},
    v1,
};
use x509_cert::ext::pkix::KeyUsages;

use super::{
    names,
    new_version::{parse_key_type, possible_ops},
};
use crate::{
    clock,
    crypto::x509::{Contents, Read, contents, name},
    error::{Error, ErrorCode, Result},
    keys::record::{CertificatePolicyRecord, LifetimeActionRecord, Ops},
};

/// The issuer of certificates that are signed with their own key.
pub const SELF: &str = "Self";
/// The issuer of certificates that somebody else makes of a request.
pub const UNKNOWN: &str = "Unknown";

/// A secret that is a PFX in base64.
pub const PFX: &str = "application/x-pkcs12";
/// A secret that is a PEM.
pub const PEM: &str = "application/x-pem-file";

/// To make the next version by itself.
pub const AUTO_RENEW: &str = "AutoRenew";
/// To tell the contacts.
pub const EMAIL_CONTACTS: &str = "EmailContacts";

/// A hundred years.
const MAX_VALIDITY_MONTHS: u32 = 1200;
/// The shortest month, less a day: a trigger so many days a month before the end is after the beginning (Key Vault's rule).
const DAYS_OF_A_MONTH: u32 = 27;
/// Names in one certificate.
const MAX_ALTERNATIVE_NAMES: usize = 100;
/// Words that are only kept.
const MAX_WORD_BYTES: usize = 256;
/// Purposes in one certificate.
const MAX_PURPOSES: usize = 32;

/// When something is done if nobody has said when.
const DEFAULT_PERCENTAGE: u32 = 80;

/// The purposes of a certificate that names none: a TLS server's and client's.
const DEFAULT_PURPOSES: [&str; 2] = ["1.3.6.1.5.5.7.3.1", "1.3.6.1.5.5.7.3.2"];
const DEFAULT_USAGES: [&str; 2] = ["digitalSignature", "keyEncipherment"];
const AUTHORITY_USAGES: [&str; 2] = ["keyCertSign", "cRLSign"];

fn invalid(why: impl Into<String>) -> Error {
    Error::new(ErrorCode::InvalidArgument, why)
}

/// Checks a policy and fills in the defaults.
pub fn parse(policy: v1::CertificatePolicy) -> Result<CertificatePolicyRecord> {
    let now = clock::now_seconds();
    let mut record = CertificatePolicyRecord {
        issuer: issuer(&policy.issuer)?,
        certificate_type: policy.certificate_type,
        certificate_transparency: policy.certificate_transparency,
        exportable: policy.exportable,
        kty: policy.kty,
        key_size_bits: policy.key_size_bits,
        curve: policy.curve,
        reuse_key: policy.reuse_key,
        content_type: content_type(&policy.content_type)?,
        subject: policy.subject,
        dns_names: policy.dns_names,
        emails: policy.emails,
        upns: policy.upns,
        uris: policy.uris,
        ip_addresses: policy.ip_addresses,
        extended_key_usages: policy.extended_key_usages,
        key_usages: policy.key_usages,
        validity_months: policy.validity_months,
        lifetime_actions: policy.lifetime_actions.into_iter().map(lifetime_action).collect::<Result<_>>()?,
        enabled: policy.enabled.unwrap_or(true),
        created: now,
        updated: now,
        ca: policy.ca,
        path_length: policy.path_length,
    };
    fill_in(&mut record);
    check(&mut record)?;
    Ok(record)
}

fn fill_in(record: &mut CertificatePolicyRecord) {
    let words = |all: &[&str]| all.iter().map(|word| (*word).to_owned()).collect::<Vec<_>>();
    if record.kty.is_empty() {
        record.kty = "RSA".into();
    }
    if record.key_usages.is_empty() {
        record.key_usages = words(if record.ca { &AUTHORITY_USAGES } else { &DEFAULT_USAGES });
    }
    if record.extended_key_usages.is_empty() && !record.ca {
        record.extended_key_usages = words(&DEFAULT_PURPOSES);
    }
    if record.lifetime_actions.is_empty() {
        record.lifetime_actions.push(default_action());
    }
}

fn default_action() -> LifetimeActionRecord {
    LifetimeActionRecord {
        action: EMAIL_CONTACTS.into(),
        days_before_expiry: 0,
        lifetime_percentage: DEFAULT_PERCENTAGE,
    }
}

fn check(record: &mut CertificatePolicyRecord) -> Result<()> {
    match key_type(record)? {
        KeyType::Rsa(bits) => (record.key_size_bits, record.curve) = (bits, String::new()),
        KeyType::Ec(curve) => (record.key_size_bits, record.curve) = (0, curve.name().to_owned()),
        _ => {}
    }
    contents(record)?;
    if record.certificate_type.len() > MAX_WORD_BYTES {
        return Err(invalid("the certificate type is too long"));
    }
    if !(1..=MAX_VALIDITY_MONTHS).contains(&record.validity_months) {
        return Err(invalid(format!(
            "a certificate is valid for 1 to {MAX_VALIDITY_MONTHS} months, not {}",
            record.validity_months
        )));
    }
    if record.exportable && record.kty.ends_with("-HSM") {
        return Err(invalid("a key of a type ending in -HSM is not exportable"));
    }
    check_actions(record)
}

fn check_actions(record: &CertificatePolicyRecord) -> Result<()> {
    let most_days = record.validity_months * DAYS_OF_A_MONTH;
    for (index, action) in record.lifetime_actions.iter().enumerate() {
        match (action.days_before_expiry, action.lifetime_percentage) {
            (0, 1..=99) => {}
            (days, 0) if (1..=most_days).contains(&days) => {}
            (0, 0) | (1.., 1..) => {
                return Err(invalid("a lifetime action has either days before expiry or a percentage of the lifetime"));
            }
            (0, percentage) => {
                return Err(invalid(format!(
                    "a lifetime action is at 1 to 99 percent of the lifetime, not {percentage}"
                )));
            }
            (days, _) => {
                let why = format!(
                    "a lifetime action is 1 to {most_days} days before the end of a certificate of {} months, not {days}",
                    record.validity_months
                );
                return Err(invalid(why));
            }
        }
        if record.lifetime_actions.iter().take(index).any(|earlier| earlier.action == action.action) {
            return Err(invalid(format!("the lifetime action {} is there twice", action.action)));
        }
    }
    Ok(())
}

fn issuer(text: &str) -> Result<String> {
    for known in [SELF, UNKNOWN] {
        if text.eq_ignore_ascii_case(known) || (text.is_empty() && known == SELF) {
            return Ok(known.to_owned());
        }
    }
    check_issuer_name(text)?;
    Ok(text.to_owned())
}

/// Key Vault's rule for the names of issuers, which are not the two that it knows itself.
pub fn check_issuer_name(name: &str) -> Result<()> {
    if !names::is_key_name(name) {
        return Err(invalid("an issuer's name has 1 to 127 letters, digits and hyphens"));
    }
    if [SELF, UNKNOWN].iter().any(|known| known.eq_ignore_ascii_case(name)) {
        return Err(invalid(format!("'{name}' is no name for an issuer: it has a meaning of its own")));
    }
    Ok(())
}

fn content_type(text: &str) -> Result<String> {
    match text {
        "" => Ok(PFX.into()),
        PFX | PEM => Ok(text.to_owned()),
        _ => Err(invalid(format!("the content type of a certificate's secret is {PFX} or {PEM}, not '{text}'"))),
    }
}

fn lifetime_action(action: v1::CertificateLifetimeAction) -> Result<LifetimeActionRecord> {
    let known = [AUTO_RENEW, EMAIL_CONTACTS].into_iter().find(|known| known.eq_ignore_ascii_case(&action.action));
    let known = known.ok_or_else(|| {
        invalid(format!("a lifetime action is {AUTO_RENEW} or {EMAIL_CONTACTS}, not '{}'", action.action))
    })?;
    Ok(LifetimeActionRecord {
        action: known.into(),
        days_before_expiry: action.days_before_expiry,
        lifetime_percentage: action.lifetime_percentage,
    })
}

/// The type of the key.
pub fn key_type(record: &CertificatePolicyRecord) -> Result<KeyType> {
    // Key Vault's policies say the size of an elliptic-curve key too; the curve alone decides.
    let is_ec = record.kty.starts_with("EC");
    let (bits, curve) = if is_ec { (0, record.curve.as_str()) } else { (record.key_size_bits, "") };
    let (key_type, _) = parse_key_type(&record.kty, bits, curve)?;
    match key_type {
        KeyType::Rsa(_) | KeyType::Ec(_) => Ok(key_type),
        _ => {
            let detail = format!("a certificate's key is of type RSA or EC, not {}", record.kty);
            Err(Error::new(ErrorCode::UnsupportedAlgorithm, detail))
        }
    }
}

/// What the certificate says.
pub fn contents(record: &CertificatePolicyRecord) -> Result<Contents> {
    let subject = name::parse(&record.subject)?;
    let mut alternative = Vec::new();
    for (texts, read) in [
        (&record.dns_names, contents::dns_name as fn(&str) -> Result<_>),
        (&record.emails, contents::email),
        (&record.upns, contents::user_principal_name),
        (&record.uris, contents::uri),
        (&record.ip_addresses, contents::ip_address),
    ] {
        for text in texts {
            alternative.push(read(text)?);
        }
    }
    if subject.is_empty() && alternative.is_empty() {
        return Err(invalid("a certificate needs a subject or an alternative name"));
    }
    if alternative.len() > MAX_ALTERNATIVE_NAMES || record.extended_key_usages.len() > MAX_PURPOSES {
        let why = format!("at most {MAX_ALTERNATIVE_NAMES} alternative names and {MAX_PURPOSES} extended key usages");
        return Err(invalid(why));
    }
    let purposes: Result<Vec<_>> = record.extended_key_usages.iter().map(|text| contents::purpose(text)).collect();
    let path_length = record.path_length.map(u8::try_from).transpose();
    let path_length = path_length.map_err(|_| invalid("a path length is at most 255"))?;
    Ok(Contents {
        subject,
        names: alternative,
        key_usages: usages(record)?,
        extended: purposes?,
        authority: record.ca.then_some(path_length),
    })
}

fn usages(record: &CertificatePolicyRecord) -> Result<FlagSet<KeyUsages>> {
    let mut all = FlagSet::default();
    for text in &record.key_usages {
        all |= contents::key_usage(text)?;
    }
    Ok(all)
}

/// What the key may do, which follows from what the certificate says that it is for (Key Vault's table).
pub fn operations(record: &CertificatePolicyRecord, key_type: KeyType) -> Result<Ops> {
    use KeyOperation as K;
    let usages = usages(record)?;
    let mut ops = Ops::NONE;
    for (usage, gives) in [
        (KeyUsages::DigitalSignature, &[K::Sign, K::Verify][..]),
        (KeyUsages::NonRepudiation, &[K::Sign, K::Verify]),
        (KeyUsages::KeyCertSign, &[K::Sign, K::Verify]),
        (KeyUsages::CRLSign, &[K::Sign, K::Verify]),
        (KeyUsages::KeyEncipherment, &[K::WrapKey, K::UnwrapKey]),
        (KeyUsages::DataEncipherment, &[K::Encrypt, K::Decrypt]),
        (KeyUsages::EncipherOnly, &[K::Encrypt]),
        (KeyUsages::DecipherOnly, &[K::Decrypt]),
    ] {
        if usages.contains(usage) {
            ops = ops.and(Ops::all(gives));
        }
    }
    let possible = Ops(ops.0 & possible_ops(key_type).0);
    // A key that could do nothing would be no use to anybody.
    Ok(if possible.is_empty() { Ops::all(&[K::Sign, K::Verify]) } else { possible })
}

/// What a certificate that was brought in says of itself, in the words of a policy.
pub fn of_certificate(read: &Read, key_type: KeyType, content_type: &str) -> CertificatePolicyRecord {
    const SECONDS_PER_MONTH: i64 = 365 * 24 * 3600 / 12;
    let now = clock::now_seconds();
    let months = (read.not_after - read.not_before + SECONDS_PER_MONTH / 2) / SECONDS_PER_MONTH;
    let (kty, key_size_bits, curve) = match key_type {
        KeyType::Ec(curve) => ("EC", 0, curve.name().to_owned()),
        other => ("RSA", other.bits(), String::new()),
    };
    let names = read.alternative_names();
    CertificatePolicyRecord {
        issuer: UNKNOWN.into(),
        exportable: true,
        kty: kty.into(),
        key_size_bits,
        curve,
        content_type: content_type.to_owned(),
        subject: read.subject.clone(),
        dns_names: names.dns_names,
        emails: names.emails,
        upns: names.upns,
        uris: names.uris,
        ip_addresses: names.ip_addresses,
        extended_key_usages: read.extended_key_usages(),
        key_usages: read.key_usages(),
        validity_months: u32::try_from(months).unwrap_or(0).clamp(1, MAX_VALIDITY_MONTHS),
        lifetime_actions: vec![default_action()],
        enabled: true,
        created: now,
        updated: now,
        ca: read.is_authority(),
        path_length: read.path_len().map(u32::from),
        ..CertificatePolicyRecord::default()
    }
}

/// The policy that comes with a certificate, with what it leaves out taken from the certificate. A policy that says nothing of the key's
/// type says nothing of the key at all.
pub fn completed(given: v1::CertificatePolicy, own: CertificatePolicyRecord) -> Result<CertificatePolicyRecord> {
    let says_key = !given.kty.is_empty();
    let same_key = given.kty.trim_end_matches("-HSM") == own.kty
        && (own.kty == "EC" || [0, own.key_size_bits].contains(&given.key_size_bits))
        && (given.curve.is_empty() || given.curve == own.curve);
    if says_key && !same_key {
        return Err(invalid("the policy's key type or size is not that of the certificate's key"));
    }
    let text = |given: String, own: String| if given.is_empty() { own } else { given };
    let list = |given: Vec<String>, own: Vec<String>| if given.is_empty() { own } else { given };
    let mut record = CertificatePolicyRecord {
        issuer: if given.issuer.is_empty() { own.issuer } else { issuer(&given.issuer)? },
        certificate_type: given.certificate_type,
        certificate_transparency: given.certificate_transparency,
        exportable: if says_key { given.exportable } else { own.exportable },
        kty: text(given.kty, own.kty),
        key_size_bits: own.key_size_bits,
        curve: own.curve,
        reuse_key: given.reuse_key,
        content_type: if given.content_type.is_empty() { own.content_type } else { content_type(&given.content_type)? },
        subject: text(given.subject, own.subject),
        dns_names: list(given.dns_names, own.dns_names),
        emails: list(given.emails, own.emails),
        upns: list(given.upns, own.upns),
        uris: list(given.uris, own.uris),
        ip_addresses: list(given.ip_addresses, own.ip_addresses),
        extended_key_usages: list(given.extended_key_usages, own.extended_key_usages),
        key_usages: list(given.key_usages, own.key_usages),
        validity_months: if given.validity_months == 0 { own.validity_months } else { given.validity_months },
        lifetime_actions: match given.lifetime_actions.is_empty() {
            true => own.lifetime_actions,
            false => given.lifetime_actions.into_iter().map(lifetime_action).collect::<Result<_>>()?,
        },
        enabled: given.enabled.unwrap_or(true),
        created: own.created,
        updated: own.updated,
        ca: given.ca || own.ca,
        path_length: given.path_length.or(own.path_length),
    };
    check(&mut record)?;
    Ok(record)
}

/// The end of a certificate of so many months that begins at a time: the same day of a later month, or that month's last.
pub fn end_of(start: i64, months: u32) -> Result<i64> {
    use jiff::{Timestamp, ToSpan as _, tz::TimeZone};
    let start = Timestamp::from_second(start).map_err(Error::internal)?;
    let end = start.to_zoned(TimeZone::UTC).checked_add(i64::from(months).months()).map_err(Error::internal)?;
    Ok(end.timestamp().as_second())
}

#[cfg(test)]
#[path = "certificate_policy/tests.rs"]
mod tests;
