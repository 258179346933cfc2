//! `softkeep logout`.

use softkeep_proto::v1::SignOutRequest;

use crate::{
    client::Context,
    commands::Reply,
    error::{Error, Result},
    session,
};

/// Flags.
#[derive(clap::Args)]
pub struct Args {
    /// Only if this is who is signed in
    #[arg(long, short = 'u')]
    username: Option<String>,
    /// Make all of your tokens worthless, wherever they are
    #[arg(long)]
    all: bool,
}

/// Makes the tokens worthless and forgets them.
pub async fn run(args: &Args, context: &Context) -> Result<Reply> {
    let session = session::load(&context.settings)?
        .ok_or_else(|| Error::local("nobody is signed in").fix("softkeep account show prints who you are"))?;
    if let Some(name) = args.username.as_deref().filter(|name| !name.eq_ignore_ascii_case(&session.name)) {
        return Err(
            Error::local(format!("'{name}' is not signed in; '{}' is", session.name)).fix("leave --username out")
        );
    }
    let told = async {
        let request = SignOutRequest { all: args.all, principal: String::new() };
        context.access().await?.sign_out(request).await.map_err(Error::from)
    };
    let told = told.await;
    // Forgotten here in any case: somebody who signs out must not stay signed in because the daemon is away.
    session::store(&context.settings, None)?;
    if let Err(error) = told {
        eprintln!("warning: the session is forgotten here, but the daemon could not end it: {}", error.message());
    }
    Ok(Reply::nothing())
}
