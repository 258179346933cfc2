//! Attempts to get a certificate's key out that its policy keeps here.

use super::*;

fn kept(subject: &str) -> v1::CertificatePolicy {
    v1::CertificatePolicy { exportable: false, content_type: PEM.into(), ..policy(subject) }
}

/// A policy that lets the key be told.
fn told(subject: &str) -> v1::CertificatePolicy {
    v1::CertificatePolicy { exportable: true, reuse_key: true, ..kept(subject) }
}

async fn has_key(vault: &Vault, name: &str) -> bool {
    String::from_utf8(vault.secret(name).await.unwrap()).unwrap().contains("PRIVATE KEY")
}

async fn set_policy(vault: &Vault, name: &str, policy: v1::CertificatePolicy) {
    vault.admin(SetCertificatePolicy::parse(dev(), name.into(), Some(policy)).unwrap()).await.unwrap();
}

/// A certificate of its own for a pending request's key.
async fn answer(vault: &Vault, name: &str, made: &OperationView) -> Result<CertificateView> {
    let pending = KeyName::Named(name.into(), Some(Id::from_bytes(&made.pending.version).unwrap()));
    let key = vault.admin(GetKey(dev(), pending)).await.unwrap();
    let pkcs8 = AwsLc.generate(softkeep_proto::algorithm::KeyType::Ec(softkeep_proto::algorithm::Curve::P256)).unwrap();
    let authority = AwsLc.open(&pkcs8).unwrap();
    let own = key_info::public_info_of_private(&pkcs8).unwrap();
    let sign = |scheme: &SignScheme, input: &[u8]| authority.sign(scheme, input);
    let signer = Signer { public: &own, sign: &sign };
    let now = clock::now_seconds();
    let times = Times { not_before: now, not_after: now + DAY };
    let leaf = Contents::signing(name::parse("CN=issued").unwrap());
    let leaf = x509::certificate(&leaf, key.version.public().unwrap(), times, [2; 16], None, signer).unwrap();
    vault.merge(name, vec![leaf]).await
}

#[tokio::test]
async fn a_policy_changed_while_a_request_waits_tells_no_key() {
    let vault = Vault::new().await;
    let asked = v1::CertificatePolicy { issuer: "Unknown".into(), ..kept("CN=asked") };
    let made = vault.create("site", asked).await.unwrap();
    set_policy(&vault, "site", told("CN=asked")).await;
    answer(&vault, "site", &made).await.unwrap();
    assert!(!has_key(&vault, "site").await);
    // Nor does the next version that has the same key.
    assert_eq!(code(vault.create("site", told("CN=asked")).await), ErrorCode::InvalidArgument);
    // The other way round: what was to be told, and is not any more.
    let asked = v1::CertificatePolicy { issuer: "Unknown".into(), reuse_key: false, ..told("CN=asked") };
    let made = vault.create("shut", asked).await.unwrap();
    set_policy(&vault, "shut", kept("CN=asked")).await;
    answer(&vault, "shut", &made).await.unwrap();
    assert!(!has_key(&vault, "shut").await);
}

#[tokio::test]
async fn a_key_that_was_brought_in_to_stay_is_not_told_by_the_next_version() {
    let vault = Vault::new().await;
    let files = Files::ec();
    let value = [files.read("key.pem"), files.read("cert.pem")].concat();
    let import = |name: &str, policy: v1::CertificatePolicy| {
        let request = v1::ImportCertificateRequest {
            name: name.into(),
            value: value.clone(),
            policy: Some(policy),
            ..Default::default()
        };
        vault.admin(ImportCertificate::parse(dev(), request).unwrap())
    };
    import("stays", kept("CN=test")).await.unwrap();
    assert!(!has_key(&vault, "stays").await);
    assert_eq!(code(vault.create("stays", told("CN=test")).await), ErrorCode::InvalidArgument);
    // Through a request, too.
    let asked = v1::CertificatePolicy { issuer: "Unknown".into(), ..told("CN=test") };
    assert_eq!(code(vault.create("stays", asked).await), ErrorCode::InvalidArgument);
    let asked = v1::CertificatePolicy { issuer: "Unknown".into(), reuse_key: true, ..kept("CN=test") };
    let made = vault.create("stays", asked).await.unwrap();
    set_policy(&vault, "stays", told("CN=test")).await;
    answer(&vault, "stays", &made).await.unwrap();
    assert!(!has_key(&vault, "stays").await);
    // What may be told goes on to be.
    import("goes", told("CN=test")).await.unwrap();
    vault.create("goes", told("CN=test")).await.unwrap();
    assert!(has_key(&vault, "goes").await);
}
