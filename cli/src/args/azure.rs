//! Flags about secure key release, which several verbs of keys take and refuse.

use clap::{Args, builder::BoolishValueParser};

use crate::{azure::refuse_flag, error::Result};

/// Flags about secure key release: Azure's attestation service decides about that.
#[derive(Args)]
pub struct ReleaseArgs {
    /// Only with Azure: the key may be released
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    exportable: Option<bool>,
    #[command(flatten)]
    policy: ReleasePolicyArgs,
    /// Only with Azure: the release policy of confidential virtual machines
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    default_cvm_policy: Option<bool>,
    /// Only with Azure: the release policy of confidential disks
    #[arg(long, visible_alias = "default-dd-policy", num_args = 0..=1, default_missing_value = "true",
        value_parser = BoolishValueParser::new())]
    default_data_disk_policy: Option<bool>,
}

impl ReleaseArgs {
    /// Says so if one of them asks for something.
    pub fn refuse(&self) -> Result<()> {
        let asked = [
            ("--exportable", self.exportable),
            ("--default-cvm-policy", self.default_cvm_policy),
            ("--default-data-disk-policy", self.default_data_disk_policy),
        ];
        asked.into_iter().try_for_each(|(flag, value)| refuse_flag(flag, value == Some(true)))?;
        self.policy.refuse()
    }
}

/// A release policy.
#[derive(Args)]
pub struct ReleasePolicyArgs {
    /// Only with Azure: the release policy
    #[arg(long, value_name = "POLICY")]
    policy: Option<String>,
    /// Only with Azure: the release policy never changes
    #[arg(long, num_args = 0..=1, default_missing_value = "true", value_parser = BoolishValueParser::new())]
    immutable: Option<bool>,
}

impl ReleasePolicyArgs {
    /// Says so if one of them asks for something.
    pub fn refuse(&self) -> Result<()> {
        refuse_flag("key --policy", self.policy.is_some())?;
        refuse_flag("--immutable", self.immutable == Some(true))
    }
}
