//! What the operations on principals, roles and PINs give, as messages.

use softkeep_proto::{limits::MAX_PIN_FAILURES, v1};

use crate::{
    id::Id,
    identity::{subscription_id, tenant_id},
    keys::record::CredentialRecord,
    ops::{
        get_principal::PrincipalView, get_token::TokenView, list_role_assignments::AssignmentView,
        list_role_definitions::RoleView, sign_in::SignedInReply,
    },
    policy::{
        principals::{self, Who},
        scope::Scope,
    },
};

/// The name of the daemon's one subscription.
const SUBSCRIPTION_NAME: &str = "Softkeep";

/// The PKCS#11 face of a vault.
pub fn token(token: TokenView) -> v1::Token {
    let record = &token.vault.record;
    let failure = |((user_type, peer), count): ((String, String), u32)| v1::PinFailures {
        peer,
        user_type,
        count,
        locked: count >= MAX_PIN_FAILURES,
    };
    v1::Token {
        vault: record.name.clone(),
        label: record.name.clone(),
        serial: serial(token.vault.id),
        slot_id: record.slot_id,
        user_pin_set: record.user_pin.is_some(),
        so_pin_set: record.so_pin.is_some(),
        failures: token.failures.into_iter().map(failure).collect(),
    }
}

/// CK_TOKEN_INFO.serialNumber has 16 characters: the first half of the vault's id.
pub fn serial(vault: Id) -> String {
    let mut serial = vault.to_string();
    serial.truncate(16);
    serial
}

/// A sign-in.
pub fn access_token(cluster: Id, signed_in: SignedInReply) -> v1::AccessToken {
    let object_id = Id::from_bytes(&signed_in.principal.object_id).unwrap_or_default();
    let administrator = signed_in.principal.administrator;
    let who = Who::Stored(signed_in.principal);
    v1::AccessToken {
        access_token: signed_in.access_token.to_string(),
        refresh_token: signed_in.refresh_token.map(|token| token.to_string()).unwrap_or_default(),
        expires: signed_in.expires,
        principal: Some(principal(PrincipalView { who, object_id, administrator, vault: String::new() })),
        tenant_id: tenant_id(cluster).guid(),
        subscription_id: subscription_id(cluster).guid(),
    }
}

/// Who the caller is.
pub fn who_am_i(cluster: Id, caller: PrincipalView) -> v1::WhoAmIReply {
    let administrator = caller.administrator;
    v1::WhoAmIReply {
        principal: Some(principal(caller)),
        subscription_id: subscription_id(cluster).guid(),
        subscription_name: SUBSCRIPTION_NAME.into(),
        tenant_id: tenant_id(cluster).guid(),
        administrator,
    }
}

/// A principal.
pub fn principal(view: PrincipalView) -> v1::Principal {
    let shown = v1::Principal {
        object_id: view.object_id.guid(),
        kind: view.who.kind().into(),
        name: view.who.name(),
        display_name: view.who.name(),
        enabled: true,
        administrator: view.administrator,
        vault: view.vault,
        ..v1::Principal::default()
    };
    match &view.who {
        Who::Stored(record) => v1::Principal {
            display_name: record.display_name.clone(),
            app_id: Id::from_bytes(&record.app_id).map(|id| id.guid()).unwrap_or_default(),
            enabled: !record.disabled,
            // As it is on record, also while it is disabled.
            administrator: record.administrator,
            created: record.created,
            credentials: record.credentials.iter().map(credential).collect(),
            ..shown
        },
        Who::Peer(_) | Who::Pin(..) | Who::Unknown(_) => shown,
    }
}

/// What a principal may sign in with.
pub fn credential(record: &CredentialRecord) -> v1::Credential {
    v1::Credential {
        key_id: Id::from_bytes(&record.id).map(|id| id.guid()).unwrap_or_default(),
        kind: if record.certificate.is_empty() { "Password" } else { "Certificate" }.into(),
        display_name: record.display_name.clone(),
        created: record.created,
        expires: record.expires,
        hint: record.hint.clone(),
    }
}

/// A role.
pub fn role(cluster: Id, role: RoleView) -> v1::RoleDefinition {
    let record = role.record;
    let scopes = record.assignable_scopes.iter().map(|scope| match role.custom {
        true => full_scope(cluster, scope),
        false => scope.clone(),
    });
    v1::RoleDefinition {
        id: Id::from_bytes(&record.id).map(|id| id.guid()).unwrap_or_default(),
        custom: role.custom,
        assignable_scopes: scopes.collect(),
        name: record.name,
        description: record.description,
        actions: record.actions,
        not_actions: record.not_actions,
        data_actions: record.data_actions,
        not_data_actions: record.not_data_actions,
    }
}

/// A role assignment.
pub fn assignment(cluster: Id, view: AssignmentView) -> v1::RoleAssignment {
    let guid = |bytes: &[u8]| Id::from_bytes(bytes).map(|id| id.guid()).unwrap_or_default();
    v1::RoleAssignment {
        id: guid(&view.record.id),
        role_id: guid(&view.record.role),
        role_name: view.role_name,
        principal_id: guid(&view.record.principal),
        principal_kind: view.who.kind().into(),
        principal_name: match &view.who {
            Who::Stored(record) => principals::name_of(record),
            who => who.name(),
        },
        scope: view.scope.full(&subscription_id(cluster).guid()),
        created: view.record.created,
        created_by: view.record.created_by.clone(),
    }
}

fn full_scope(cluster: Id, stored: &str) -> String {
    let scope = Scope::parse(stored, subscription_id(cluster));
    scope.map(|scope| scope.full(&subscription_id(cluster).guid())).unwrap_or_else(|_| stored.to_owned())
}
