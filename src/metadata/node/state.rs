//! The image that is being worked on: everything that was decided, committed or not.

use bytes::Bytes;

use crate::config::Overrides;
use crate::model::{BrokerId, LeaderEpoch, Offset, TimestampMs};
use crate::protocol::messages::MetadataRecord;
use crate::quorum::{RecordBlock, SnapshotContents, SnapshotId};

use super::super::delta::MetadataDelta;
use super::super::image::{ConfigKind, ConfigResource, MetadataImage};
use super::super::record::decode_record;

/// An image to be published once it is committed.
#[derive(Debug)]
pub(super) struct Publication {
    pub image: MetadataImage,
    pub delta: MetadataDelta,
}

/// The image with every record in it, and what changed since the last publication.
#[derive(Clone, Debug, Default)]
pub(crate) struct WorkingImage {
    pub image: MetadataImage,
    delta: MetadataDelta,
    /// What to go back to if the transaction that is being replayed is aborted (KIP-868).
    before_transaction: Option<(MetadataImage, MetadataDelta)>,
    has_own_records: bool,
}

impl WorkingImage {
    /// Take in the state at the beginning.
    pub(crate) fn replay_snapshot(
        &mut self,
        id: SnapshotId,
        contents: &SnapshotContents,
    ) -> Result<(), String> {
        for value in &contents.values {
            self.replay_value(value)
                .map_err(|reason| format!("in {}: {reason}", id.file_name()))?;
        }
        self.image.end_offset = id.end_offset;
        self.image.epoch = id.epoch;
        self.image.timestamp_ms = contents.last_contained_ms;
        Ok(())
    }

    /// Begin anew with another state, of which the reader of the image `shown` is told.
    pub(super) fn begin_anew(
        &mut self,
        shown: Option<&MetadataImage>,
        id: SnapshotId,
        contents: &SnapshotContents,
    ) -> Result<(), String> {
        let mut anew = Self::default();
        anew.image.cluster_id = self.image.cluster_id.clone();
        anew.image.kraft_version = self.image.kraft_version;
        anew.replay_snapshot(id, contents)?;
        if let Some(shown) = shown {
            anew.delta = MetadataDelta::between(shown, &anew.image);
        }
        *self = anew;
        Ok(())
    }

    /// The state of `image`, which was shown as it is.
    pub(super) fn of(image: &MetadataImage) -> Self {
        Self {
            image: image.clone(),
            ..Self::default()
        }
    }

    /// Take in records of an earlier epoch.
    pub(crate) fn replay_block(&mut self, block: &RecordBlock) -> Result<(), String> {
        for value in &block.values {
            self.replay_value(value)
                .map_err(|reason| format!("before offset {}: {reason}", block.end_offset))?;
        }
        self.image.end_offset = block.end_offset;
        self.image.epoch = block.epoch;
        self.image.timestamp_ms = block.timestamp_ms;
        Ok(())
    }

    /// Take in records that were just made here, and where they ended.
    ///
    /// # Panics
    /// If they contradict the image: they were decided by it.
    pub(super) fn replay_own(
        &mut self,
        records: &[MetadataRecord],
        values: &[Bytes],
        (end_offset, epoch, timestamp_ms): (Offset, LeaderEpoch, TimestampMs),
    ) {
        for (record, value) in records.iter().zip(values) {
            let replayed = self.replay(record, value);
            assert!(
                replayed.is_ok(),
                "the controller's own records fit its image: {replayed:?}"
            );
        }
        self.image.end_offset = end_offset;
        self.image.epoch = epoch;
        self.image.timestamp_ms = timestamp_ms;
        self.has_own_records = true;
    }

    /// The quorum has got another version, by what it wrote itself, which ends at this offset.
    pub(super) fn note_kraft_version(
        &mut self,
        level: i16,
        (end_offset, epoch): (Offset, LeaderEpoch),
    ) {
        self.image.kraft_version = level;
        (self.image.end_offset, self.image.epoch) = (end_offset, epoch);
        self.has_own_records = true;
    }

    fn replay_value(&mut self, value: &Bytes) -> Result<(), String> {
        let record = decode_record(value).map_err(|error| error.to_string())?;
        self.replay(&record, value)
    }

    fn replay(&mut self, record: &MetadataRecord, value: &Bytes) -> Result<(), String> {
        match record {
            MetadataRecord::BeginTransaction(_) => {
                if self.before_transaction.is_some() {
                    return Err("a transaction begins inside of another".to_owned());
                }
                self.before_transaction = Some((self.image.clone(), self.delta.clone()));
            }
            MetadataRecord::EndTransaction(_) => {
                if self.before_transaction.take().is_none() {
                    return Err("a transaction ends that did not begin".to_owned());
                }
            }
            MetadataRecord::AbortTransaction(_) => {
                let Some((image, delta)) = self.before_transaction.take() else {
                    return Err("a transaction is aborted that did not begin".to_owned());
                };
                self.image = image;
                self.delta = delta;
            }
            record => self
                .image
                .replay_record(record, value, &mut self.delta)
                .map_err(|error| error.to_string())?,
        }
        Ok(())
    }

    /// True between the two ends of a transaction.
    pub(super) const fn is_in_transaction(&self) -> bool {
        self.before_transaction.is_some()
    }

    /// What was set at run time for all brokers, and for the broker `node_id`.
    pub(crate) fn broker_overrides(&self, node_id: BrokerId) -> (Overrides, Overrides) {
        let of = |name: &str| {
            let resource = ConfigResource::new(ConfigKind::Broker, name);
            let found = self.image.config(&resource);
            found.map_or_else(Overrides::new, |values| values.as_ref().clone())
        };
        (of(""), of(&node_id.to_string()))
    }

    /// The image as it is now, if it has records that were not taken yet. What was replayed from
    /// the disk goes with the first records of this start.
    pub(super) fn take_publication(&mut self) -> Option<Publication> {
        if !self.has_own_records || self.is_in_transaction() {
            return None;
        }
        Some(self.publication())
    }

    /// The image as it is now, and all that was not published of it.
    pub(super) fn publication(&mut self) -> Publication {
        self.has_own_records = false;
        Publication {
            image: self.image.clone(),
            delta: std::mem::take(&mut self.delta),
        }
    }
}
