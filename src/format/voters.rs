//! `--initial-controllers`: the voters that a quorum begins with, in Kafka's form.

use crate::model::Uuid;
use crate::quorum::{Voter, VoterEndpoint};

/// The voters in `text`, of the form `ID@HOST:PORT:DIRECTORY-ID,…`, which are reached on
/// `listener`.
///
/// # Errors
/// A line that says what is wrong with it.
pub(super) fn parse_voters(text: &str, listener: &str) -> Result<Vec<Voter>, String> {
    let mut voters: Vec<Voter> = Vec::new();
    for part in text.split(',').map(str::trim) {
        let voter = parse_voter(part, listener)
            .ok_or_else(|| format!("{part:?} is not of the form ID@HOST:PORT:DIRECTORY-ID"))?;
        if voters.iter().any(|other| other.id == voter.id) {
            return Err(format!("node {} is named twice", voter.id));
        }
        voters.push(voter);
    }
    Ok(voters)
}

fn parse_voter(text: &str, listener: &str) -> Option<Voter> {
    let (id, place) = text.split_once('@')?;
    let (address, directory) = place.rsplit_once(':')?;
    let (host, port) = address.rsplit_once(':')?;
    let host = match host.strip_prefix('[') {
        Some(inner) => inner.strip_suffix(']')?,
        None => Some(host).filter(|host| !host.contains(':'))?,
    };
    let id = id.parse().ok().filter(|id| *id >= 0)?;
    let directory_id = Uuid::parse(directory).filter(|id| !id.is_zero())?;
    (!host.is_empty()).then_some(())?;
    Some(Voter {
        id,
        directory_id,
        endpoints: vec![VoterEndpoint {
            listener: listener.to_owned(),
            host: host.to_owned(),
            port: port.parse().ok()?,
        }],
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const DIRECTORY: &str = "ZkmUMx3NyLiFJOJrRFfR1A";

    #[test]
    fn voters_are_read_in_kafkas_form() {
        let other = "Rm9yZWJheVRlc3RzTGFiMQ";
        let text = format!("1@kafka1:9093:{DIRECTORY}, 3@[::1]:9094:{other}");
        let voters = parse_voters(&text, "CONTROLLER").unwrap();
        let told = |voter: &Voter| {
            let VoterEndpoint {
                listener,
                host,
                port,
            } = &voter.endpoints[0];
            format!(
                "{} {listener} {host} {port} {}",
                voter.id, voter.directory_id
            )
        };
        let told: Vec<String> = voters.iter().map(told).collect();
        assert_eq!(
            told,
            [
                format!("1 CONTROLLER kafka1 9093 {DIRECTORY}"),
                format!("3 CONTROLLER ::1 9094 {other}")
            ]
        );
    }

    #[test]
    fn what_is_no_voter_is_refused_by_name() {
        for text in [
            "",
            "kafka1:9093",
            "1@kafka1:9093",
            "1@kafka1:x:ZkmUMx3NyLiFJOJrRFfR1A",
            "1@kafka1:9093:short",
            "1@kafka1:9093:AAAAAAAAAAAAAAAAAAAAAA",
            "-1@kafka1:9093:ZkmUMx3NyLiFJOJrRFfR1A",
            "1@:9093:ZkmUMx3NyLiFJOJrRFfR1A",
            "1@::1:9093:ZkmUMx3NyLiFJOJrRFfR1A",
            "1@[::1:9093:ZkmUMx3NyLiFJOJrRFfR1A",
        ] {
            let refused = parse_voters(text, "CONTROLLER").unwrap_err();
            assert!(
                refused.contains("ID@HOST:PORT:DIRECTORY-ID"),
                "{text}: {refused}"
            );
        }
        let twice = format!("1@a:1:{DIRECTORY},1@b:2:{DIRECTORY}");
        let refused = parse_voters(&twice, "CONTROLLER").unwrap_err();
        assert_eq!(refused, "node 1 is named twice");
    }
}
