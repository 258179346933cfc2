//! Does a signature come out? Signs 32, 48 or 64 zero bytes with a key that is there and verifies it; makes no key.

use softkeep_proto::{
    algorithm::{Curve, JOSE_SIGNATURES, JoseSignature},
    v1::{Key, KeyRef, ListKeysRequest, ListVaultsRequest, SignRequest, VerifyRequest},
};

use super::Check;
use crate::{client::Context, error::Result};

const NAME: &str = "signature";

/// Signs with the first key of the vault that may.
pub async fn check(vault: Option<String>, context: &Context) -> Check {
    match attempt(vault, context).await {
        Ok(check) => check,
        Err(error) => Check::error(NAME, &error),
    }
}

async fn attempt(vault: Option<String>, context: &Context) -> Result<Check> {
    let vault = match vault {
        Some(vault) => vault,
        None => {
            let page = context.vaults().await?.list_vaults(ListVaultsRequest::default()).await?.into_inner();
            match page.vaults.into_iter().next() {
                Some(vault) => vault.name,
                None => return Ok(Check::warn(NAME, "not checked: no vault", "softkeep keyvault create --name NAME")),
            }
        }
    };
    let request = ListKeysRequest { vault: vault.clone(), ..ListKeysRequest::default() };
    let page = context.keys().await?.list_keys(request).await?.into_inner();
    let Some((key, row)) = page.keys.iter().find_map(|key| Some((key, algorithm(key)?))) else {
        let fix = format!("softkeep key create --vault-name {vault} --name test --kty EC");
        return Ok(Check::warn(NAME, format!("not checked: no key in vault '{vault}' may sign and verify"), fix));
    };
    let reference = KeyRef { vault, name: key.name.clone(), version: key.version.clone() };
    let digest = vec![0; row.hash.len()];
    let mut client = context.crypto().await?;
    let sign = SignRequest { key: Some(reference.clone()), algorithm: row.name.to_owned(), digest: digest.clone() };
    let signature = client.sign(sign).await?.into_inner().signature;
    let verify = VerifyRequest { key: Some(reference), algorithm: row.name.to_owned(), digest, signature };
    Ok(if client.verify(verify).await?.into_inner().valid {
        Check::ok(NAME, format!("{} with {} is valid", row.name, key.kid))
    } else {
        Check::fail(
            NAME,
            format!("{} with {} is not valid", row.name, key.kid),
            "report it: this is a defect in softkeep",
        )
    })
}

/// An algorithm that an enabled key takes.
fn algorithm(key: &Key) -> Option<&'static JoseSignature> {
    let may = |operation: &str| key.key_ops.iter().any(|allowed| allowed == operation);
    if !key.enabled || !may("sign") || !may("verify") {
        return None;
    }
    let curve = Curve::by_name(&key.curve);
    JOSE_SIGNATURES.iter().find(|row| row.curve == curve)
}
