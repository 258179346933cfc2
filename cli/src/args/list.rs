//! What every list takes.

use clap::{Args, builder::BoolishValueParser};

/// `--maxresults`.
#[derive(Args)]
pub struct MostArg {
    /// At most so many
    #[arg(long, alias = "max-results", value_name = "COUNT", value_parser = clap::value_parser!(u64).range(1..))]
    maxresults: Option<u64>,
}

impl MostArg {
    /// The number, or no limit.
    pub fn most(&self) -> usize {
        self.maxresults.map_or(usize::MAX, |most| usize::try_from(most).unwrap_or(usize::MAX))
    }

    /// How many to ask for at a time: no more than are wanted, and no more than the daemon gives; 0 leaves it to the
    /// daemon.
    pub fn page_size(&self) -> u32 {
        self.maxresults.map_or(0, |most| u32::try_from(most).unwrap_or(u32::MAX))
    }
}

/// `--include-managed`.
#[derive(Args)]
pub struct ManagedArg {
    /// Also those that belong to certificates
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    include_managed: Option<bool>,
}

impl ManagedArg {
    /// Whether something is listed.
    pub fn lists(&self, managed: bool) -> bool {
        !managed || self.include_managed == Some(true)
    }
}

/// `--include-pending`.
#[derive(Args)]
pub struct PendingArg {
    /// Also those of which no version is complete yet
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    include_pending: Option<bool>,
}

impl PendingArg {
    /// Whether they are wanted.
    pub fn included(&self) -> bool {
        self.include_pending == Some(true)
    }
}
