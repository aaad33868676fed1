//! How many clients may be connected, and how fast they may come.

use ::core::net::IpAddr;
use std::time::Duration;

use crate::config::BrokerConfig;

/// How many connections there may be at once, and how many may be made in a second.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConnectionLimits {
    /// On all listeners below together, at once and in a second.
    pub total: ListenerLimits,
    /// From one address, at once.
    pub per_address_max: usize,
    /// From certain addresses, instead of `per_address_max`.
    pub per_address_overrides: Vec<(IpAddr, usize)>,
    /// The same of hosts that are known by name: whoever can look their addresses up puts these
    /// among the others.
    pub per_name_overrides: Vec<(String, usize)>,
    /// By listener. Those behind the last are not Kafka's and have no limits.
    pub listeners: Vec<ListenerLimits>,
    /// The listener of other brokers, where it is not the only one: what all listeners have
    /// together does not hold it up.
    pub protected: Option<usize>,
    /// Over how many windows of which length rates are measured.
    pub rate_windows: (usize, Duration),
}

/// How many connections of a listener there may be.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub struct ListenerLimits {
    /// At once.
    pub count_max: usize,
    /// New ones in a second.
    pub rate_max: u32,
}

impl ListenerLimits {
    /// No limit.
    pub const NONE: Self = Self {
        count_max: usize::MAX,
        rate_max: u32::MAX,
    };
}

impl Default for ConnectionLimits {
    /// No limit on any listener.
    fn default() -> Self {
        Self {
            total: ListenerLimits::NONE,
            per_address_max: usize::MAX,
            per_address_overrides: Vec::new(),
            per_name_overrides: Vec::new(),
            listeners: Vec::new(),
            protected: None,
            rate_windows: (1, Duration::from_secs(1)),
        }
    }
}

impl ConnectionLimits {
    /// The limits in `config`, with the listeners in the order in which it names those that are not
    /// the controller's.
    #[must_use]
    pub fn new(config: &BrokerConfig) -> Self {
        let size = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        let (mut by_address, mut by_name) = (Vec::new(), Vec::new());
        for (host, count) in &config.max_connections_per_ip_overrides {
            match host.trim_matches(['[', ']']).parse::<IpAddr>() {
                Ok(address) => by_address.push((address.to_canonical(), size(*count))),
                Err(_) => by_name.push((host.clone(), size(*count))),
            }
        }
        let listeners = config.listeners.iter();
        let listeners: Vec<_> = listeners.filter(|one| !one.is_controller).collect();
        let protected = listeners.iter().position(|one| one.is_inter_broker);
        Self {
            total: ListenerLimits {
                count_max: size(config.max_connections),
                rate_max: config.max_connection_creation_rate,
            },
            per_address_max: size(config.max_connections_per_ip),
            per_address_overrides: by_address,
            per_name_overrides: by_name,
            protected: protected.filter(|_| listeners.len() > 1),
            listeners: listeners
                .iter()
                .map(|listener| ListenerLimits {
                    count_max: size(listener.max_connections),
                    rate_max: listener.max_connection_creation_rate,
                })
                .collect(),
            rate_windows: (
                size(config.quota_window_num),
                Duration::from_secs(u64::from(config.quota_window_size_seconds)),
            ),
        }
    }
}
