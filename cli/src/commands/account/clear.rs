//! `softkeep account clear`.

use crate::{client::Context, commands::Reply, error::Result, session};

/// Forgets the sessions with all daemons. Like az, it tells nobody: `logout` does.
pub fn run(context: &Context) -> Result<Reply> {
    session::clear(&context.settings)?;
    Ok(Reply::nothing())
}
