//! `softkeep ad sp create-for-rbac`.

use serde_json::json;
use softkeep_proto::{
    error::ErrorCode,
    v1::{AddCredentialReply, CreatePrincipalRequest, CreateRoleAssignmentRequest, DeletePrincipalRequest, Principal},
};

use crate::{
    client::Context,
    commands::{
        Reply, account,
        ad::{credential::CredentialArgs, find},
    },
    error::{Error, Result},
    session, time,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    /// Display name; made up if absent
    #[arg(long, short = 'n', visible_alias = "name")]
    display_name: Option<String>,
    /// Role to give it
    #[arg(long, requires = "scopes")]
    role: Option<String>,
    /// Where: /subscriptions/S, with /resourceGroups/G, a vault or a key after it
    #[arg(long, num_args = 1.., requires = "role")]
    scopes: Vec<String>,
    #[command(flatten)]
    credential: CredentialArgs,
    /// When the credential ends (UTC)
    #[arg(long, value_name = "TIME", value_parser = crate::commands::ad::credential::end_date)]
    end_date: Option<i64>,
    /// Accepted for az's sake: without --role there is none
    #[arg(long, hide = true)]
    skip_assignment: bool,
}

/// Makes the service principal, or gives the one of that name a new secret, and prints how to sign in as it.
pub async fn run(args: Args, context: &Context) -> Result<Reply> {
    if args.skip_assignment && args.role.is_some() {
        return Err(Error::usage("--skip-assignment contradicts --role").fix("leave one of them out"));
    }
    let who = account::who(context).await?;
    let name = args.display_name.clone().unwrap_or_else(|| made_up_name(session::now()));
    let (principal, is_new) = principal(&name, context).await?;
    let added = match equip(&args, &principal, context).await {
        Ok(added) => added,
        Err(error) => {
            if is_new {
                let request = DeletePrincipalRequest { principal: principal.object_id };
                context.access().await?.delete_principal(request).await?;
            }
            return Err(error);
        }
    };
    if !is_new {
        eprintln!("warning: '{name}' was there already; its credentials are replaced");
    }
    let password = args.credential.secret(&added)?;
    if password.is_some() {
        eprintln!("warning: the output has the secret, once; keep it out of logs and source code");
    }
    Ok(Reply::value(json!({
        "appId": principal.app_id,
        "displayName": principal.display_name,
        "password": password,
        "tenant": who.tenant_id,
    })))
}

/// Gives it the role, then the credential: a wrong role or scope leaves the old credential as it was.
async fn equip(args: &Args, principal: &Principal, context: &Context) -> Result<AddCredentialReply> {
    if let Some(role) = &args.role {
        let mut client = context.access().await?;
        for scope in &args.scopes {
            let request = CreateRoleAssignmentRequest {
                role: role.clone(),
                principal: principal.object_id.clone(),
                scope: scope.clone(),
                id: String::new(),
            };
            match client.create_role_assignment(request).await.map_err(Error::from) {
                // It had the role before.
                Err(error) if error.code() == Some(ErrorCode::AlreadyExists) => {}
                other => {
                    other?;
                }
            }
        }
    }
    args.credential.add(&principal.object_id, None, args.end_date, true, context).await
}

/// The service principal of this name, made if it is not there, and whether it was. Like az, the one that is there gets a new credential.
async fn principal(name: &str, context: &Context) -> Result<(Principal, bool)> {
    let mut found = find("ServicePrincipal", name, context).await?.into_iter();
    if let Some(principal) = found.next() {
        if found.next().is_some() {
            return Err(Error::local(format!("more than one service principal is called '{name}'"))
                .fix("softkeep ad sp credential reset --id APPID gives one of them a new secret"));
        }
        return Ok((principal, false));
    }
    let request = CreatePrincipalRequest {
        kind: "ServicePrincipal".to_owned(),
        name: String::new(),
        display_name: name.to_owned(),
        password: String::new(),
        certificate: Vec::new(),
        administrator: false,
        credential_expires: None,
        request_id: String::new(),
        no_credential: true,
    };
    Ok((context.access().await?.create_principal(request).await?.into_inner(), true))
}

/// `softkeep-2026-08-21-10-00-00`.
fn made_up_name(now: i64) -> String {
    let time: String = time::print(now).chars().take(19).collect();
    format!("softkeep-{}", time.replace(['T', ':'], "-"))
}

#[cfg(test)]
mod tests {
    #[test]
    fn a_name_from_the_time() {
        assert_eq!(super::made_up_name(1_787_306_400), "softkeep-2026-08-21-10-00-00");
    }
}
