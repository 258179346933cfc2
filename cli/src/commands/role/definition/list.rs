//! `softkeep role definition list`.

use serde_json::Value;

use super::find;
use crate::{
    client::Context,
    commands::{Reply, account},
    error::Result,
    shape::role,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    /// Only the role of this name or id
    #[arg(long, short = 'n')]
    name: Option<String>,
    /// Only roles of your own
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_parser = clap::builder::BoolishValueParser::new())]
    custom_role_only: Option<bool>,
    /// Only roles that can be given at this scope
    #[arg(long)]
    scope: Option<String>,
    /// Only roles that can be given in this resource group
    #[arg(long, short = 'g', conflicts_with = "scope")]
    resource_group: Option<String>,
}

/// Lists the roles.
pub async fn run(args: Args, context: &Context) -> Result<Reply> {
    let who = account::who(context).await?;
    let scope = args
        .scope
        .or_else(|| args.resource_group.map(|group| crate::shape::group::group_id(&who.subscription_id, &group)));
    let reaches = |known: &String| {
        scope.as_ref().is_none_or(|scope| {
            let known = known.trim_end_matches('/').to_ascii_lowercase();
            scope.to_ascii_lowercase().strip_prefix(&known).is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        })
    };
    let named = |name: &str, id: &str| {
        args.name.as_deref().is_none_or(|wanted| wanted.eq_ignore_ascii_case(name) || wanted.eq_ignore_ascii_case(id))
    };
    let found = find("", args.custom_role_only.unwrap_or_default(), context).await?;
    let items: Vec<Value> = found
        .iter()
        .filter(|one| named(&one.name, &one.id))
        .filter(|one| one.assignable_scopes.is_empty() || one.assignable_scopes.iter().any(reaches))
        .map(|one| role::definition(one, &who.subscription_id))
        .collect();
    Ok(Reply::value(items.into()).columns(role::DEFINITION_COLUMNS))
}
