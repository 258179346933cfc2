//! The forms of a policy.

use super::*;

#[test]
fn the_forms_mean_the_same() {
    let action = |action: &str, after: &str, before: &str| LifetimeAction {
        action: action.to_owned(),
        time_after_create: after.to_owned(),
        time_before_expiry: before.to_owned(),
    };
    for text in [
        r#"{"lifetimeActions": [{"trigger": {"timeAfterCreate": "P90D", "timeBeforeExpiry": null},
            "action": {"type": "Rotate"}}, {"trigger": {"timeBeforeExpiry": "P30D"}, "action": {"type": "Notify"}}],
            "attributes": {"expiryTime": "P2Y"}}"#,
        r#"{"lifetime_actions": [{"action": "rotate", "time_after_create": "P90D"},
            {"action": "notify", "time_before_expiry": "P30D"}], "expires_in": "P2Y"}"#,
        r#"{"createdOn": null, "expiresIn": "P2Y", "id": "https://v.x/keys/k/rotationpolicy", "lifetimeActions":
            [{"action": "Rotate", "timeAfterCreate": "P90D", "timeBeforeExpiry": null},
            {"action": "Notify", "timeAfterCreate": null, "timeBeforeExpiry": "P30D"}], "updatedOn": null}"#,
    ] {
        let (expiry, actions) = read("--value", text).unwrap();
        assert_eq!(expiry, "P2Y", "{text}");
        assert_eq!(actions, [action("Rotate", "P90D", ""), action("Notify", "", "P30D")], "{text}");
    }
    assert_eq!(read("--value", "{}").unwrap(), (String::new(), Vec::new()));
    assert_eq!(read("--value", r#"{"lifetimeActions": "x"}"#).unwrap_err().exit() as u8, 2);
}
