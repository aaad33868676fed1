//! Access control entries, from records and to records.

use std::sync::Arc;

use crate::model::Uuid;
use crate::protocol::messages::{AccessControlEntryRecord, MetadataRecord};
use crate::security::{Acl, Operation, PatternType, Permission, ResourceType};

use super::super::delta::MetadataDelta;
use super::MetadataImage;
use super::replay::ReplayError;

impl MetadataImage {
    pub(super) fn replay_acl(
        &mut self,
        record: &AccessControlEntryRecord,
        delta: &mut MetadataDelta,
    ) -> Result<(), ReplayError> {
        let acl = acl_of(record).ok_or_else(|| {
            ReplayError(format!(
                "access control entry {} has a number that is not known: resource type {}, \
                 pattern type {}, operation {}, permission {}",
                record.id,
                record.resource_type,
                record.pattern_type,
                record.operation,
                record.permission_type
            ))
        })?;
        if !Arc::make_mut(&mut self.acls).insert(record.id, acl) {
            let text = format!("access control entry {} exists already", record.id);
            return Err(ReplayError(text));
        }
        delta.acls_changed = true;
        Ok(())
    }

    pub(super) fn replay_remove_acl(
        &mut self,
        id: Uuid,
        delta: &mut MetadataDelta,
    ) -> Result<(), ReplayError> {
        if Arc::make_mut(&mut self.acls).remove(id).is_none() {
            let text = format!("there is no access control entry with id {id}");
            return Err(ReplayError(text));
        }
        delta.acls_changed = true;
        Ok(())
    }
}

fn acl_of(record: &AccessControlEntryRecord) -> Option<Acl> {
    Some(Acl {
        resource_type: ResourceType::from_code(record.resource_type)?,
        pattern_type: PatternType::from_code(record.pattern_type)?,
        resource_name: record.resource_name.clone(),
        principal: record.principal.clone(),
        host: record.host.clone(),
        operation: Operation::from_code(record.operation)?,
        permission: Permission::from_code(record.permission_type)?,
    })
}

/// The record of the entry `acl` with this id.
pub(crate) fn access_control_entry_record(id: Uuid, acl: &Acl) -> MetadataRecord {
    MetadataRecord::from(AccessControlEntryRecord {
        id,
        resource_type: acl.resource_type.code(),
        resource_name: acl.resource_name.clone(),
        pattern_type: acl.pattern_type.code(),
        principal: acl.principal.clone(),
        host: acl.host.clone(),
        operation: acl.operation.code(),
        permission_type: acl.permission.code(),
        ..AccessControlEntryRecord::default()
    })
}
