//! Where a node can be reached.

use std::fmt;

/// A host, by name or by address, and a port: where another node listens.
#[derive(Clone, Debug, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct NodeAddress {
    /// A name, an IPv4 address, or an IPv6 address without brackets.
    pub host: String,
    /// The port.
    pub port: u16,
}

impl fmt::Display for NodeAddress {
    /// `host:port`, as in Kafka's settings: an IPv6 address stands in brackets.
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self { host, port } = self;
        if host.contains(':') {
            write!(formatter, "[{host}]:{port}")
        } else {
            write!(formatter, "{host}:{port}")
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(host: &str) -> String {
        let host = host.to_owned();
        NodeAddress { host, port: 9093 }.to_string()
    }

    #[test]
    fn an_address_of_ipv6_stands_in_brackets() {
        assert_eq!(text("::1"), "[::1]:9093");
        assert_eq!(text("10.0.0.1"), "10.0.0.1:9093");
        assert_eq!(text("node-2.example"), "node-2.example:9093");
    }
}
