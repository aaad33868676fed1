//! Generated from `schema/metadata_records.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, Default, PartialEq)]
pub struct BrokerRegistrationChangeRecord {
    pub broker_id: i32,
    pub broker_epoch: i64,
    pub fenced: i8,
    /// 1+
    pub in_controlled_shutdown: i8,
    /// 2+
    pub log_dirs: Vec<Uuid>,
    /// 3+
    pub cordoned_log_dirs: Option<Vec<Uuid>>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for BrokerRegistrationChangeRecord {
    const BYTES_MIN: usize = 13;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.broker_id = reader.read_i32()?;
        value.broker_epoch = reader.read_i64()?;
        let unknown = reader.read_tagged_fields(|reader, tag| {
            match tag {
                0 => value.fenced = reader.read_i8()?,
                1 if version >= 1 => value.in_controlled_shutdown = reader.read_i8()?,
                1 => return Err(reader.expected("a tag that this version has")),
                2 if version >= 2 => value.log_dirs = reader.read_array(true, 16, Reader::read_uuid)?,
                2 => return Err(reader.expected("a tag that this version has")),
                3 if version >= 3 => value.cordoned_log_dirs = reader.read_nullable_array(true, 16, Reader::read_uuid)?,
                3 => return Err(reader.expected("a tag that this version has")),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        value.unknown_tagged_fields = unknown;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 1 && self.in_controlled_shutdown != 0 {
            return Err(EncodeError::FieldUnsupported { field: "BrokerRegistrationChangeRecord.InControlledShutdown", version });
        }
        if version < 2 && !self.log_dirs.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "BrokerRegistrationChangeRecord.LogDirs", version });
        }
        if version < 3 && self.cordoned_log_dirs.is_some() {
            return Err(EncodeError::FieldUnsupported { field: "BrokerRegistrationChangeRecord.CordonedLogDirs", version });
        }
        writer.put_i32(self.broker_id);
        writer.put_i64(self.broker_epoch);
        let mut tagged = TaggedFields::default();
        if self.fenced != 0 {
            tagged.add(0, |writer| {
                writer.put_i8(self.fenced);
                Ok(())
            })?;
        }
        if version >= 1 && self.in_controlled_shutdown != 0 {
            tagged.add(1, |writer| {
                writer.put_i8(self.in_controlled_shutdown);
                Ok(())
            })?;
        }
        if version >= 2 && !self.log_dirs.is_empty() {
            tagged.add(2, |writer| writer.put_array(true, &self.log_dirs, Writer::put_uuid))?;
        }
        if version >= 3 && self.cordoned_log_dirs.is_some() {
            tagged.add(3, |writer| writer.put_nullable_array(true, self.cordoned_log_dirs.as_deref(), Writer::put_uuid))?;
        }
        tagged.put(writer, &self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for BrokerRegistrationChangeRecord {
    const NAME: &'static str = "BrokerRegistrationChangeRecord";
    const VERSIONS: (i16, i16) = (0, 3);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}

impl RecordContent for BrokerRegistrationChangeRecord {
    const TYPE: i16 = 17;
}
