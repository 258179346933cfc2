//! A policy's document, as az prints it or as Key Vault's own interface has it (`key_props` and the like).

#[cfg(test)]
mod tests;

use softkeep_proto::v1::{CertificateLifetimeAction, CertificatePolicy};

use crate::{
    document::{self, Members},
    error::{Error, Result},
};

/// Reads a flag's policy.
pub fn read(flag: &str, given: &str) -> Result<CertificatePolicy> {
    let value = document::read(flag, given)?;
    let document = Members::of(flag, &value);
    let mut policy = CertificatePolicy { exportable: true, ..CertificatePolicy::default() };
    if let Some(attributes) = document.object(&["attributes"])? {
        policy.enabled = attributes.flag(&["enabled"])?;
    }
    if let Some(issuer) = document.object(&["issuerParameters", "issuer"])? {
        policy.issuer = issuer.text(&["name"])?;
        policy.certificate_type = issuer.text(&["certificateType", "cty"])?;
        policy.certificate_transparency = issuer.flag(&["certificateTransparency", "certTransparency"])?;
    }
    if let Some(key) = document.object(&["keyProperties", "keyProps"])? {
        policy.exportable = key.flag(&["exportable"])?.unwrap_or(true);
        policy.kty = key.text(&["keyType", "kty"])?;
        policy.key_size_bits = key.number(&["keySize"])?;
        policy.curve = key.text(&["curve", "crv"])?;
        policy.reuse_key = key.flag(&["reuseKey"])?.unwrap_or_default();
    }
    if let Some(secret) = document.object(&["secretProperties", "secretProps"])? {
        policy.content_type = secret.text(&["contentType"])?;
    }
    if let Some(x509) = document.object(&["x509CertificateProperties", "x509Props"])? {
        read_x509(&x509, &mut policy)?;
    }
    policy.lifetime_actions = document.objects(&["lifetimeActions"])?.iter().map(read_action).collect::<Result<_>>()?;
    Ok(policy)
}

fn read_x509(x509: &Members<'_>, policy: &mut CertificatePolicy) -> Result<()> {
    policy.subject = x509.text(&["subject"])?;
    policy.extended_key_usages = x509.texts(&["ekus"])?;
    policy.key_usages = x509.texts(&["keyUsage"])?;
    policy.validity_months = match x509.number_if_any(&["validityInMonths", "validityMonths"])? {
        Some(0) => return Err(Error::usage("the policy's validityInMonths is 0").fix("1 to 1200, or leave it out")),
        months => months.unwrap_or_default(),
    };
    if let Some(constraints) = x509.object(&["basicConstraints"])? {
        policy.ca = constraints.flag(&["ca"])?.unwrap_or_default();
        policy.path_length = constraints.number_if_any(&["pathLength"])?;
    }
    if let Some(names) = x509.object(&["subjectAlternativeNames", "sans"])? {
        policy.dns_names = names.texts(&["dnsNames"])?;
        policy.emails = names.texts(&["emails"])?;
        policy.upns = names.texts(&["upns"])?;
        policy.uris = names.texts(&["uris"])?;
        policy.ip_addresses = names.texts(&["ipAddresses"])?;
    }
    Ok(())
}

fn read_action(document: &Members<'_>) -> Result<CertificateLifetimeAction> {
    let mut action = CertificateLifetimeAction::default();
    if let Some(what) = document.object(&["action"])? {
        action.action = what.text(&["actionType"])?;
    }
    if let Some(when) = document.object(&["trigger"])? {
        action.days_before_expiry = when.number(&["daysBeforeExpiry"])?;
        action.lifetime_percentage = when.number(&["lifetimePercentage"])?;
    }
    Ok(action)
}
