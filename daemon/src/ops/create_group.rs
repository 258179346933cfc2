//! Makes a resource group, or changes the tags of one that is there.

use std::{collections::BTreeMap, sync::Arc};

use softkeep_proto::{limits::NO_GROUP, location::LOCAL, v1::CreateGroupRequest};

use super::{Audited, Operation, names, vault_settings as settings};
use crate::{
    clock,
    error::{Error, ErrorCode, Result},
    keys::{
        catalog::Version,
        ledger::Entry,
        record::{GroupRecord, row},
    },
    pipeline::Unsealed,
    policy::{Authorized, Permission, Place},
    workers::Lane,
};

/// The group as it is to be.
pub struct CreateGroup {
    name: String,
    location: String,
    tags: BTreeMap<String, String>,
}

impl CreateGroup {
    /// Checks what the caller asks for.
    pub fn parse(request: CreateGroupRequest) -> Result<Self> {
        settings::check_group_name(&request.name)?;
        if request.name.eq_ignore_ascii_case(NO_GROUP) {
            let detail = format!("'{NO_GROUP}' is what paths say of vaults in no group; no group has that name");
            return Err(Error::new(ErrorCode::InvalidArgument, detail));
        }
        let tags = request.tags.into_iter().collect();
        names::check_tags(&tags)?;
        Ok(Self { name: request.name, location: settings::location(&request.location)?, tags })
    }

    fn record(&self, old: Option<&Arc<GroupRecord>>) -> Result<GroupRecord> {
        let Some(old) = old else {
            let location = if self.location.is_empty() { LOCAL } else { &self.location };
            let (name, location) = (self.name.clone(), location.to_owned());
            return Ok(GroupRecord { name, location, tags: self.tags.clone(), created: clock::now_seconds() });
        };
        if !self.location.is_empty() && self.location != old.location {
            let detail =
                format!("the group '{}' is there already, in '{}'; a group does not move", old.name, old.location);
            return Err(Error::new(ErrorCode::AlreadyExists, detail));
        }
        Ok(GroupRecord { tags: self.tags.clone(), ..GroupRecord::clone(old) })
    }
}

impl Operation for CreateGroup {
    const NAME: &'static str = "group.create";
    const PERMISSION: Permission = Permission::WriteGroup;
    const AUDITED: Audited = Audited::Administration;
    type Reply = Arc<GroupRecord>;

    fn place(&self) -> Place {
        Place::Group(self.name.clone())
    }

    fn lane(&self, _: Option<&Version>) -> Lane {
        Lane::Store
    }

    fn run(grant: Authorized<Self>, rooms: &Unsealed) -> Result<Self::Reply> {
        let operation = grant.operation();
        let name = operation.name.to_ascii_lowercase();
        let keys = &rooms.keys;
        keys.write(|_| {
            let record = operation.record(keys.catalog.view().directory.groups.get(&name))?;
            Ok((vec![Entry::put(row::group(&name), &record)], Arc::new(record)))
        })
    }
}
