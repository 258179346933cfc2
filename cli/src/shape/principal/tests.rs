//! Member for member.

use super::*;

fn app() -> Principal {
    let one = |kind: &str, hint: &str| Credential {
        key_id: "k".to_owned(),
        kind: kind.to_owned(),
        expires: Some(60),
        hint: hint.to_owned(),
        ..Credential::default()
    };
    Principal {
        object_id: "o".to_owned(),
        kind: "ServicePrincipal".to_owned(),
        name: "a".to_owned(),
        display_name: "MyApp".to_owned(),
        app_id: "a".to_owned(),
        enabled: true,
        credentials: vec![one("Password", "hVF"), one("Certificate", "00ff")],
        ..Principal::default()
    }
}

#[test]
fn service_principals() {
    let value = service_principal(&app());
    assert_eq!((&value["appId"], &value["id"], &value["displayName"]), (&"a".into(), &"o".into(), &"MyApp".into()));
    assert_eq!(value["servicePrincipalNames"], json!(["a"]));
    assert_eq!(
        value["passwordCredentials"],
        json!([{"customKeyIdentifier": null, "displayName": null, "endDateTime": "1970-01-01T00:01:00+00:00",
            "hint": "hVF", "keyId": "k", "secretText": null, "startDateTime": "1970-01-01T00:00:00+00:00"}])
    );
    assert_eq!(
        value["keyCredentials"],
        json!([{"customKeyIdentifier": "00ff", "displayName": null, "endDateTime": "1970-01-01T00:01:00+00:00",
            "key": null, "keyId": "k", "startDateTime": "1970-01-01T00:00:00+00:00", "type": "AsymmetricX509Cert",
            "usage": "Verify"}])
    );
}

#[test]
fn users() {
    let ada = Principal {
        name: "ada@example.com".to_owned(),
        kind: "User".to_owned(),
        object_id: "o".to_owned(),
        display_name: "Ada".to_owned(),
        ..Principal::default()
    };
    let mut value = user(&ada);
    let own = value.as_object_mut().unwrap().remove("softkeep").unwrap();
    assert_eq!(own["administrator"], false);
    assert_eq!(
        value,
        json!({"businessPhones": [], "displayName": "Ada", "givenName": null, "id": "o", "jobTitle": null, "mail": null,
            "mobilePhone": null, "officeLocation": null, "preferredLanguage": null, "surname": null,
            "userPrincipalName": "ada@example.com"})
    );
}
