//! Who leads a partition and where: told to a client that asked the wrong broker (KIP-951).

use std::collections::BTreeMap;

use crate::metadata::{BrokerRegistration, MetadataImage, PartitionRegistration};
use crate::model::{BrokerId, LeaderEpoch};

/// The leaders that one answer names, with their addresses on the client's listener.
#[derive(Debug)]
pub struct Leaders<'a> {
    image: &'a MetadataImage,
    listener: &'a str,
    named: BTreeMap<BrokerId, LeaderNode>,
}

/// A leader and its address.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct LeaderNode {
    /// Its number.
    pub id: BrokerId,
    /// Its address as clients of the listener are told it.
    pub host: String,
    /// The port there.
    pub port: i32,
    /// Its rack.
    pub rack: Option<String>,
}

impl<'a> Leaders<'a> {
    /// None is named yet.
    pub const fn new(image: &'a MetadataImage, listener: &'a str) -> Self {
        Self {
            image,
            listener,
            named: BTreeMap::new(),
        }
    }

    /// Who leads `partition`, and since which epoch; -1 each where it is not known. The leader's
    /// address is told as well, unless it is fenced or has none on the listener.
    pub fn name(&mut self, partition: Option<&PartitionRegistration>) -> (BrokerId, LeaderEpoch) {
        let Some(partition) = partition else {
            return (-1, -1);
        };
        let leader = partition.leader.unwrap_or(-1);
        let broker = self.image.brokers.get(&leader);
        if let Some(node) = broker.and_then(|broker| node_of(broker, self.listener)) {
            self.named.insert(leader, node);
        }
        (leader, partition.leader_epoch)
    }

    /// The addresses of those that were named, each once.
    pub fn into_nodes(self) -> impl Iterator<Item = LeaderNode> {
        self.named.into_values()
    }
}

fn node_of(broker: &BrokerRegistration, listener: &str) -> Option<LeaderNode> {
    let endpoint = broker.endpoint(listener).filter(|_| !broker.fenced)?;
    Some(LeaderNode {
        id: broker.id,
        host: endpoint.host.clone(),
        port: i32::from(endpoint.port),
        rack: broker.rack.clone(),
    })
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::metadata::Endpoint;
    use crate::model::Uuid;

    fn broker(id: BrokerId, listener: &str, fenced: bool) -> Arc<BrokerRegistration> {
        Arc::new(BrokerRegistration {
            id,
            epoch: 0,
            incarnation_id: Uuid::ZERO,
            endpoints: vec![Endpoint {
                listener: listener.to_owned(),
                host: format!("host-{id}"),
                port: 9092,
                security_protocol: 0,
            }],
            features: Vec::new(),
            rack: Some("a".to_owned()),
            fenced,
            in_controlled_shutdown: false,
            directories: Vec::new(),
            cordoned_directories: Vec::new(),
        })
    }

    fn led_by(leader: Option<BrokerId>) -> PartitionRegistration {
        PartitionRegistration {
            leader,
            leader_epoch: 7,
            ..PartitionRegistration::default()
        }
    }

    #[test]
    fn a_leader_is_named_with_its_address_on_the_clients_listener_once() {
        let mut image = MetadataImage::default();
        for broker in [
            broker(1, "CLIENTS", false),
            broker(2, "CLIENTS", true),
            broker(3, "OTHERS", false),
        ] {
            image.brokers.insert(broker.id, broker);
        }
        let mut leaders = Leaders::new(&image, "CLIENTS");
        for id in [1, 1, 2, 3, 4] {
            let named = leaders.name(Some(&led_by(Some(id))));
            assert_eq!(named, (id, 7));
        }
        assert_eq!(leaders.name(Some(&led_by(None))), (-1, 7));
        assert_eq!(leaders.name(None), (-1, -1));
        let nodes: Vec<LeaderNode> = leaders.into_nodes().collect();
        let first = LeaderNode {
            id: 1,
            host: "host-1".to_owned(),
            port: 9092,
            rack: Some("a".to_owned()),
        };
        assert_eq!(
            nodes,
            [first],
            "2 is fenced, 3 is not on this listener, 4 is unknown"
        );
    }
}
