//! Whether the metadata that were read can be used: nothing was changed yet.
//!
//! `forebay-import` is the note that a directory of Apache Kafka was checked as it is, and may be
//! served.
//! It names the epoch that the broker is registered in: Apache Kafka registers in a new one
//! whenever it starts, so a note is of no use once Kafka ran again. One of a start that was
//! interrupted before it registered still is.

use bytes::Bytes;
use serde_json::{Value, json};

use crate::log::storage::{StorageOutbox, StoragePath, StorageRequest};

use crate::stdx::Now;

use super::super::features::is_forebay;
use super::super::record::check_metadata_version;
use super::{HaltCause, MetadataNode, Phase};

/// The file's name. It lies beside the folder of the metadata log; Apache Kafka looks at no file
/// there that it did not write.
pub(crate) const FILE_NAME: &str = "forebay-import";

/// The version that is written, and the only one that is known.
const VERSION: i64 = 1;

/// Which state of a directory was checked.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct Takeover {
    /// The cluster.
    pub cluster_id: String,
    /// The epoch of the broker's registration.
    pub broker_epoch: i64,
}

impl Takeover {
    /// The file of this note.
    pub(crate) fn encode(&self) -> Bytes {
        let value = json!({
            "version": VERSION,
            "clusterId": self.cluster_id,
            "brokerEpoch": self.broker_epoch,
        });
        Bytes::from(value.to_string())
    }

    /// The note in `file`; `None` if it is none.
    pub(crate) fn decode(file: &[u8]) -> Option<Self> {
        let value: Value = serde_json::from_slice(file).ok()?;
        (value["version"].as_i64()? == VERSION).then_some(())?;
        Some(Self {
            cluster_id: value["clusterId"].as_str()?.to_owned(),
            broker_epoch: value["brokerEpoch"].as_i64()?,
        })
    }
}

impl MetadataNode {
    pub(super) fn check_replayed(&mut self, replayed: Result<(), String>) {
        if let Err(reason) = replayed {
            // What is not understood may be what a newer version has.
            let version = check_metadata_version(self.working.image.metadata_version());
            let reason = version
                .err()
                .unwrap_or_else(|| format!("the metadata log cannot be replayed: {reason}"));
            let place = self.settings.metadata_directory_name();
            self.halt(HaltCause::UnusableData(format!("{place}: {reason}")));
        }
    }

    /// Everything was read: see whether it can be used, before anything is changed.
    pub(super) fn claim(&mut self, now: Now, outbox: &mut StorageOutbox) {
        let Phase::Loading(claims) = &mut self.phase else {
            return;
        };
        let mut claims = std::mem::take(claims);
        let checked = check_metadata_version(self.working.image.metadata_version());
        match checked.and_then(|()| self.check_takeover()) {
            Ok(step) => claims.extend(step),
            Err(reason) => {
                let place = self.settings.metadata_directory_name();
                return self.halt(HaltCause::UnusableData(format!("{place}: {reason}")));
            }
        }
        self.phase = Phase::Claiming(claims);
        self.next_step(now, outbox);
    }

    /// What Apache Kafka served last is served here once somebody has looked at it. Returns what
    /// removes a note that has served its purpose.
    fn check_takeover(&self) -> Result<Option<StorageRequest>, String> {
        let directories = self.directories.as_ref();
        let seen = directories.and_then(|directories| directories.takeover.as_ref());
        let node_id = self.settings.config.node_id;
        let registration = match self.working.image.brokers.get(&node_id) {
            Some(registration) if !is_forebay(registration) => registration,
            _ => {
                let root = StoragePath::new(self.settings.metadata_directory, "");
                let path = root.join(FILE_NAME);
                return Ok(seen.map(|_| StorageRequest::Remove { path }));
            }
        };
        let what = match seen {
            Some(seen)
                if seen.broker_epoch == registration.epoch
                    && seen.cluster_id == *self.working.image.cluster_id =>
            {
                return Ok(None);
            }
            Some(_) => "Apache Kafka has changed it since it was imported",
            None => "Apache Kafka has served it last",
        };
        Err(format!(
            "{what}: `forebay import` with the same --config or --data-dir checks it and takes it \
             over"
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_note_is_read_as_it_was_written_and_nothing_else_is_one() {
        let note = Takeover {
            cluster_id: "TtZAqx5RnDV1DZAPSvzVjA".to_owned(),
            broker_epoch: 595,
        };
        assert_eq!(Takeover::decode(&note.encode()), Some(note));
        for other in ["", "{}", r#"{"version":2,"clusterId":"a","brokerEpoch":1}"#] {
            assert_eq!(Takeover::decode(other.as_bytes()), None, "{other}");
        }
    }
}
