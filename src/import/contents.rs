//! What the records of the logs say that matters before they are served: transactions that are
//! open, and the groups.

use std::collections::BTreeMap;
use std::fs::File;
use std::sync::Arc;

use crate::config::BrokerConfig;
use crate::coordinator::group::{
    GroupCoordinator, GroupRequest, GroupResponse, GroupSettings, Output, ReplayedRecord,
    RequestContext, RequestToken,
};
use crate::log::validation::DECOMPRESSED_BYTES_MAX;
use crate::log::{ended_transaction, parse_partition_folder};
use crate::metadata::{CONSUMER_OFFSETS, MetadataImage, TRANSACTION_STATE};
use crate::model::{Offset, ProducerId};
use crate::protocol::messages::{ListGroupsRequest, TransactionLogKey, TransactionLogValue};
use crate::protocol::record_batch::{BatchHeader, RecordBatch};
use crate::protocol::{Message, RecordContent, decode_record_type, decode_versioned};
use crate::stdx::{Now, Random};
use crate::verify::{Visitor, read_batch};

use super::refusals::named;

/// The version in which `ListGroups` tells what kind a group is of.
const LIST_GROUPS_WITH_TYPE: i16 = 5;

/// A transaction that is neither committed nor aborted.
#[derive(Clone, Debug)]
struct Transaction {
    producer_id: ProducerId,
    status: &'static str,
    timeout_ms: i32,
    partitions: Vec<String>,
}

/// What was found in the records.
#[derive(Debug, Default)]
pub struct Contents {
    /// By folder and producer: where its open transaction begins.
    open: BTreeMap<String, BTreeMap<ProducerId, Offset>>,
    /// By transactional id.
    transactions: BTreeMap<String, Transaction>,
    /// The transactional id of each producer that has one.
    transactional_ids: BTreeMap<ProducerId, String>,
    /// By folder.
    groups: BTreeMap<String, GroupCoordinator>,
    /// Records that cannot be read: the first one of each folder, and why.
    unreadable: BTreeMap<String, String>,
}

impl Visitor for Contents {
    fn on_batch(&mut self, folder: &str, file: &File, header: &BatchHeader, position: u64) {
        let Some((topic, _)) = parse_partition_folder(folder) else {
            return;
        };
        self.note_transaction(folder, header);
        let is_read = matches!(topic, CONSUMER_OFFSETS | TRANSACTION_STATE);
        if !is_read || self.unreadable.contains_key(folder) {
            return;
        }
        let replayed = read_batch(file, header, position).and_then(|batch| match topic {
            CONSUMER_OFFSETS => self.replay_groups(folder, &batch),
            _ => self.replay_transactions(&batch),
        });
        if let Err(reason) = replayed {
            let reason = format!("at offset {}: {reason}", header.base_offset);
            self.unreadable.insert(folder.to_owned(), reason);
        }
    }
}

impl Contents {
    /// A control batch of a producer ends its transaction, whichever way.
    fn note_transaction(&mut self, folder: &str, header: &BatchHeader) {
        if !header.attributes.is_transactional() {
            return;
        }
        if header.attributes.is_control() {
            if let Some(open) = self.open.get_mut(folder) {
                open.remove(&header.producer_id);
            }
            return;
        }
        let open = self.open.entry(folder.to_owned()).or_default();
        open.entry(header.producer_id).or_insert(header.base_offset);
    }

    fn replay_groups(&mut self, folder: &str, batch: &RecordBatch) -> Result<(), String> {
        let coordinator = self.groups.entry(folder.to_owned()).or_insert_with(|| {
            // Only what the records say is asked for, which depends on no setting and no chance.
            let settings = GroupSettings::new(&BrokerConfig::default());
            GroupCoordinator::new(settings, Random::from_seed(0))
        });
        if batch.is_control() {
            if let Some((producer_id, is_committed)) = ended_transaction(batch) {
                coordinator.replay_transaction_end(producer_id, is_committed);
            }
            return Ok(());
        }
        let records = batch.records(DECOMPRESSED_BYTES_MAX);
        let records = records.map_err(|error| error.to_string())?;
        for record in records.iter() {
            let record = record.map_err(|error| error.to_string())?;
            let share = |part: &[u8]| records.share(part);
            let replayed = coordinator.replay(ReplayedRecord {
                key: record.key.map(share).unwrap_or_default(),
                value: record.value.map(share),
                offset: batch.base_offset() + i64::from(record.offset_delta),
                transaction: batch.producer_id().filter(|_| batch.is_transactional()),
            });
            replayed.map_err(|error| error.to_string())?;
        }
        Ok(())
    }

    fn replay_transactions(&mut self, batch: &RecordBatch) -> Result<(), String> {
        if batch.is_control() {
            return Ok(());
        }
        let records = batch.records(DECOMPRESSED_BYTES_MAX);
        let records = records.map_err(|error| error.to_string())?;
        for record in records.iter() {
            let record = record.map_err(|error| error.to_string())?;
            let share = |part: &[u8]| records.share(part);
            let key = record.key.map(share).unwrap_or_default();
            let (record_type, mut reader) =
                decode_record_type(key).map_err(|error| error.to_string())?;
            if record_type != TransactionLogKey::TYPE {
                return Err(format!("a transaction has a key of type {record_type}"));
            }
            let key = TransactionLogKey::decode(&mut reader, 0);
            let id = key.map_err(|error| error.to_string())?.transactional_id;
            let Some(value) = record.value else {
                self.transactions.remove(&id);
                continue;
            };
            let value: TransactionLogValue =
                decode_versioned(share(value)).map_err(|error| error.to_string())?;
            self.note_state(id, &value)?;
        }
        Ok(())
    }

    fn note_state(&mut self, id: String, value: &TransactionLogValue) -> Result<(), String> {
        self.transactional_ids.insert(value.producer_id, id.clone());
        let status = match value.transaction_status {
            // Empty, completed or dead.
            0 | 4..=6 => {
                self.transactions.remove(&id);
                return Ok(());
            }
            1 => "ongoing",
            2 => "about to be committed",
            3 => "about to be aborted",
            7 => "about to be fenced",
            other => return Err(format!("transactional id {id} is in state {other}")),
        };
        let topics = value.transaction_partitions.iter().flatten();
        let partitions = topics.flat_map(|topic| {
            let indexes = topic.partition_ids.iter();
            indexes.map(|index| format!("{}-{index}", topic.topic))
        });
        let transaction = Transaction {
            producer_id: value.producer_id,
            status,
            timeout_ms: value.transaction_timeout_ms,
            partitions: partitions.collect(),
        };
        self.transactions.insert(id, transaction);
        Ok(())
    }

    /// Why what was found cannot be served.
    pub fn refusals(&self) -> Vec<String> {
        let ongoing = self.transactions.iter().map(|(id, transaction)| {
            format!(
                "the transaction of transactional id {id} is {}, in {}: start Apache Kafka, let \
                 the producer end it or {} ms pass, and stop Kafka when kafka-transactions.sh \
                 list has it in a Complete state",
                transaction.status,
                named(transaction.partitions.clone()),
                transaction.timeout_ms
            )
        });
        let told = |producer_id: ProducerId| {
            let mut transactions = self.transactions.values();
            transactions.any(|transaction| transaction.producer_id == producer_id)
        };
        let open = self.open.iter().flat_map(|(folder, open)| {
            open.iter()
                .map(move |(producer_id, start)| (folder, *producer_id, *start))
        });
        let hanging = open.filter(|(_, producer_id, _)| !told(*producer_id)).map(
            |(folder, producer_id, start)| {
                let id = self.transactional_ids.get(&producer_id);
                let id = id.map_or_else(String::new, |id| format!(" (transactional id {id})"));
                format!(
                    "{folder} has a transaction of producer {producer_id}{id} that is open from \
                     offset {start} on: start Apache Kafka, and let the producer end it, or abort \
                     it with kafka-transactions.sh abort"
                )
            },
        );
        let unreadable = self.unreadable.iter().map(|(folder, reason)| {
            format!(
                "{folder} has a record that is not known here, {reason}: was it written by a newer \
                 Apache Kafka than 4.3?"
            )
        });
        ongoing.chain(hanging).chain(unreadable).collect()
    }

    /// How many groups there are of each kind.
    pub fn groups(&mut self) -> BTreeMap<String, usize> {
        let mut counts = BTreeMap::new();
        for coordinator in self.groups.values_mut() {
            for kind in kinds_of_groups(coordinator) {
                *counts.entry(kind).or_default() += 1;
            }
        }
        counts
    }
}

fn kinds_of_groups(coordinator: &mut GroupCoordinator) -> Vec<String> {
    let mut output = Output::default();
    coordinator.on_loaded(Now::default(), &mut output);
    let context = RequestContext {
        client_id: Arc::from(""),
        client_address: std::net::Ipv4Addr::LOCALHOST.into(),
        api_version: LIST_GROUPS_WITH_TYPE,
    };
    let request = GroupRequest::ListGroups(ListGroupsRequest::default());
    let image = MetadataImage::default();
    let token = RequestToken(0);
    coordinator.on_request(
        Now::default(),
        token,
        &context,
        request,
        &image,
        &mut output,
    );
    match output.answers.pop() {
        Some((_, GroupResponse::ListGroups(response))) => {
            let groups = response.groups.into_iter();
            groups.map(|group| group.group_type).collect()
        }
        _ => Vec::new(),
    }
}
