//! Whom the quorum of a new directory begins with.

use super::*;
use crate::config::Roles;
use crate::log::storage::{StorageOutcome, StorageRequest};
use crate::model::NodeAddress;
use crate::quorum::{Voter, VoterEndpoint, decode_snapshot};

/// A controller without a broker that asks at `servers` who leads.
fn controller(servers: &[&str]) -> NodeSettings {
    let mut settings = settings(1, 1, small_log());
    settings.config.roles = Roles {
        broker: false,
        controller: true,
    };
    let address = |text: &&str| {
        let (host, port) = text.split_once(':').unwrap();
        NodeAddress {
            host: host.to_owned(),
            port: port.parse().unwrap(),
        }
    };
    settings.config.quorum.bootstrap_servers = servers.iter().map(address).collect();
    settings
}

/// The voters of the snapshot that an empty directory gets, and the directory's id.
fn format(
    settings: &mut NodeSettings,
    founding: &Founding,
) -> Result<(Option<Vec<Voter>>, Uuid), String> {
    let empty = |request: StorageRequest| match request {
        StorageRequest::List { .. } => Ok(StorageOutcome::Entries(Vec::new())),
        _ => Ok(StorageOutcome::Missing),
    };
    let plan = plan_format(settings, founding, 0, empty)?;
    let (mut voters, mut directory) = (None, None);
    for step in plan.steps {
        let StorageRequest::ReplaceFile { path, contents } = step else {
            continue;
        };
        let path = path.to_string();
        if path.ends_with("00000000000000000000-0000000000.checkpoint") {
            voters = decode_snapshot(&contents).unwrap().voters;
        } else if path.ends_with(META_PROPERTIES) {
            directory = MetaProperties::decode(&contents).unwrap().directory_id;
        }
    }
    Ok((voters, directory.unwrap()))
}

fn voter(id: i32, byte: u8) -> Voter {
    Voter {
        id,
        directory_id: Uuid::from_bytes([byte; 16]),
        endpoints: vec![VoterEndpoint {
            listener: "CONTROLLER".to_owned(),
            host: "elsewhere".to_owned(),
            port: 9093,
        }],
    }
}

#[test]
fn a_controller_that_asks_others_who_leads_is_told_whom_its_quorum_begins_with() {
    let mut settings = controller(&["one:9093", "two:9093"]);
    settings.cluster_id = Some("MkU3OEVBNTcwNTJENDM2Qg".to_owned());
    let refused = format(&mut settings, &Founding::AsConfigured).unwrap_err();
    assert!(refused.contains("--no-initial-controllers"), "{refused}");
    let (voters, _) = format(&mut settings, &Founding::Elsewhere).unwrap();
    assert_eq!(voters, None);
    let (voters, own) = format(&mut settings, &Founding::Alone).unwrap();
    let keys = voters
        .unwrap()
        .into_iter()
        .map(|one| (one.id, one.directory_id));
    assert_eq!(keys.collect::<Vec<_>>(), [(1, own)]);
}

#[test]
fn the_controllers_that_a_quorum_begins_with_have_the_directories_of_the_list() {
    let mut settings = controller(&["one:9093", "two:9093"]);
    let listed = vec![voter(1, 7), voter(2, 8)];
    let founding = Founding::Voters(listed.clone());
    let refused = format(&mut settings, &founding).unwrap_err();
    assert!(refused.contains("--cluster-id"), "{refused}");
    settings.cluster_id = Some("MkU3OEVBNTcwNTJENDM2Qg".to_owned());
    let (voters, own) = format(&mut settings, &founding).unwrap();
    assert_eq!(voters, Some(listed));
    assert_eq!(own, Uuid::from_bytes([7; 16]));
}

#[test]
fn a_controller_that_names_itself_or_nobody_begins_alone_as_ever() {
    for servers in [&[][..], &["localhost:9093"][..]] {
        let mut settings = controller(servers);
        let (voters, _) = format(&mut settings, &Founding::AsConfigured).unwrap();
        assert_eq!(voters.map(|voters| voters.len()), Some(1), "{servers:?}");
    }
}
