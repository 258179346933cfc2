//! Dev mode: a data folder made on the spot, vaults with known PINs. What differs from a real daemon is all here.

use std::env;

use softkeep_daemon::{
    audit::record::Door,
    clock,
    config::Config,
    error::{Error, ErrorCode, Result},
    identity::{Caller, UserType},
    init::{self, Admin},
    keys::slot::Slot,
    ops::{create_vault::CreateVault, set_pin::SetPin},
    pipeline::Pipeline,
    policy::VaultName,
};
use softkeep_proto::v1::CreateVaultRequest;
use zeroize::Zeroizing;

use crate::args::Args;

/// What `softkeep run` and `softkeep dev` ask for.
pub struct Dev {
    vaults: Vec<String>,
    pin: Zeroizing<Vec<u8>>,
    so_pin: Zeroizing<Vec<u8>>,
}

/// Reads a variable that only dev mode has: PINs are handed over here because an argument list is everybody's to read.
fn variable(name: &str) -> Option<Zeroizing<String>> {
    env::var(name).ok().map(Zeroizing::new)
}

impl Dev {
    /// Puts the daemon's files into a private folder below the given one, and initialises it the first time.
    pub fn prepare(args: &Args, config: &mut Config) -> Result<Self> {
        if let Ok(shift) = env::var("SOFTKEEPD_DEV_CLOCK_SHIFT_SECONDS") {
            let seconds = shift.parse().map_err(|_| {
                Error::new(ErrorCode::InvalidArgument, "SOFTKEEPD_DEV_CLOCK_SHIFT_SECONDS is a whole number")
            })?;
            clock::shift(seconds);
        }
        config.data_dir.push("data");
        if !init::is_initialised(&config.data_dir) {
            init::make_private_dir(&config.data_dir)?;
            let mut admins = Vec::new();
            if let Some(user) = variable("SOFTKEEPD_DEV_USER") {
                let (name, password) = user
                    .split_once(':')
                    .ok_or_else(|| Error::new(ErrorCode::InvalidArgument, "SOFTKEEPD_DEV_USER is NAME:PASSWORD"))?;
                admins.push(Admin::User(name.to_owned(), Zeroizing::new(password.as_bytes().to_vec())));
            }
            init::init(&config.data_dir, &Slot::KeyFile(config.data_dir.join("root.key")), &admins)?;
        }
        let pin = |name: &str, default: &str| {
            Zeroizing::new(variable(name).map_or(default.into(), |pin| pin.as_bytes().to_vec()))
        };
        Ok(Self {
            vaults: args.dev_vault.clone(),
            pin: pin("SOFTKEEPD_DEV_PIN", "1234"),
            so_pin: pin("SOFTKEEPD_DEV_SO_PIN", "12345678"),
        })
    }

    /// Makes the vaults that are not there yet, with their PINs.
    pub async fn fill(&self, pipeline: &Pipeline) -> Result<()> {
        for name in &self.vaults {
            let request =
                CreateVaultRequest { name: name.clone(), sku: "premium".into(), ..CreateVaultRequest::default() };
            let made = pipeline.run(Caller::Internal, Door::Internal, CreateVault::parse(request, true)?).await;
            match made {
                Err(error) if error.code == ErrorCode::AlreadyExists => continue,
                made => drop(made?),
            }
            for (user_type, pin) in [(UserType::SecurityOfficer, &self.so_pin), (UserType::User, &self.pin)] {
                let vault = VaultName::Named(name.clone());
                let operation = SetPin { vault, user_type, old_pin: None, new_pin: pin.clone() };
                pipeline.run(Caller::Internal, Door::Internal, operation).await?;
            }
        }
        Ok(())
    }
}
