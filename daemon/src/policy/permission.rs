//! TABLE: what may be granted, and what each kind of caller is granted without anybody having to say so.

/// What a grant may allow: Key Vault's permission names, and what only a local service needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// See that a vault is there, as a token.
    SeeToken,
    /// Try a PIN.
    Login,
    /// Read public objects.
    ReadPublic,
    /// `get`: read a key's public side and attributes.
    Get,
    /// `list`.
    List,
    /// `create`.
    Create,
    /// `import`.
    Import,
    /// `update`.
    Update,
    /// `delete`.
    Delete,
    /// `recover`.
    Recover,
    /// `sign`.
    Sign,
    /// `verify`.
    Verify,
    /// `encrypt`.
    Encrypt,
    /// `decrypt`.
    Decrypt,
    /// Change one's own PIN, or (the SO) the user's.
    ChangePin,
    /// Set CKA_TRUSTED.
    SetTrust,
    /// Keep certificates and other objects that everybody may see.
    CreatePublic,
    /// Make and use session objects that are not private: whoever has the blob.
    UseOwnObject,
    /// Make private session objects.
    MakePrivateObject,
    /// `wrapKey` and CKA_WRAP.
    WrapKey,
    /// CKA_UNWRAP, which gives an object; Key Vault's `unwrapKey` gives plaintext.
    UnwrapObject,
    /// Derive a key from another.
    Derive,
    /// Make, show, change and delete vaults; set any PIN; read the audit log; seal.
    Administer,
}

impl Permission {
    /// The name in configuration files and messages.
    pub const fn name(self) -> &'static str {
        match self {
            Permission::SeeToken => "seeToken",
            Permission::Login => "login",
            Permission::ReadPublic => "readPublic",
            Permission::Get => "get",
            Permission::List => "list",
            Permission::Create => "create",
            Permission::Import => "import",
            Permission::Update => "update",
            Permission::Delete => "delete",
            Permission::Recover => "recover",
            Permission::Sign => "sign",
            Permission::Verify => "verify",
            Permission::Encrypt => "encrypt",
            Permission::Decrypt => "decrypt",
            Permission::ChangePin => "changePin",
            Permission::SetTrust => "setTrust",
            Permission::CreatePublic => "createPublic",
            Permission::UseOwnObject => "useOwnObject",
            Permission::MakePrivateObject => "makePrivateObject",
            Permission::WrapKey => "wrapKey",
            Permission::UnwrapObject => "unwrapObject",
            Permission::Derive => "derive",
            Permission::Administer => "administer",
        }
    }
}

/// What a vault's PIN user may do: everything in that vault and nothing else.
pub(super) const USER_GRANT: [Permission; 20] = [
    Permission::SeeToken,
    Permission::Login,
    Permission::ReadPublic,
    Permission::Get,
    Permission::List,
    Permission::Create,
    Permission::Import,
    Permission::Update,
    Permission::Delete,
    Permission::Sign,
    Permission::Verify,
    Permission::Encrypt,
    Permission::Decrypt,
    Permission::ChangePin,
    Permission::CreatePublic,
    Permission::UseOwnObject,
    Permission::MakePrivateObject,
    Permission::WrapKey,
    Permission::UnwrapObject,
    Permission::Derive,
];

/// The security officer sets PINs and CKA_TRUSTED, writes the certificates that are to be trusted, and uses no key.
pub(super) const SO_GRANT: [Permission; 6] = [
    Permission::SeeToken,
    Permission::Login,
    Permission::ReadPublic,
    Permission::ChangePin,
    Permission::SetTrust,
    Permission::CreatePublic,
];

/// Anybody on this machine who may open the socket: enough for a program to find its token and log in.
pub(super) const LOCAL_GRANT: [Permission; 5] =
    [Permission::SeeToken, Permission::Login, Permission::ReadPublic, Permission::Verify, Permission::UseOwnObject];
