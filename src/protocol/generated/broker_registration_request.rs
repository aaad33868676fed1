//! Generated from `schema/broker_registration.txt`: do not edit.

use super::super::wire::*;
use crate::model::Uuid;
use bytes::Bytes;

#[derive(Clone, Debug, PartialEq)]
pub struct BrokerRegistrationRequest {
    pub broker_id: i32,
    pub cluster_id: String,
    pub incarnation_id: Uuid,
    pub listeners: Vec<Listener>,
    pub features: Vec<Feature>,
    pub rack: Option<String>,
    /// 1+
    pub is_migrating_zk_broker: bool,
    /// 2+
    pub log_dirs: Vec<Uuid>,
    /// 3+
    pub previous_broker_epoch: i64,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Default for BrokerRegistrationRequest {
    fn default() -> Self {
        Self {
            broker_id: 0,
            cluster_id: String::new(),
            incarnation_id: Uuid::ZERO,
            listeners: Vec::new(),
            features: Vec::new(),
            rack: Some(String::new()),
            is_migrating_zk_broker: false,
            log_dirs: Vec::new(),
            previous_broker_epoch: -1,
            unknown_tagged_fields: UnknownTaggedFields::default(),
        }
    }
}

impl Struct for BrokerRegistrationRequest {
    const BYTES_MIN: usize = 25;

    fn decode_fields(reader: &mut Reader, version: i16) -> Result<Self, DecodeError> {
        let mut value = Self::default();
        value.broker_id = reader.read_i32()?;
        value.cluster_id = reader.read_string(true)?;
        value.incarnation_id = reader.read_uuid()?;
        value.listeners = reader.read_structs(true, version)?;
        value.features = reader.read_structs(true, version)?;
        value.rack = reader.read_nullable_string(true)?;
        if version >= 1 {
            value.is_migrating_zk_broker = reader.read_bool()?;
        }
        if version >= 2 {
            value.log_dirs = reader.read_array(true, 16, Reader::read_uuid)?;
        }
        if version >= 3 {
            value.previous_broker_epoch = reader.read_i64()?;
        }
        value.unknown_tagged_fields = reader.read_unknown_tagged_fields()?;
        Ok(value)
    }

    fn encode_fields(&self, writer: &mut Writer, version: i16) -> Result<(), EncodeError> {
        if version < 1 && self.is_migrating_zk_broker {
            return Err(EncodeError::FieldUnsupported { field: "BrokerRegistrationRequest.IsMigratingZkBroker", version });
        }
        writer.put_i32(self.broker_id);
        writer.put_string(true, &self.cluster_id)?;
        writer.put_uuid(self.incarnation_id);
        writer.put_structs(true, &self.listeners, version)?;
        writer.put_structs(true, &self.features, version)?;
        writer.put_nullable_string(true, self.rack.as_deref())?;
        if version >= 1 {
            writer.put_bool(self.is_migrating_zk_broker);
        }
        if version >= 2 {
            writer.put_array(true, &self.log_dirs, Writer::put_uuid)?;
        }
        if version >= 3 {
            writer.put_i64(self.previous_broker_epoch);
        }
        writer.put_unknown_tagged_fields(&self.unknown_tagged_fields)?;
        Ok(())
    }
}

#[derive(Clone, Debug, Default, PartialEq)]
pub struct Feature {
    pub name: String,
    pub min_supported_version: i16,
    pub max_supported_version: i16,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for Feature {
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
pub struct Listener {
    pub name: String,
    pub host: String,
    pub port: u16,
    pub security_protocol: i16,
    pub unknown_tagged_fields: UnknownTaggedFields,
}

impl Struct for Listener {
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

impl Message for BrokerRegistrationRequest {
    const NAME: &'static str = "BrokerRegistrationRequest";
    const VERSIONS: (i16, i16) = (0, 4);
    const FLEXIBLE_SINCE: Option<i16> = Some(0);
}

impl Request for BrokerRegistrationRequest {
    const KEY: super::ApiKey = super::ApiKey::BrokerRegistration;
    type Response = super::BrokerRegistrationResponse;
}
