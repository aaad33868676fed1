//! Messages that live in records: what stands in front of them says which and in which version.

use bytes::Bytes;

use super::messages::MetadataRecord;
use super::wire::{DecodeError, EncodeError, Message, Reader, RecordContent, Writer};

/// The only format of what precedes a metadata record.
const METADATA_FRAME_VERSION: u32 = 1;

impl MetadataRecord {
    /// The metadata record that is the value of a record in `__cluster_metadata`.
    ///
    /// # Errors
    /// If it is not one of a known type and version, or bytes are left over.
    pub fn decode_value(value: Bytes) -> Result<Self, DecodeError> {
        let mut reader = Reader::new(value);
        if reader.read_unsigned_varint()? != METADATA_FRAME_VERSION {
            return Err(reader.expected("the frame version of metadata records"));
        }
        let record_type = reader.read_unsigned_varint()?;
        let version = reader.read_unsigned_varint()?;
        let (Ok(record_type), Ok(version)) = (record_type.try_into(), version.try_into()) else {
            return Err(reader.expected("a known type of metadata record"));
        };
        let record = Self::decode_content(record_type, version, &mut reader)?;
        if reader.remaining() > 0 {
            return Err(reader.expected("the end of the metadata record"));
        }
        Ok(record)
    }

    /// The value of a record in `__cluster_metadata`.
    ///
    /// # Errors
    /// If the version cannot carry the record.
    pub fn encode_value(&self, version: i16) -> Result<Bytes, EncodeError> {
        let mut writer = Writer::new();
        writer.put_unsigned_varint(METADATA_FRAME_VERSION);
        writer.put_unsigned_varint(u32::from(self.record_type().unsigned_abs()));
        writer.put_unsigned_varint(u32::from(version.unsigned_abs()));
        self.encode(&mut writer, version)?;
        Ok(writer.into_bytes())
    }
}

/// The key of a coordinator's record: its type, then the fields.
///
/// # Errors
/// If a field has a value that cannot be written.
pub fn encode_record_key<K: RecordContent>(key: &K) -> Result<Bytes, EncodeError> {
    let mut writer = Writer::new();
    writer.put_i16(K::TYPE);
    // The type takes the place of a version: keys have only one.
    key.encode(&mut writer, 0)?;
    Ok(writer.into_bytes())
}

/// The type of a coordinator's record, and the reader at the fields of its key, whose version is 0.
///
/// # Errors
/// If the key is too short for a type.
pub fn decode_record_type(key: Bytes) -> Result<(i16, Reader), DecodeError> {
    let mut reader = Reader::new(key);
    Ok((reader.read_i16()?, reader))
}

/// A message behind its version: the value of a coordinator's record, or what a consumer says in
/// a group (`ConsumerProtocolSubscription`, `ConsumerProtocolAssignment`).
///
/// # Errors
/// If the version cannot carry the message.
pub fn encode_versioned<M: Message>(message: &M, version: i16) -> Result<Bytes, EncodeError> {
    let mut writer = Writer::new();
    writer.put_i16(version);
    message.encode(&mut writer, version)?;
    Ok(writer.into_bytes())
}

/// A message behind its version. Bytes behind the message are ignored, as in Kafka.
///
/// # Errors
/// If there is no such version or the bytes are not an encoding of this message.
pub fn decode_versioned<M: Message>(bytes: Bytes) -> Result<M, DecodeError> {
    let mut reader = Reader::new(bytes);
    let version = reader.read_i16()?;
    M::decode(&mut reader, version)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::model::Uuid;
    use crate::protocol::messages::{OffsetCommitKey, OffsetCommitValue, TopicRecord};

    #[test]
    fn a_metadata_record_stands_behind_frame_version_type_and_version() {
        let topic = TopicRecord {
            name: "a".to_owned(),
            topic_id: Uuid::METADATA_TOPIC,
            ..TopicRecord::default()
        };
        let record = MetadataRecord::from(topic);
        let value = record.encode_value(0).unwrap();
        assert_eq!(value[..5], *b"\x01\x02\x00\x02a");
        assert_eq!(MetadataRecord::decode_value(value.clone()), Ok(record));
        let longer = [value.as_ref(), b"\0"].concat();
        assert!(MetadataRecord::decode_value(longer.into()).is_err());
        let frame_of_tomorrow = [b"\x02", &value[1..]].concat();
        assert!(MetadataRecord::decode_value(frame_of_tomorrow.into()).is_err());
        let unknown = Bytes::from_static(b"\x01\x7f\x00\x00");
        assert!(MetadataRecord::decode_value(unknown).is_err());
    }

    #[test]
    fn a_coordinators_record_has_its_type_in_the_key_and_its_version_in_the_value() {
        let key = OffsetCommitKey {
            group: "g".to_owned(),
            topic: "t".to_owned(),
            partition: 3,
        };
        let bytes = encode_record_key(&key).unwrap();
        assert_eq!(bytes, Bytes::from_static(b"\0\x01\0\x01g\0\x01t\0\0\0\x03"));
        let (record_type, mut reader) = decode_record_type(bytes).unwrap();
        assert_eq!(record_type, OffsetCommitKey::TYPE);
        assert_eq!(OffsetCommitKey::decode(&mut reader, 0), Ok(key));

        let value = OffsetCommitValue {
            offset: 7,
            ..OffsetCommitValue::default()
        };
        let bytes = encode_versioned(&value, 3).unwrap();
        assert_eq!(bytes[..2], [0, 3]);
        assert_eq!(decode_versioned(bytes), Ok(value));
        assert!(decode_versioned::<OffsetCommitValue>(Bytes::from_static(b"\0\x09")).is_err());
    }
}
