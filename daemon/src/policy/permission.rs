//! TABLE: what may be granted, and what each kind of caller is granted without anybody having to say so.

use std::sync::LazyLock;

use super::permission_set::PermissionSet;

/// What a permission is about: which list of an access policy names it, and whose scope a role must reach.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Area {
    /// Keys.
    Key,
    /// Secrets.
    Secret,
    /// Certificates, their issuers and contacts.
    Certificate,
    /// What only PKCS#11 has: no access policy and no role names it.
    Token,
    /// Vaults, groups and roles: the control plane.
    Control,
    /// The daemon itself: administrators only.
    Daemon,
}

/// What a grant may allow: Key Vault's permission names, and what only a local service needs.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum Permission {
    /// See that a vault is there, as a token.
    SeeToken,
    /// Try a PIN.
    Login,
    /// Read public objects.
    ReadPublic,
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
    /// Read a key's public side and attributes.
    Get,
    /// List keys, their versions, and the deleted ones.
    List,
    /// Make a key or a new version.
    Create,
    /// Bring a key in.
    Import,
    /// Change a key's attributes.
    Update,
    /// Delete a key.
    Delete,
    /// Bring a deleted key back.
    Recover,
    /// Destroy a deleted key.
    Purge,
    /// Take a key's sealed backup.
    Backup,
    /// Restore a key.
    Restore,
    /// Make a new version of the same kind.
    Rotate,
    /// Read when a key is rotated.
    GetRotationPolicy,
    /// Say when a key is rotated.
    SetRotationPolicy,
    /// Key release, which Softkeep does not do; kept because policies name it.
    Release,
    /// Sign.
    Sign,
    /// Verify.
    Verify,
    /// Encrypt.
    Encrypt,
    /// Decrypt.
    Decrypt,
    /// Key Vault's `wrapKey`, and CKA_WRAP.
    WrapKey,
    /// Key Vault's `unwrapKey`, which gives plaintext.
    UnwrapKey,
    /// CKA_UNWRAP, which gives an object.
    UnwrapObject,
    /// Derive a key from another.
    Derive,
    /// Read a secret's value.
    GetSecret,
    /// List secrets, their versions, and the deleted ones.
    ListSecrets,
    /// Make a secret or a new version.
    SetSecret,
    /// Change a secret's attributes.
    UpdateSecret,
    /// Delete a secret.
    DeleteSecret,
    /// Bring a deleted secret back.
    RecoverSecret,
    /// Destroy a deleted secret.
    PurgeSecret,
    /// Take a secret's sealed backup.
    BackupSecret,
    /// Restore a secret.
    RestoreSecret,
    /// Read a certificate, its policy and its operation.
    GetCertificate,
    /// List certificates, their versions, and the deleted ones.
    ListCertificates,
    /// Begin a certificate and complete its request.
    CreateCertificate,
    /// Bring a certificate with its key in.
    ImportCertificate,
    /// Change a certificate's attributes, policy and operation.
    UpdateCertificate,
    /// Delete a certificate or its operation.
    DeleteCertificate,
    /// Bring a deleted certificate back.
    RecoverCertificate,
    /// Destroy a deleted certificate.
    PurgeCertificate,
    /// Take a certificate's sealed backup.
    BackupCertificate,
    /// Restore a certificate.
    RestoreCertificate,
    /// Read and change whom a vault's certificates concern.
    ManageContacts,
    /// Read an issuer.
    GetIssuers,
    /// List the issuers.
    ListIssuers,
    /// Make and change issuers.
    SetIssuers,
    /// Forget an issuer.
    DeleteIssuers,
    /// Change an issuer's administrators.
    ManageIssuers,
    /// See a vault's settings.
    ReadVault,
    /// Make, change and recover vaults.
    WriteVault,
    /// Delete a vault.
    DeleteVault,
    /// Destroy a deleted vault.
    PurgeVault,
    /// Change a vault's access policies, and whether they or roles decide.
    WriteAccessPolicy,
    /// See groups.
    ReadGroup,
    /// Make and change groups.
    WriteGroup,
    /// Delete a group with its vaults.
    DeleteGroup,
    /// See roles and who has them.
    ReadRoles,
    /// Give roles and take them.
    AssignRoles,
    /// Make and change roles of one's own.
    WriteRoles,
    /// See users and service principals.
    ReadPrincipals,
    /// Make, change and delete users and service principals.
    WritePrincipals,
    /// Set any PIN; read the audit log; seal.
    Administer,
}

/// One permission.
pub struct PermissionRow {
    /// Itself.
    pub permission: Permission,
    /// What it is about.
    pub area: Area,
    /// Its name in its list of an access policy, in configuration files and in messages. Two may share one.
    pub name: &'static str,
    /// The action that a role must have; empty where no role can give it.
    pub action: &'static str,
}

const fn row(permission: Permission, area: Area, name: &'static str, action: &'static str) -> PermissionRow {
    PermissionRow { permission, area, name, action }
}

/// Every permission, in the order of [`Permission`].
pub static PERMISSIONS: [PermissionRow; 69] = {
    use Permission as P;
    [
        row(P::SeeToken, Area::Token, "seeToken", ""),
        row(P::Login, Area::Token, "login", ""),
        row(P::ReadPublic, Area::Token, "readPublic", ""),
        row(P::ChangePin, Area::Token, "changePin", ""),
        row(P::SetTrust, Area::Token, "setTrust", ""),
        row(P::CreatePublic, Area::Token, "createPublic", ""),
        row(P::UseOwnObject, Area::Token, "useOwnObject", ""),
        row(P::MakePrivateObject, Area::Token, "makePrivateObject", ""),
        row(P::Get, Area::Key, "get", "Microsoft.KeyVault/vaults/keys/read"),
        row(P::List, Area::Key, "list", "Microsoft.KeyVault/vaults/keys/read"),
        row(P::Create, Area::Key, "create", "Microsoft.KeyVault/vaults/keys/create/action"),
        row(P::Import, Area::Key, "import", "Microsoft.KeyVault/vaults/keys/import/action"),
        row(P::Update, Area::Key, "update", "Microsoft.KeyVault/vaults/keys/update/action"),
        row(P::Delete, Area::Key, "delete", "Microsoft.KeyVault/vaults/keys/delete"),
        row(P::Recover, Area::Key, "recover", "Microsoft.KeyVault/vaults/keys/recover/action"),
        row(P::Purge, Area::Key, "purge", "Microsoft.KeyVault/vaults/keys/purge/action"),
        row(P::Backup, Area::Key, "backup", "Microsoft.KeyVault/vaults/keys/backup/action"),
        row(P::Restore, Area::Key, "restore", "Microsoft.KeyVault/vaults/keys/restore/action"),
        row(P::Rotate, Area::Key, "rotate", "Microsoft.KeyVault/vaults/keys/rotate/action"),
        row(P::GetRotationPolicy, Area::Key, "getrotationpolicy", "Microsoft.KeyVault/vaults/keyrotationpolicies/read"),
        row(
            P::SetRotationPolicy,
            Area::Key,
            "setrotationpolicy",
            "Microsoft.KeyVault/vaults/keyrotationpolicies/write",
        ),
        row(P::Release, Area::Key, "release", "Microsoft.KeyVault/vaults/keys/release/action"),
        row(P::Sign, Area::Key, "sign", "Microsoft.KeyVault/vaults/keys/sign/action"),
        row(P::Verify, Area::Key, "verify", "Microsoft.KeyVault/vaults/keys/verify/action"),
        row(P::Encrypt, Area::Key, "encrypt", "Microsoft.KeyVault/vaults/keys/encrypt/action"),
        row(P::Decrypt, Area::Key, "decrypt", "Microsoft.KeyVault/vaults/keys/decrypt/action"),
        row(P::WrapKey, Area::Key, "wrapKey", "Microsoft.KeyVault/vaults/keys/wrap/action"),
        row(P::UnwrapKey, Area::Key, "unwrapKey", "Microsoft.KeyVault/vaults/keys/unwrap/action"),
        row(P::UnwrapObject, Area::Key, "unwrapObject", "Softkeep/vaults/keys/unwrapObject/action"),
        row(P::Derive, Area::Key, "derive", "Softkeep/vaults/keys/derive/action"),
        row(P::GetSecret, Area::Secret, "get", "Microsoft.KeyVault/vaults/secrets/getSecret/action"),
        row(P::ListSecrets, Area::Secret, "list", "Microsoft.KeyVault/vaults/secrets/readMetadata/action"),
        row(P::SetSecret, Area::Secret, "set", "Microsoft.KeyVault/vaults/secrets/setSecret/action"),
        row(P::UpdateSecret, Area::Secret, "set", "Microsoft.KeyVault/vaults/secrets/update/action"),
        row(P::DeleteSecret, Area::Secret, "delete", "Microsoft.KeyVault/vaults/secrets/delete"),
        row(P::RecoverSecret, Area::Secret, "recover", "Microsoft.KeyVault/vaults/secrets/recover/action"),
        row(P::PurgeSecret, Area::Secret, "purge", "Microsoft.KeyVault/vaults/secrets/purge/action"),
        row(P::BackupSecret, Area::Secret, "backup", "Microsoft.KeyVault/vaults/secrets/backup/action"),
        row(P::RestoreSecret, Area::Secret, "restore", "Microsoft.KeyVault/vaults/secrets/restore/action"),
        row(P::GetCertificate, Area::Certificate, "get", "Microsoft.KeyVault/vaults/certificates/read"),
        row(P::ListCertificates, Area::Certificate, "list", "Microsoft.KeyVault/vaults/certificates/read"),
        row(P::CreateCertificate, Area::Certificate, "create", "Microsoft.KeyVault/vaults/certificates/create/action"),
        row(P::ImportCertificate, Area::Certificate, "import", "Microsoft.KeyVault/vaults/certificates/import/action"),
        row(P::UpdateCertificate, Area::Certificate, "update", "Microsoft.KeyVault/vaults/certificates/update/action"),
        row(P::DeleteCertificate, Area::Certificate, "delete", "Microsoft.KeyVault/vaults/certificates/delete"),
        row(
            P::RecoverCertificate,
            Area::Certificate,
            "recover",
            "Microsoft.KeyVault/vaults/certificates/recover/action",
        ),
        row(P::PurgeCertificate, Area::Certificate, "purge", "Microsoft.KeyVault/vaults/certificates/purge/action"),
        row(P::BackupCertificate, Area::Certificate, "backup", "Microsoft.KeyVault/vaults/certificates/backup/action"),
        row(
            P::RestoreCertificate,
            Area::Certificate,
            "restore",
            "Microsoft.KeyVault/vaults/certificates/restore/action",
        ),
        row(
            P::ManageContacts,
            Area::Certificate,
            "managecontacts",
            "Microsoft.KeyVault/vaults/certificatecontacts/write",
        ),
        row(P::GetIssuers, Area::Certificate, "getissuers", "Microsoft.KeyVault/vaults/certificatecas/read"),
        row(P::ListIssuers, Area::Certificate, "listissuers", "Microsoft.KeyVault/vaults/certificatecas/read"),
        row(P::SetIssuers, Area::Certificate, "setissuers", "Microsoft.KeyVault/vaults/certificatecas/write"),
        row(P::DeleteIssuers, Area::Certificate, "deleteissuers", "Microsoft.KeyVault/vaults/certificatecas/delete"),
        row(P::ManageIssuers, Area::Certificate, "manageissuers", "Microsoft.KeyVault/vaults/certificatecas/write"),
        row(P::ReadVault, Area::Control, "vaults/read", "Microsoft.KeyVault/vaults/read"),
        row(P::WriteVault, Area::Control, "vaults/write", "Microsoft.KeyVault/vaults/write"),
        row(P::DeleteVault, Area::Control, "vaults/delete", "Microsoft.KeyVault/vaults/delete"),
        row(P::PurgeVault, Area::Control, "vaults/purge", "Microsoft.KeyVault/locations/deletedVaults/purge/action"),
        row(
            P::WriteAccessPolicy,
            Area::Control,
            "vaults/accessPolicies/write",
            "Microsoft.KeyVault/vaults/accessPolicies/write",
        ),
        row(P::ReadGroup, Area::Control, "groups/read", "Microsoft.Resources/subscriptions/resourceGroups/read"),
        row(P::WriteGroup, Area::Control, "groups/write", "Microsoft.Resources/subscriptions/resourceGroups/write"),
        row(P::DeleteGroup, Area::Control, "groups/delete", "Microsoft.Resources/subscriptions/resourceGroups/delete"),
        row(P::ReadRoles, Area::Control, "roles/read", "Microsoft.Authorization/roleAssignments/read"),
        row(P::AssignRoles, Area::Control, "roles/assign", "Microsoft.Authorization/roleAssignments/write"),
        row(P::WriteRoles, Area::Control, "roles/write", "Microsoft.Authorization/roleDefinitions/write"),
        row(P::ReadPrincipals, Area::Daemon, "principals/read", ""),
        row(P::WritePrincipals, Area::Daemon, "principals/write", ""),
        row(P::Administer, Area::Daemon, "administer", ""),
    ]
};

impl Permission {
    fn row(self) -> &'static PermissionRow {
        // The table has them in the order of the enumeration, which a test holds it to.
        PERMISSIONS.get(self as usize).unwrap_or(&PERMISSIONS[0])
    }

    /// What it is about.
    pub fn area(self) -> Area {
        self.row().area
    }

    /// The name in policies, configuration files and messages.
    pub fn name(self) -> &'static str {
        self.row().name
    }

    /// The name by itself, without its list: "sign", "secrets/get", "certificates/get", "vaults/write".
    pub fn full_name(self) -> &'static str {
        static NAMES: LazyLock<Vec<String>> = LazyLock::new(|| {
            let full = |row: &PermissionRow| match row.area {
                Area::Secret => format!("secrets/{}", row.name),
                Area::Certificate => format!("certificates/{}", row.name),
                Area::Key | Area::Token | Area::Control | Area::Daemon => row.name.to_owned(),
            };
            PERMISSIONS.iter().map(full).collect()
        });
        NAMES.get(self as usize).map_or("", String::as_str)
    }

    /// All permissions that have a full name, whatever its case. Key permissions are also found as "keys/sign".
    pub fn by_full_name(name: &str) -> impl Iterator<Item = Permission> {
        let name = name.strip_prefix("keys/").unwrap_or(name);
        PERMISSIONS.iter().map(|row| row.permission).filter(move |one| one.full_name().eq_ignore_ascii_case(name))
    }

    /// The names that a list of an access policy may have, each once.
    pub fn names(area: Area) -> Vec<&'static str> {
        let mut names: Vec<_> = PERMISSIONS.iter().filter(|row| row.area == area).map(|row| row.name).collect();
        names.dedup();
        names
    }

    /// The action that a role must have; empty where no role can give it.
    pub fn action(self) -> &'static str {
        self.row().action
    }

    /// All permissions that a name in an access policy's list stands for, whatever its case; none for an unknown name.
    pub fn named(area: Area, name: &str) -> impl Iterator<Item = Permission> {
        PERMISSIONS
            .iter()
            .filter(move |row| row.area == area && row.name.eq_ignore_ascii_case(name))
            .map(|row| row.permission)
    }
}

/// What a vault's PIN user may do: everything in that vault and nothing else.
pub(super) const USER_GRANT: PermissionSet = PermissionSet::of(&[
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
]);

/// The security officer sets PINs and CKA_TRUSTED, writes the certificates that are to be trusted, and uses no key.
pub(super) const SO_GRANT: PermissionSet = PermissionSet::of(&[
    Permission::SeeToken,
    Permission::Login,
    Permission::ReadPublic,
    Permission::ChangePin,
    Permission::SetTrust,
    Permission::CreatePublic,
]);

/// Anybody on this machine who may open the socket: enough for a program to find its token and log in.
pub(super) const LOCAL_GRANT: PermissionSet = PermissionSet::of(&[
    Permission::SeeToken,
    Permission::Login,
    Permission::ReadPublic,
    Permission::Verify,
    Permission::UseOwnObject,
]);

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_is_in_the_order_of_the_enumeration() {
        for (index, row) in PERMISSIONS.iter().enumerate() {
            assert_eq!(row.permission as usize, index, "{:?}", row.permission);
        }
    }

    #[test]
    fn names_are_found_in_their_area_alone() {
        assert_eq!(
            Permission::named(Area::Secret, "SET").collect::<Vec<_>>(),
            [Permission::SetSecret, Permission::UpdateSecret]
        );
        assert_eq!(Permission::named(Area::Key, "set").count(), 0);
        assert_eq!(Permission::named(Area::Token, "login").count(), 1);
    }

    #[test]
    fn full_names_are_unique_but_for_those_that_belong_together() {
        for row in &PERMISSIONS {
            let found: Vec<_> = Permission::by_full_name(row.permission.full_name()).collect();
            assert!(found.contains(&row.permission));
            assert!(found.len() == 1 || row.permission.full_name() == "secrets/set", "{found:?}");
        }
        assert_eq!(Permission::by_full_name("Keys/Sign").count(), 0, "the list's name is in lower case");
        assert_eq!(Permission::by_full_name("keys/SIGN").collect::<Vec<_>>(), [Permission::Sign]);
        assert_eq!(Permission::by_full_name("secrets/fly").count(), 0);
        assert_eq!(
            Permission::names(Area::Secret),
            ["get", "list", "set", "delete", "recover", "purge", "backup", "restore"]
        );
    }
}
