use proptest::prelude::*;
use softkeep_proto::algorithm::Curve;

use super::*;

fn minimal() -> v1::CertificatePolicy {
    v1::CertificatePolicy { subject: "CN=contoso.com".into(), validity_months: 12, ..Default::default() }
}

fn refusal(change: impl FnOnce(&mut v1::CertificatePolicy)) -> Error {
    let mut policy = minimal();
    change(&mut policy);
    parse(policy).unwrap_err()
}

#[test]
fn defaults_are_key_vaults() {
    let record = parse(minimal()).unwrap();
    assert_eq!((record.issuer.as_str(), record.kty.as_str(), record.key_size_bits), (SELF, "RSA", 2048));
    assert_eq!((record.content_type.as_str(), record.enabled, record.exportable), (PFX, true, false));
    assert_eq!(record.key_usages, DEFAULT_USAGES);
    assert_eq!(record.extended_key_usages, DEFAULT_PURPOSES);
    assert_eq!(record.lifetime_actions, [default_action()]);
    let ec = v1::CertificatePolicy { kty: "EC".into(), curve: "P-384".into(), key_size_bits: 384, ..minimal() };
    let record = parse(ec).unwrap();
    assert_eq!(key_type(&record).unwrap(), KeyType::Ec(Curve::P384));
    let authority = parse(v1::CertificatePolicy { ca: true, path_length: Some(1), ..minimal() }).unwrap();
    assert_eq!(authority.key_usages, AUTHORITY_USAGES);
    assert_eq!(contents(&authority).unwrap().authority, Some(Some(1)));
}

#[test]
fn what_is_refused() {
    type Change = fn(&mut v1::CertificatePolicy);
    let cases: [(Change, ErrorCode, &str); 22] = [
        (|policy| policy.subject = "contoso.com".into(), ErrorCode::InvalidArgument, "lacks a '='"),
        (|policy| policy.subject.clear(), ErrorCode::InvalidArgument, "needs a subject"),
        (|policy| policy.validity_months = 0, ErrorCode::InvalidArgument, "1 to 1200 months"),
        (|policy| policy.validity_months = 1201, ErrorCode::InvalidArgument, "1 to 1200 months"),
        (|policy| policy.key_size_bits = 1024, ErrorCode::KeyTooWeak, "too weak"),
        (|policy| policy.key_size_bits = 2049, ErrorCode::UnsupportedAlgorithm, "2048, 3072 or 4096"),
        (|policy| policy.kty = "oct".into(), ErrorCode::UnsupportedAlgorithm, "RSA or EC"),
        (|policy| policy.kty = "OKP".into(), ErrorCode::UnsupportedAlgorithm, "RSA or EC"),
        (|policy| policy.kty = "DSA".into(), ErrorCode::UnsupportedAlgorithm, "unknown key type"),
        (
            |policy| (policy.kty, policy.curve) = ("EC".into(), "P-1".into()),
            ErrorCode::UnsupportedAlgorithm,
            "unknown curve",
        ),
        (
            |policy| policy.extended_key_usages = vec!["serverAuth".into()],
            ErrorCode::InvalidArgument,
            "object identifier",
        ),
        (|policy| policy.key_usages = vec!["sign".into()], ErrorCode::InvalidArgument, "unknown key usage"),
        (|policy| policy.dns_names = vec!["a b".into()], ErrorCode::InvalidArgument, "no DNS name"),
        (|policy| policy.ip_addresses = vec!["1.2.3".into()], ErrorCode::InvalidArgument, "no IP address"),
        (|policy| policy.dns_names = vec!["a.b".into(); 101], ErrorCode::InvalidArgument, "at most 100"),
        (|policy| policy.content_type = "text/plain".into(), ErrorCode::InvalidArgument, "content type"),
        (|policy| policy.issuer = "a b".into(), ErrorCode::InvalidArgument, "issuer's name"),
        (
            |policy| (policy.kty, policy.exportable) = ("RSA-HSM".into(), true),
            ErrorCode::InvalidArgument,
            "not exportable",
        ),
        (
            |policy| policy.lifetime_actions = vec![action("Renew", 1, 0)],
            ErrorCode::InvalidArgument,
            "AutoRenew or EmailContacts",
        ),
        (
            |policy| policy.lifetime_actions = vec![action(AUTO_RENEW, 0, 100)],
            ErrorCode::InvalidArgument,
            "1 to 99 percent",
        ),
        (
            |policy| policy.lifetime_actions = vec![action(AUTO_RENEW, 325, 0)],
            ErrorCode::InvalidArgument,
            "1 to 324 days",
        ),
        (|policy| policy.lifetime_actions = vec![action(AUTO_RENEW, 1, 1)], ErrorCode::InvalidArgument, "either days"),
    ];
    for (change, code, words) in cases {
        let refusal = refusal(change);
        assert_eq!(refusal.code, code, "{}", refusal.detail);
        assert!(refusal.detail.contains(words), "'{words}' is not in '{}'", refusal.detail);
    }
    let twice = refusal(|policy| policy.lifetime_actions = vec![action(AUTO_RENEW, 1, 0), action("autorenew", 2, 0)]);
    assert!(twice.detail.contains("twice"), "{}", twice.detail);
}

fn action(action: &str, days_before_expiry: u32, lifetime_percentage: u32) -> v1::CertificateLifetimeAction {
    v1::CertificateLifetimeAction { action: action.into(), days_before_expiry, lifetime_percentage }
}

#[test]
fn operations_follow_from_usages() {
    let with = |usages: &[&str]| CertificatePolicyRecord {
        key_usages: usages.iter().map(|usage| (*usage).to_owned()).collect(),
        ..CertificatePolicyRecord::default()
    };
    let rsa = KeyType::Rsa(2048);
    let ops = |usages: &[&str], key_type| operations(&with(usages), key_type).unwrap().names();
    assert_eq!(ops(&DEFAULT_USAGES, KeyType::Ec(Curve::P256)), ["sign", "verify"]);
    assert_eq!(ops(&["keyEncipherment"], KeyType::Ec(Curve::P256)), ["sign", "verify"]);
    let all = ops(&["digitalSignature", "keyEncipherment", "dataEncipherment"], rsa);
    for name in ["sign", "verify", "wrapKey", "unwrapKey", "encrypt", "decrypt"] {
        assert!(all.iter().any(|op| op == name), "{name} is not in {all:?}");
    }
    assert_eq!(ops(&["keyCertSign"], rsa), ["sign", "verify"]);
}

#[test]
fn months_end_on_the_same_day() {
    // 2024-01-31 12:00:00 UTC
    let start = 1_706_702_400;
    assert_eq!(end_of(start, 1).unwrap(), 1_709_208_000, "2024-02-29");
    assert_eq!(end_of(start, 12).unwrap(), start + 366 * 24 * 3600);
    assert!(end_of(start, 1200).unwrap() > 4_800_000_000);
}

proptest! {
    #[test]
    fn any_policy_is_survived(
        subject in ".{0,30}", dns in prop::collection::vec(".{0,10}", 0..3), usage in ".{0,12}", months in any::<u32>(), days in any::<u32>(),
        kty in "(RSA|EC|EC-HSM|oct|)", bits in any::<u32>(), curve in "(P-256|P-1|)",
    ) {
        let policy = v1::CertificatePolicy {
            subject, dns_names: dns, extended_key_usages: vec![usage], validity_months: months, kty, key_size_bits: bits, curve,
            lifetime_actions: vec![action(AUTO_RENEW, days, 0)],
            ..Default::default()
        };
        let _ = parse(policy);
    }
}
