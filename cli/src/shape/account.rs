//! The one subscription, as `login` and `account` print it; the places; the one resource provider.

#[cfg(test)]
mod tests;

use serde_json::{Value, json};
use softkeep_proto::{location::LOCATIONS, v1::WhoAmIReply};

use crate::output::Columns;

/// What az has the name of its cloud in.
const CLOUD: &str = "Softkeep";

/// The provider's namespace.
pub const KEY_VAULT: &str = "Microsoft.KeyVault";

/// `-o table` of accounts.
pub const ACCOUNT_COLUMNS: Columns = &[
    ("Name", "/name"),
    ("CloudName", "/cloudName"),
    ("SubscriptionId", "/id"),
    ("TenantId", "/tenantId"),
    ("State", "/state"),
    ("IsDefault", "/isDefault"),
];

/// `-o table` of one account, which has `environmentName`.
pub const ONE_ACCOUNT_COLUMNS: Columns = &[
    ("EnvironmentName", "/environmentName"),
    ("HomeTenantId", "/homeTenantId"),
    ("IsDefault", "/isDefault"),
    ("Name", "/name"),
    ("State", "/state"),
    ("TenantId", "/tenantId"),
];

/// `-o table` of places.
pub const LOCATION_COLUMNS: Columns =
    &[("DisplayName", "/displayName"), ("Name", "/name"), ("RegionalDisplayName", "/regionalDisplayName")];

/// `-o table` of providers.
pub const PROVIDER_COLUMNS: Columns = &[
    ("Namespace", "/namespace"),
    ("RegistrationPolicy", "/registrationPolicy"),
    ("RegistrationState", "/registrationState"),
];

/// An item of `login` and `account list`.
pub fn account_item(who: &WhoAmIReply) -> Value {
    account_with("cloudName", who)
}

/// `account show`.
pub fn account(who: &WhoAmIReply) -> Value {
    account_with("environmentName", who)
}

fn account_with(cloud_member: &str, who: &WhoAmIReply) -> Value {
    let principal = who.principal.clone().unwrap_or_default();
    let mut value = json!({
        "homeTenantId": who.tenant_id,
        "id": who.subscription_id,
        "isDefault": true,
        "managedByTenants": [],
        "name": who.subscription_name,
        "state": "Enabled",
        "tenantId": who.tenant_id,
        "user": { "name": principal.name, "type": small_first(&principal.kind) },
    });
    if let Some(members) = value.as_object_mut() {
        members.insert(cloud_member.to_owned(), CLOUD.into());
    }
    value
}

/// `ServicePrincipal` as `servicePrincipal`: az's spelling in this one place.
fn small_first(kind: &str) -> String {
    let mut letters = kind.chars();
    letters.next().map(|first| first.to_ascii_lowercase()).into_iter().chain(letters).collect()
}

/// `account list-locations`.
pub fn locations(subscription: &str) -> Value {
    let one = |location: &softkeep_proto::location::Location| {
        json!({
            "availabilityZoneMappings": null,
            "displayName": location.display_name,
            "id": format!("/subscriptions/{subscription}/locations/{}", location.name),
            "metadata": {
                "geography": null,
                "geographyGroup": location.geography_group,
                "latitude": null,
                "longitude": null,
                "pairedRegion": [],
                "physicalLocation": null,
                "regionCategory": "Other",
                "regionType": "Logical",
            },
            "name": location.name,
            "regionalDisplayName": location.regional_display_name(),
            "type": "Region",
        })
    };
    LOCATIONS.iter().map(one).collect()
}

/// `provider show`.
pub fn provider(subscription: &str) -> Value {
    let locations: Vec<&str> = LOCATIONS.iter().map(|location| location.display_name).collect();
    let kind = |name: &str| {
        json!({
            "aliases": null,
            "apiProfiles": null,
            "apiVersions": [],
            "capabilities": null,
            "defaultApiVersion": null,
            "locationMappings": null,
            "locations": locations,
            "properties": null,
            "resourceType": name,
            "zoneMappings": null,
        })
    };
    json!({
        "authorizations": null,
        "id": format!("/subscriptions/{subscription}/providers/{KEY_VAULT}"),
        "namespace": KEY_VAULT,
        "providerAuthorizationConsentState": null,
        "registrationPolicy": "RegistrationRequired",
        "registrationState": "Registered",
        "resourceTypes": [kind("vaults"), kind("deletedVaults"), kind("locations/deletedVaults"), kind("vaults/keys"), kind("vaults/secrets")],
    })
}
