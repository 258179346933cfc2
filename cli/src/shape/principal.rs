//! Users and service principals, as `ad` prints what Microsoft Graph has of them.

#[cfg(test)]
mod tests;

use serde_json::{Value, json};
use softkeep_proto::v1::{Credential, Principal};

use super::{moment, text};
use crate::{output::Columns, time};

/// `-o table` of users.
pub const USER_COLUMNS: Columns =
    &[("DisplayName", "/displayName"), ("UserPrincipalName", "/userPrincipalName"), ("Id", "/id")];

/// `-o table` of service principals.
pub const SERVICE_PRINCIPAL_COLUMNS: Columns =
    &[("DisplayName", "/displayName"), ("Id", "/id"), ("AppId", "/appId"), ("CreatedDateTime", "/createdDateTime")];

/// `-o table` of credentials.
pub const CREDENTIAL_COLUMNS: Columns = &[
    ("DisplayName", "/displayName"),
    ("KeyId", "/keyId"),
    ("StartDateTime", "/startDateTime"),
    ("EndDateTime", "/endDateTime"),
];

/// `ad user …`, `ad signed-in-user show`. What Graph does not have is under `softkeep`.
pub fn user(user: &Principal) -> Value {
    json!({
        "businessPhones": [],
        "displayName": text(&user.display_name),
        "givenName": null,
        "id": user.object_id,
        "jobTitle": null,
        "mail": null,
        "mobilePhone": null,
        "officeLocation": null,
        "preferredLanguage": null,
        "softkeep": {
            "accountEnabled": user.enabled,
            "administrator": user.administrator,
            "createdDateTime": time::print(user.created),
            "kind": user.kind,
        },
        "surname": null,
        "userPrincipalName": user.name,
    })
}

/// `ad sp …`.
pub fn service_principal(principal: &Principal) -> Value {
    let of = |kind: &str| -> Vec<Value> {
        principal.credentials.iter().filter(|credential| credential.kind == kind).map(credential).collect()
    };
    json!({
        "accountEnabled": principal.enabled,
        "addIns": [],
        "alternativeNames": [],
        "appDescription": null,
        "appDisplayName": principal.display_name,
        "appId": principal.app_id,
        "appOwnerOrganizationId": null,
        "appRoleAssignmentRequired": false,
        "appRoles": [],
        "applicationTemplateId": null,
        "createdDateTime": time::print(principal.created),
        "deletedDateTime": null,
        "description": null,
        "disabledByMicrosoftStatus": null,
        "displayName": principal.display_name,
        "homepage": null,
        "id": principal.object_id,
        "info": null,
        "keyCredentials": of("Certificate"),
        "loginUrl": null,
        "logoutUrl": null,
        "notes": null,
        "notificationEmailAddresses": [],
        "oauth2PermissionScopes": [],
        "passwordCredentials": of("Password"),
        "preferredSingleSignOnMode": null,
        "preferredTokenSigningKeyThumbprint": null,
        "replyUrls": [],
        "resourceSpecificApplicationPermissions": [],
        "samlSingleSignOnSettings": null,
        "servicePrincipalNames": [principal.app_id],
        "servicePrincipalType": "Application",
        "signInAudience": "AzureADMyOrg",
        "tags": [],
        "tokenEncryptionKeyId": null,
        "verifiedPublisher": null,
    })
}

/// An item of `ad sp credential list`: a password's, or a certificate's.
pub fn credential(credential: &Credential) -> Value {
    let mut value = json!({
        "customKeyIdentifier": null,
        "displayName": text(&credential.display_name),
        "endDateTime": moment(credential.expires),
        "keyId": credential.key_id,
        "startDateTime": time::print(credential.created),
    });
    let own = if credential.kind == "Certificate" {
        json!({
            "customKeyIdentifier": text(&credential.hint),
            "key": null,
            "type": "AsymmetricX509Cert",
            "usage": "Verify",
        })
    } else {
        json!({ "hint": text(&credential.hint), "secretText": null })
    };
    if let (Value::Object(members), Value::Object(own)) = (&mut value, own) {
        members.extend(own);
    }
    value
}
