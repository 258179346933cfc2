//! TABLE: what to do about each error code. No `_ =>` arm on purpose: a new code does not build until somebody says
//! what to do about it.

use softkeep_proto::error::ErrorCode;
use tonic::Code;

/// The general hint for a code; a command that knows more says it itself.
pub fn hint(code: ErrorCode) -> &'static str {
    use ErrorCode as E;
    match code {
        E::Unspecified | E::Internal => "a defect in softkeep; the daemon's log has the cause under the request id",
        E::InvalidArgument => "check the values given; --help on the command lists what it takes",
        E::InvalidLength => "the digest must be as long as the algorithm's hash; --in FILE hashes for you",
        E::UnsupportedAlgorithm => {
            "RSA keys take RS256/384/512, PS256/384/512, RSA-OAEP, RSA-OAEP-256; EC keys (P-256, P-384, P-521) take ES256/384/512"
        }
        E::InvalidParameters => "leave the parameters out, or use those RFC 7518 names for the algorithm",
        E::KeyTypeMismatch => "softkeep key show prints the key's type; choose an algorithm of that type",
        E::OperationNotPermitted => "softkeep key show prints keyOps; make a key with the operation in --ops",
        E::KeyDisabled => "softkeep key show prints enabled, notBefore and expires; use another key or version",
        E::Unauthenticated => {
            "sign in with softkeep login, or connect over the daemon's unix socket or with a client certificate ([tls] in config.toml)"
        }
        E::PermissionDenied => {
            "softkeep policy explain says what is missing; ask an administrator for it, or run it as the daemon's user or root"
        }
        E::VaultNotFound => {
            "softkeep keyvault list prints the vaults you may see; choose with --vault-name or SOFTKEEP_VAULT"
        }
        E::KeyNotFound => "softkeep key list prints the vault's keys",
        E::AlreadyExists => "choose another name; a deleted name stays taken",
        E::Conflict => "somebody else changed it first; run the command again",
        E::DecryptFailed => "check that key, version and algorithm are those it was encrypted with",
        E::KeyInvalid => "check the file with: openssl pkey -in FILE -check -noout",
        E::KeyTooWeak => "RSA keys have 2048 to 4096 bits, EC keys P-256, P-384 or P-521",
        E::Sealed => "softkeep status says why; with a passphrase slot: softkeep unseal",
        E::Unavailable => "start softkeepd, or set SOFTKEEP_ENDPOINT; to try it out: softkeep run -- COMMAND",
        E::Overloaded => "the daemon is busy; try again",
        E::DeadlineExceeded => "try again; softkeep doctor shows whether the daemon answers",
        E::MessageTooLarge => "send less: a digest instead of the message",
        E::PinIncorrect => "check the PIN or passphrase; a file's trailing blank counts",
        E::PinLocked => "an administrator unlocks it with: softkeep token unlock --vault-name VAULT",
        E::PinInvalid => "a PIN has 4 to 255 bytes",
        E::PinNotSet => "set one with: softkeep token set-pin --vault-name VAULT",
        E::RecordDamaged => "softkeep status names the damaged records; restore them from a backup",
        E::StoreFailed => "check the disk and the daemon's log",
        E::AuditFailed => "free the disk of the audit log, then restart softkeepd; no key is used before",
        E::AttributeReadOnly => "leave the attribute out",
        E::AttributeInvalid => "check the attribute's value",
        E::TemplateIncomplete => "add the missing attribute",
        E::TemplateInconsistent => "remove one of the attributes that contradict each other",
        E::ActionProhibited => "the object or the vault's profile forbids it",
        E::SignatureInvalid => "check that key, version, algorithm and message are those it was made with",
        E::KeyNotWrappable => {
            "a sensitive key is wrapped only by a trusted key, or by one made here that does nothing else; docs/policy.md"
        }
        E::KeyUnextractable => "the key was made to stay; make one with CKA_EXTRACTABLE true",
        E::WrappedKeyInvalid => "check that unwrapping key, mechanism and template are those it was wrapped with",
        E::WrappingKeyMismatch | E::UnwrappingKeyMismatch => "choose a mechanism of the wrapping key's type",
        E::SecretNotFound => "softkeep keyvault secret list prints the vault's secrets",
        E::CertificateNotFound => "softkeep keyvault certificate list prints the vault's certificates",
        E::NameDeleted => "list-deleted shows it; recover it, or purge it to use the name again",
        E::GroupNotFound => "softkeep group list prints the groups; softkeep group create makes one",
        E::PrincipalNotFound => "softkeep ad user list and softkeep ad sp list print who there is",
        E::RoleNotFound => "softkeep role definition list prints the roles, softkeep role assignment list who has them",
        E::IssuerNotFound => "softkeep keyvault certificate issuer list prints the vault's issuers",
        E::OperationNotFound => "softkeep keyvault certificate create begins an operation",
        E::SecretDisabled => "enable it with: softkeep keyvault secret set-attributes --enabled true",
        E::PurgeProtected => "the vault keeps what is deleted until its scheduled purge date; nobody can shorten that",
        E::SkuNotSupported => "HSM key types need a premium vault: softkeep keyvault update --sku premium",
        E::TransferBlobInvalid => {
            "check that it was wrapped for this very key, by the algorithm named; try it with --dry-run"
        }
        E::CertificateInvalid => "check the file with openssl pkcs12 -info -in FILE, or openssl x509 -in FILE -text",
        E::PasswordIncorrect => "give the file's password with --password; @FILE and - keep it off the command line",
        E::TokenInvalid => "sign in again with: softkeep login",
        E::SignInPending => "approve it with: softkeep login approve CODE",
        E::BackupInvalid => "a backup is restored by the daemon that made it, from the unchanged file",
        E::ManagedObject => "change the certificate of the same name instead",
        E::NeedsAzure => "docs/azure-differences.md lists what needs Azure itself",
        E::NotSupported => "this daemon does not have it; compare versions with: softkeep doctor",
    }
}

/// The hint for a status without a reason of ours.
pub fn foreign_hint(code: Code) -> Option<&'static str> {
    match code {
        Code::Unimplemented => Some("the daemon does not know this call; compare versions with: softkeep doctor"),
        Code::PermissionDenied => Some(hint(ErrorCode::PermissionDenied)),
        Code::Unauthenticated => Some(hint(ErrorCode::Unauthenticated)),
        Code::Internal | Code::Unknown => Some("the endpoint may not be a softkeepd; softkeep doctor checks it"),
        _ => None,
    }
}
