//! Generated from `schema/metadata_records.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct RegisterBrokerRecord {
    pub broker_id: i32,
    /// 2+
    pub is_migrating_zk_broker: bool,
    pub incarnation_id: Uuid,
    pub broker_epoch: i64,
    pub end_points: Vec<BrokerEndpoint>,
    pub features: Vec<BrokerFeature>,
    pub rack: Option<String>,
    pub fenced: bool,
    /// 1+
    pub in_controlled_shutdown: bool,
    /// 3+
    pub log_dirs: Vec<Uuid>,
    /// 4+
    pub cordoned_log_dirs: Option<Vec<Uuid>>,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for RegisterBrokerRecord {
    fn default() -> Self {
        Self {
            broker_id: 0,
            is_migrating_zk_broker: false,
            incarnation_id: Uuid::ZERO,
            broker_epoch: 0,
            end_points: Vec::new(),
            features: Vec::new(),
            rack: Some(String::new()),
            fenced: true,
            in_controlled_shutdown: false,
            log_dirs: Vec::new(),
            cordoned_log_dirs: None,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for RegisterBrokerRecord {
    const BYTES_MIN: usize = 33;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.broker_id = reader.read_i32()?;
        if version >= 2 {
            value.is_migrating_zk_broker = reader.read_bool()?;
        }
        value.incarnation_id = reader.read_uuid()?;
        value.broker_epoch = reader.read_i64()?;
        value.end_points = reader.read_structs(true, version)?;
        value.features = reader.read_structs(true, version)?;
        value.rack = reader.read_nullable_string(true)?;
        value.fenced = reader.read_bool()?;
        if version >= 1 {
            value.in_controlled_shutdown = reader.read_bool()?;
        }
        let unknown = reader.read_tagged_fields(|reader, tag| {
            match tag {
                0 if version >= 3 => value.log_dirs = reader.read_array(true, 16, Reader::read_uuid)?,
                0 => return Err(reader.expected("a tag that this version has")),
                1 if version >= 4 => value.cordoned_log_dirs = reader.read_nullable_array(true, 16, Reader::read_uuid)?,
                1 => return Err(reader.expected("a tag that this version has")),
                _ => return Ok(false),
            }
            Ok(true)
        })?;
        value.unknown_tagged_fields = unknown;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 2 && self.is_migrating_zk_broker {
            return Err(EncodeError::FieldUnsupported { field: "RegisterBrokerRecord.IsMigratingZkBroker", version });
        }
        if version < 1 && self.in_controlled_shutdown {
            return Err(EncodeError::FieldUnsupported { field: "RegisterBrokerRecord.InControlledShutdown", version });
        }
        if version < 3 && !self.log_dirs.is_empty() {
            return Err(EncodeError::FieldUnsupported { field: "RegisterBrokerRecord.LogDirs", version });
        }
        if version < 4 && self.cordoned_log_dirs.is_some() {
            return Err(EncodeError::FieldUnsupported { field: "RegisterBrokerRecord.CordonedLogDirs", version });
        }
        writer.put_i32(self.broker_id);
        if version >= 2 {
            writer.put_bool(self.is_migrating_zk_broker);
        }
        writer.put_uuid(self.incarnation_id);
        writer.put_i64(self.broker_epoch);
        writer.put_structs(true, &self.end_points, version)?;
        writer.put_structs(true, &self.features, version)?;
        writer.put_nullable_string(true, self.rack.as_deref())?;
        writer.put_bool(self.fenced);
        if version >= 1 {
            writer.put_bool(self.in_controlled_shutdown);
        }
        let mut tagged = TaggedFields::default();
        if version >= 3 && !self.log_dirs.is_empty() {
            tagged.add(0, |writer| writer.put_array(true, &self.log_dirs, Writer::put_uuid))?;
        }
        if version >= 4 && self.cordoned_log_dirs.is_some() {
            tagged.add(1, |writer| writer.put_nullable_array(true, self.cordoned_log_dirs.as_deref(), Writer::put_uuid))?;
        }
        tagged.put(writer, &self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct BrokerFeature {
    pub name: String,
    pub min_supported_version: i16,
    pub max_supported_version: i16,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for BrokerFeature {
    const BYTES_MIN: usize = 6;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.name = reader.read_string(true)?;
        value.min_supported_version = reader.read_i16()?;
        value.max_supported_version = reader.read_i16()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.name)?;
        writer.put_i16(self.min_supported_version);
        writer.put_i16(self.max_supported_version);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct BrokerEndpoint {
    pub name: String,
    pub host: String,
    pub port: u16,
    pub security_protocol: i16,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for BrokerEndpoint {
    const BYTES_MIN: usize = 7;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.name = reader.read_string(true)?;
        value.host = reader.read_string(true)?;
        value.port = reader.read_u16()?;
        value.security_protocol = reader.read_i16()?;
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        writer.put_string(true, &self.name)?;
        writer.put_string(true, &self.host)?;
        writer.put_u16(self.port);
        writer.put_i16(self.security_protocol);
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

impl Message for RegisterBrokerRecord {
    const NAME: &'static str = "RegisterBrokerRecord";
    const VERSIONS: (i16, i16) = (0, 4);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}

impl RecordContent for RegisterBrokerRecord {
    const TYPE: i16 = 0;
}
