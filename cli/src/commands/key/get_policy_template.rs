//! `softkeep key get-policy-template`: a release policy to fill in. Nobody is asked; only Azure can follow one.

use serde_json::json;

use crate::commands::Reply;

/// Prints the template.
pub fn run() -> Reply {
    Reply::value(json!({
        "anyOf": [
            {
                "allOf": [{ "claim": "<claim name>", "equals": "<value to match>" }],
                "authority": "<issuer>",
            },
        ],
        "version": "1.0.0",
    }))
}
