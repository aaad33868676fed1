//! The picture of the cluster as its brokers tell it.

use std::collections::{BTreeMap, BTreeSet};

use crate::admin::Failure;
use crate::admin::session::{Session, answer};
use crate::client::error_of;
use crate::model::{BrokerId, PartitionIndex, TopicPartition};
use crate::protocol::AnyRequest;
use crate::protocol::messages::describe_cluster_response::DescribeClusterResponse;
use crate::protocol::messages::describe_log_dirs_request::DescribableLogDirTopic;
use crate::protocol::messages::describe_log_dirs_response::DescribeLogDirsResult;
use crate::protocol::messages::{DescribeClusterRequest, DescribeLogDirsRequest};

use super::reassignments::{Reassignment, list_reassignments};
use super::{BrokerState, Layout, Placement};

/// The endpoints that clients connect to, and not the controllers'.
pub const ENDPOINT_BROKERS: i8 = 1;

/// The version of DescribeCluster that tells of fenced brokers, too (KIP-1073).
const FENCED_SINCE: i16 = 2;

/// What the cluster tells of itself.
#[derive(Debug, Default)]
pub struct Picture {
    pub cluster: DescribeClusterResponse,
    pub reassignments: BTreeMap<TopicPartition, Reassignment>,
    /// The log directories of each broker that answered.
    pub directories: BTreeMap<BrokerId, Vec<DescribeLogDirsResult>>,
    pub layout: Layout,
}

impl Picture {
    /// How many replicas `broker` has, those that are to go among them: until others took their
    /// places they are needed.
    pub fn replicas_on(&self, broker: BrokerId) -> usize {
        let moving = self.reassignments.values();
        let leaving = moving.filter(|moving| moving.removing.contains(&broker));
        self.layout.on(broker).count() + leaving.count()
    }
}

/// Asks for everything that plans are made from.
pub fn read_picture(session: &mut Session) -> Result<Picture, Failure> {
    session.refresh(None, false)?;
    let cluster = describe_cluster(session)?;
    let reassignments = list_reassignments(session)?;
    let mut directories = BTreeMap::new();
    for broker in cluster.brokers.iter().filter(|broker| !broker.is_fenced) {
        // One that dies meanwhile is not known to be dead yet: nothing is known of its disks.
        if let Ok(told) = describe_directories(session, broker.broker_id, None) {
            directories.insert(broker.broker_id, told);
        }
    }
    let layout = layout_of(session, &cluster, &reassignments, &directories);
    Ok(Picture {
        cluster,
        reassignments,
        directories,
        layout,
    })
}

/// The cluster's brokers, the fenced ones too where it tells of them.
pub fn describe_cluster(session: &mut Session) -> Result<DescribeClusterResponse, Failure> {
    let mut request = DescribeClusterRequest {
        endpoint_type: ENDPOINT_BROKERS,
        ..DescribeClusterRequest::default()
    };
    let any = AnyRequest::from(request.clone());
    let version = session.first_connection().version_for(&any);
    request.include_fenced_brokers = version.is_ok_and(|version| version >= FENCED_SINCE);
    let cluster = answer!(DescribeCluster, session.ask_any(request)?);
    error_of(cluster.error_code).map_err(|error| {
        let message = cluster.error_message.as_deref();
        Failure::refused("cannot describe the cluster", error, message)
    })?;
    Ok(cluster)
}

/// The log directories of a broker, with its replicas of all topics or of those named.
pub fn describe_directories(
    session: &mut Session,
    broker: BrokerId,
    partitions: Option<&BTreeSet<TopicPartition>>,
) -> Result<Vec<DescribeLogDirsResult>, Failure> {
    let topics = partitions.map(|partitions| {
        let topics = by_topic(partitions).into_iter();
        let topics = topics.map(|(topic, partitions)| DescribableLogDirTopic {
            topic,
            partitions,
            ..DescribableLogDirTopic::default()
        });
        topics.collect()
    });
    let request = DescribeLogDirsRequest {
        topics,
        ..DescribeLogDirsRequest::default()
    };
    let told = answer!(DescribeLogDirs, session.ask_broker(broker, request)?);
    error_of(told.error_code).map_err(|error| {
        let action = format!("broker {broker} does not tell of its log directories");
        Failure::refused(&action, error, None)
    })?;
    Ok(told.results)
}

/// The sizes of the replicas in these directories, those that are moving between them aside.
pub fn replica_sizes(
    directories: &[DescribeLogDirsResult],
) -> impl Iterator<Item = (TopicPartition, u64)> {
    let topics = directories.iter().flat_map(|directory| &directory.topics);
    topics.flat_map(|topic| {
        let name: std::sync::Arc<str> = topic.name.as_str().into();
        let partitions = topic.partitions.iter();
        let current = partitions.filter(|partition| !partition.is_future_key);
        current.map(move |partition| {
            let size = u64::try_from(partition.partition_size).unwrap_or(0);
            let partition = TopicPartition {
                topic: name.clone(),
                partition: partition.partition_index,
            };
            (partition, size)
        })
    })
}

/// Partitions as requests have them.
pub fn by_topic<'a>(
    partitions: impl IntoIterator<Item = &'a TopicPartition>,
) -> BTreeMap<String, Vec<PartitionIndex>> {
    let mut topics = BTreeMap::<String, Vec<PartitionIndex>>::new();
    for partition in partitions {
        let indexes = topics.entry(partition.topic.to_string()).or_default();
        indexes.push(partition.partition);
    }
    topics
}

fn layout_of(
    session: &Session,
    cluster: &DescribeClusterResponse,
    reassignments: &BTreeMap<TopicPartition, Reassignment>,
    directories: &BTreeMap<BrokerId, Vec<DescribeLogDirsResult>>,
) -> Layout {
    let mut layout = Layout::default();
    for broker in &cluster.brokers {
        let directories = directories.get(&broker.broker_id);
        let state = BrokerState {
            rack: broker.rack.clone(),
            is_alive: !broker.is_fenced,
            is_cordoned: directories.is_some_and(|all| are_cordoned(all)),
        };
        layout.brokers.insert(broker.broker_id, state);
    }
    let mut sizes = BTreeMap::<TopicPartition, u64>::new();
    for (partition, size) in directories.values().flat_map(|all| replica_sizes(all)) {
        let largest = sizes.entry(partition).or_default();
        *largest = size.max(*largest);
    }
    for (name, topic) in session.cluster().topics() {
        let Ok(topic) = topic else {
            continue;
        };
        let name: std::sync::Arc<str> = name.into();
        for (index, told) in &topic.partitions {
            let partition = TopicPartition {
                topic: name.clone(),
                partition: *index,
            };
            let moving = reassignments.get(&partition);
            let mut replicas = told.replicas.clone();
            if let Some(moving) = moving {
                replicas.retain(|id| !moving.removing.contains(id));
            }
            for id in &replicas {
                layout.brokers.entry(*id).or_default();
            }
            let placement = Placement {
                replicas,
                in_sync: told.in_sync.clone(),
                leader: told.leader,
                bytes: sizes.get(&partition).copied().unwrap_or(0),
                is_moving: moving.is_some(),
            };
            layout.partitions.insert(partition, placement);
        }
    }
    layout
}

/// True if no directory takes a new replica.
pub fn are_cordoned(directories: &[DescribeLogDirsResult]) -> bool {
    !directories.is_empty() && directories.iter().all(|directory| directory.is_cordoned)
}
