//! Paths of az and the mask they make.

use super::*;

fn edited(changes: &[Change]) -> Result<UpdateVaultRequest> {
    let mut editor = Editor::of(Vault { name: "dev".to_owned(), ..Vault::default() });
    for change in changes {
        editor.apply(change)?;
    }
    Ok(editor.request())
}

fn set(path: &str, value: &str) -> Change {
    Change::Set(path.to_owned(), value.to_owned())
}

#[test]
fn paths_become_fields() {
    let request = edited(&[
        set("tags.team", "red"),
        set("properties.enabledForDeployment", "True"),
        set("properties.enableRbacAuthorization", "true"),
        set("properties.sku.name", "Premium"),
        set("properties.networkAcls.defaultAction", "Deny"),
        Change::Add("properties.networkAcls.ipRules".to_owned(), "10.0.0.1".to_owned()),
        Change::Add("properties.networkAcls.ipRules".to_owned(), "10.0.0.2".to_owned()),
        Change::Remove("properties.networkAcls.ipRules".to_owned(), Some(0)),
    ])
    .unwrap();
    let (vault, mask) = (request.vault.unwrap(), request.update_mask.unwrap().paths);
    assert_eq!(mask, ["authorization", "enabled_for_deployment", "network_rules", "sku", "tags"]);
    assert_eq!(vault.tags["team"], "red");
    assert!(vault.enabled_for_deployment);
    assert_eq!((vault.authorization.as_str(), vault.sku.as_str()), ("rbac", "premium"));
    let rules = vault.network_rules.unwrap();
    assert_eq!(
        (rules.default_action.as_str(), rules.ip_addresses.as_slice()),
        ("Deny", ["10.0.0.2".to_owned()].as_slice())
    );
}

#[test]
fn other_paths_are_refused_by_name() {
    for change in [
        set("properties.vaultUri", "https://x"),
        set("properties.accessPolicies", "[]"),
        set("properties.enabledForDeployment", "perhaps"),
        set("location", "westus"),
        Change::Add("properties.accessPolicies".to_owned(), "x".to_owned()),
        Change::Remove("properties.networkAcls.ipRules".to_owned(), Some(0)),
    ] {
        let error = edited(std::slice::from_ref(&change)).unwrap_err();
        assert_eq!(error.exit() as u8, 2, "{change:?}");
        assert!(error.message().contains(change.path()), "{}", error.message());
    }
}
