//! The records of control batches: marks that Kafka writes beside the data.

use super::varint::Reader;

/// What a control record marks: the second number of its key.
#[derive(Clone, Copy, Debug, Eq, Hash, PartialEq)]
#[repr(i16)]
pub enum ControlType {
    /// The producer's transaction ends here and does not count.
    Abort = 0,
    /// The producer's transaction ends here and counts.
    Commit = 1,
    /// A leader of a quorum begins its epoch.
    LeaderChange = 2,
    /// The first record of a snapshot.
    SnapshotHeader = 3,
    /// The last record of a snapshot.
    SnapshotFooter = 4,
    /// The version of the quorum's protocol (KIP-853).
    KraftVersion = 5,
    /// Who votes in the quorum (KIP-853).
    KraftVoters = 6,
}

/// The version of a control record's key.
const KEY_VERSION: i16 = 0;
const MARKER_VERSION: i16 = 0;

impl ControlType {
    const ALL: [Self; 7] = [
        Self::Abort,
        Self::Commit,
        Self::LeaderChange,
        Self::SnapshotHeader,
        Self::SnapshotFooter,
        Self::KraftVersion,
        Self::KraftVoters,
    ];

    /// The key of a record of this type.
    #[must_use]
    pub const fn encode_key(self) -> [u8; 4] {
        let [a, b] = KEY_VERSION.to_be_bytes();
        let [c, d] = (self as i16).to_be_bytes();
        [a, b, c, d]
    }

    /// The type that a control record's key names; `None` for one that is not known, whose record
    /// a reader passes over.
    #[must_use]
    pub fn decode_key(key: &[u8]) -> Option<Self> {
        // A newer version of the key may have more fields behind.
        let [a, b, c, d] = *key.first_chunk::<4>()?;
        if i16::from_be_bytes([a, b]) < KEY_VERSION {
            return None;
        }
        let number = i16::from_be_bytes([c, d]);
        Self::ALL.into_iter().find(|known| *known as i16 == number)
    }
}

/// The value of a record that ends a transaction.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct EndTransactionMarker {
    /// The epoch of the transaction coordinator that wrote it.
    pub coordinator_epoch: i32,
}

impl EndTransactionMarker {
    /// The marker's bytes.
    #[must_use]
    pub const fn encode(self) -> [u8; 6] {
        let [a, b] = MARKER_VERSION.to_be_bytes();
        let [c, d, e, f] = self.coordinator_epoch.to_be_bytes();
        [a, b, c, d, e, f]
    }

    /// The marker in `value`; `None` if it is none.
    #[must_use]
    pub fn decode(value: &[u8]) -> Option<Self> {
        let mut reader = Reader::new(value);
        let version = i16::from_be_bytes(*reader.take(2)?.first_chunk()?);
        let coordinator_epoch = i32::from_be_bytes(*reader.take(4)?.first_chunk()?);
        (version >= MARKER_VERSION).then_some(Self { coordinator_epoch })
    }
}
