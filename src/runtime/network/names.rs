//! The names of hosts that have a limit of connections of their own.

use std::net::ToSocketAddrs;

use crate::connection::ConnectionLimits;

/// Put the addresses of the hosts that `limits` names among its addresses. It may take as long as
/// the host's resolver likes: call it off the shards.
///
/// # Errors
/// One line for the operator: a name has no address.
pub(in crate::runtime) fn resolve_names(
    limits: ConnectionLimits,
) -> Result<ConnectionLimits, String> {
    let mut limits = limits;
    for (name, count) in std::mem::take(&mut limits.per_name_overrides) {
        // No port is asked for.
        let found = (name.as_str(), 0).to_socket_addrs().map_err(|error| {
            format!(
                "max.connections.per.ip.overrides: host {name:?} cannot be resolved ({error}): \
                 use a name that has an address, or an address"
            )
        })?;
        for address in found.map(|found| found.ip().to_canonical()) {
            let mut known = limits.per_address_overrides.iter();
            if !known.any(|(one, _)| *one == address) {
                limits.per_address_overrides.push((address, count));
            }
        }
    }
    Ok(limits)
}

#[cfg(test)]
mod tests {
    use super::*;
    use std::net::{IpAddr, Ipv4Addr};

    fn limits(names: &[(&str, usize)]) -> ConnectionLimits {
        let names = names
            .iter()
            .map(|(name, count)| ((*name).to_owned(), *count));
        ConnectionLimits {
            per_name_overrides: names.collect(),
            ..ConnectionLimits::default()
        }
    }

    #[test]
    fn a_name_stands_for_its_addresses_where_they_have_no_limit_themselves() {
        let loopback = IpAddr::V4(Ipv4Addr::LOCALHOST);
        let resolved = resolve_names(limits(&[("localhost", 5)])).unwrap();
        let found = resolved.per_address_overrides;
        assert!(found.contains(&(loopback, 5)), "{found:?}");
        let mut both = limits(&[("localhost", 5)]);
        both.per_address_overrides.push((loopback, 2));
        let found = resolve_names(both).unwrap().per_address_overrides;
        assert!(!found.contains(&(loopback, 5)), "{found:?}");
    }

    #[test]
    fn a_name_without_an_address_is_one_clear_line() {
        let line = resolve_names(limits(&[("no-such-host.invalid", 5)])).unwrap_err();
        assert!(
            line.contains("\"no-such-host.invalid\" cannot be resolved"),
            "{line}"
        );
        assert!(!line.contains('\n'), "{line}");
    }
}
