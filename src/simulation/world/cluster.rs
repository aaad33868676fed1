//! The nodes of one cluster, and what is seen of them after each turn.

use crate::model::{BrokerId, TopicIdPartition};
use crate::shard::ReplicaView;
use crate::stdx::Random;

use super::super::agreement::IN_SYNC_MIN;
use super::super::clock::SimulatedTime;
use super::super::disk::Disk;
use super::super::network::NodeIndex;
use super::super::oracle::Violation;
use super::super::planted::PlantedBug;
use super::World;
use super::broker::{Node, Seat};
use super::settings::{BrokerPlan, Place, Setting};

/// The id of every cluster.
const CLUSTER_ID: &str = "c2ltdWxhdGVkY2x1c3Rlcg";

/// How many replicas a partition begins with; no cluster has fewer brokers.
const REPLICAS_COUNT: usize = 3;

/// Who is what.
#[derive(Clone, Copy, Debug)]
enum Roles {
    Broker,
    Controller,
    Both,
}

/// Three brokers, under one of them or three controllers.
fn plain_roles(random: &mut Random) -> Vec<Roles> {
    use Roles::{Both, Broker, Controller};
    match random.chance(1, 2) {
        false => vec![Both, Broker, Broker],
        true => [[Controller; 3], [Broker; 3]].concat(),
    }
}

/// Three to five brokers. One of them decides alone, or three of them vote, or three nodes besides.
fn some_roles(random: &mut Random) -> Vec<Roles> {
    let brokers = REPLICAS_COUNT + [0, 0, 0, 1, 2][below(random, 5)];
    let (controllers, both) = [(0, 1), (0, 3), (3, 0)][below(random, 3)];
    let kinds = [
        (Roles::Controller, controllers),
        (Roles::Both, both),
        (Roles::Broker, brokers - both),
    ];
    let kinds = kinds.into_iter();
    kinds
        .flat_map(|(roles, count)| std::iter::repeat_n(roles, count))
        .collect()
}

fn below(random: &mut Random, count: u64) -> usize {
    usize::try_from(random.below(count)).expect("few")
}

/// The nodes of a cluster, with formatted disks.
pub(super) fn nodes(random: &mut Random, planted: Option<PlantedBug>, is_plain: bool) -> Vec<Node> {
    let all = match is_plain {
        true => plain_roles(random),
        false => some_roles(random),
    };
    let common = common_settings(&all, random);
    // What nobody of the cluster sets otherwise is the same everywhere.
    let shared = random.next_u64();
    // What is acknowledged is on two disks at least: so one of them may fail.
    let frail = match is_plain {
        true => None,
        false => Some(below(random, all.len() as u64)),
    };
    let each = all.iter().zip(1..).map(|(roles, id)| {
        let mut settings = own_settings(*roles, id);
        settings.extend(common.iter().cloned());
        let place = Place::Member(settings);
        let mut shared = Random::from_seed(shared);
        let plan = BrokerPlan::from_random(&mut shared, &mut random.fork(), planted, place);
        let mut disk = Disk::new(plan.directories_count, random.fork(), planted);
        let now = SimulatedTime::default();
        plan.format(CLUSTER_ID, random.fork(), now.wall_ms(), |request| {
            disk.perform_at_once(now, &request)
        });
        if usize::try_from(id).ok() != frail.map(|place| place + 1) {
            disk.be_sound();
        }
        Node::new(plan, disk, random.fork())
    });
    each.collect()
}

fn own_settings(roles: Roles, id: BrokerId) -> Vec<Setting> {
    let clients = format!("PLAINTEXT://n{id}:9092");
    let controllers = format!("CONTROLLER://n{id}:9093");
    let (roles, listeners) = match roles {
        Roles::Broker => ("broker", clients),
        Roles::Controller => ("controller", controllers),
        Roles::Both => ("broker,controller", format!("{clients},{controllers}")),
    };
    vec![
        ("node.id", id.to_string()),
        ("process.roles", roles.to_owned()),
        ("listeners", listeners.clone()),
        ("advertised.listeners", listeners),
    ]
}

/// Times are short, so that much happens in a few seconds; but longer than the half second for
/// which a fetch of metadata waits at its leader where nothing is new, as anywhere.
fn common_settings(all: &[Roles], random: &mut Random) -> Vec<Setting> {
    let mut pick = |values: &[&str]| {
        let place = random.below(values.len() as u64);
        values[usize::try_from(place).expect("a small number")].to_owned()
    };
    let voters = all.iter().zip(1..);
    let voters = voters.filter(|(roles, _)| !matches!(roles, Roles::Broker));
    let voters: Vec<BrokerId> = voters.map(|(_, id)| id).collect();
    let address = |id: &BrokerId| format!("n{id}:9093");
    let voter = |id: &BrokerId| format!("{id}@n{id}:9093");
    let list = |each: &dyn Fn(&BrokerId) -> String| {
        let each: Vec<String> = voters.iter().map(each).collect();
        each.join(",")
    };
    let quorum = match voters.len() {
        1 => ("controller.quorum.bootstrap.servers", list(&address)),
        _ => ("controller.quorum.voters", list(&voter)),
    };
    vec![
        quorum,
        ("auto.create.topics.enable", "false".to_owned()),
        ("broker.heartbeat.interval.ms", pick(&["100", "300"])),
        ("broker.session.timeout.ms", pick(&["1000", "2000"])),
        (
            "controller.quorum.election.backoff.max.ms",
            "200".to_owned(),
        ),
        (
            "controller.quorum.election.timeout.ms",
            pick(&["100", "400"]),
        ),
        (
            "controller.quorum.fetch.timeout.ms",
            pick(&["1000", "2000"]),
        ),
        (
            "controller.quorum.request.timeout.ms",
            pick(&["1000", "2000"]),
        ),
        ("controller.socket.timeout.ms", "1000".to_owned()),
        ("default.replication.factor", REPLICAS_COUNT.to_string()),
        (
            "leader.imbalance.check.interval.seconds",
            pick(&["1", "300"]),
        ),
        (
            "metadata.log.max.record.bytes.between.snapshots",
            pick(&["2000", "20971520"]),
        ),
        ("min.insync.replicas", IN_SYNC_MIN.to_string()),
        (
            "offsets.topic.replication.factor",
            REPLICAS_COUNT.to_string(),
        ),
        ("replica.fetch.backoff.ms", pick(&["20", "200"])),
        ("replica.fetch.wait.max.ms", pick(&["20", "200"])),
        ("replica.lag.time.max.ms", pick(&["1000", "3000"])),
        ("replica.socket.timeout.ms", "1000".to_owned()),
        ("socket.connection.setup.timeout.ms", "500".to_owned()),
    ]
}

impl World {
    /// A shard had its turn: what it believes has to go with what all others believe and did.
    pub(super) fn inspect(&mut self, seat: Seat) {
        let checked = self.check_replicas(seat).and_then(|()| match seat.place {
            0 => self.check_metadata(seat.node),
            _ => Ok(()),
        });
        if let Err(Violation { rule, what }) = checked {
            self.oracle.violate(rule, what);
        }
    }

    fn check_replicas(&mut self, seat: Seat) -> Result<(), Violation> {
        let node = &self.nodes[seat.node.0];
        let (id, life) = (node.plan.node_id(), node.life);
        let Some(broker) = &node.broker else {
            return Ok(());
        };
        let shard = &broker.hosts[seat.place].shard;
        for replica in shard.replicas() {
            if !self.agreement.on_replica((id, life), &replica)? {
                continue;
            }
            if let Some(epoch) = shard.committed_epoch(replica.partition) {
                self.agreement.on_committed(id, &replica, epoch)?;
            }
            for in_sync in shard.in_sync_of(replica.partition) {
                if let Some(follower) = self.replica_of(in_sync, replica.partition) {
                    self.agreement.on_in_sync(&replica, (in_sync, &follower))?;
                }
            }
        }
        Ok(())
    }

    /// The replica of a broker, if that runs and has it open.
    fn replica_of(&self, broker: BrokerId, partition: TopicIdPartition) -> Option<ReplicaView> {
        let node = self
            .nodes
            .iter()
            .find(|node| node.plan.node_id() == broker)?;
        let mut hosts = node.broker.as_ref()?.hosts.iter();
        hosts.find_map(|host| host.shard.replica(partition))
    }

    fn check_metadata(&mut self, index: NodeIndex) -> Result<(), Violation> {
        let node = &mut self.nodes[index.0];
        let id = node.plan.node_id();
        let Some(broker) = &mut node.broker else {
            return Ok(());
        };
        let shard = &broker.hosts[0].shard;
        if let Some(epoch) = shard.led_quorum_epoch() {
            self.agreement.on_quorum_leader(id, epoch)?;
        }
        let image = shard.image();
        if broker.image_seen != Some(image.end_offset) {
            broker.image_seen = Some(image.end_offset);
            if image.end_offset > 0 {
                self.agreement.on_image(id, image)?;
            }
        }
        Ok(())
    }
}
