//! How many clients may be connected.

use ::core::net::IpAddr;
use std::collections::BTreeMap;

use crate::config::BrokerConfig;

/// How many connections there may be at once.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct ConnectionLimits {
    /// In all.
    pub total_max: usize,
    /// From one address.
    pub per_address_max: usize,
    /// From certain addresses, instead of `per_address_max`.
    pub per_address_overrides: Vec<(IpAddr, usize)>,
}

impl Default for ConnectionLimits {
    /// No limit.
    fn default() -> Self {
        Self {
            total_max: usize::MAX,
            per_address_max: usize::MAX,
            per_address_overrides: Vec::new(),
        }
    }
}

impl ConnectionLimits {
    /// The limits in `config`.
    #[must_use]
    pub fn new(config: &BrokerConfig) -> Self {
        let size = |count: u32| usize::try_from(count).unwrap_or(usize::MAX);
        let overrides: BTreeMap<IpAddr, usize> = config
            .max_connections_per_ip_overrides
            .iter()
            .filter_map(|(host, count)| Some((host.parse().ok()?, size(*count))))
            .collect();
        Self {
            total_max: size(config.max_connections),
            per_address_max: size(config.max_connections_per_ip),
            per_address_overrides: overrides.into_iter().collect(),
        }
    }
}
