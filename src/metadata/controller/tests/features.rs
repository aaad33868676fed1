//! Levels of features: which requests change them, and what Kafka 4.3.1 says to the others.

use super::brokers::{after, registration};
use super::*;
use crate::protocol::messages::UpdateFeaturesRequest;
use crate::protocol::messages::update_features_request::FeatureUpdateKey;

const ELIGIBLE: &str = "eligible.leader.replicas.version";
const METADATA: &str = "metadata.version";
const MIN_ISR: &str = "min.insync.replicas";

const UPGRADE: i8 = 1;
const SAFE: i8 = 2;
const UNSAFE: i8 = 3;

/// What all refusals begin with.
const FAILED: &str =
    "The update failed for all features since the following feature had an error: ";

impl Cluster {
    fn update(&mut self, wishes: &[(&str, i16, i8)], voters: &[BrokerId]) -> Told {
        self.ask_for(wishes, voters, false)
    }

    /// Change the levels of features, or only ask whether they could be changed.
    fn ask_for(
        &mut self,
        wishes: &[(&str, i16, i8)],
        voters: &[BrokerId],
        validate_only: bool,
    ) -> Told {
        let updates = wishes
            .iter()
            .map(|(name, level, direction)| FeatureUpdateKey {
                feature: (*name).to_owned(),
                max_version_level: *level,
                upgrade_type: *direction,
                ..FeatureUpdateKey::default()
            });
        let request = UpdateFeaturesRequest {
            feature_updates: updates.collect(),
            validate_only,
            ..UpdateFeaturesRequest::default()
        };
        let (controller, view) = self.deciding();
        let standing = QuorumStanding {
            voters: voters.to_vec(),
            upgrade: Err("Voter 2 has not told.".to_owned()),
        };
        let decision = controller.update_features(view, &standing, &request);
        self.replay(&decision.records);
        let message = decision.response.error_message;
        (decision.response.error_code, message.unwrap_or_default())
    }

    fn set_min_isr(&mut self, (kind, name): (i8, &str), value: Option<&str>) -> Told {
        let operation = i8::from(value.is_none());
        let (code, message, _) = self.alter(kind, name, (MIN_ISR, operation, value));
        (code, message.unwrap_or_default())
    }

    fn level(&self, name: &str) -> i16 {
        self.image.features.get(name).copied().unwrap_or(0)
    }

    fn setting(&self, broker: &str) -> Option<String> {
        let resource = ConfigResource::new(ConfigKind::Broker, broker);
        self.image.config(&resource)?.get(MIN_ISR).cloned()
    }
}

type Told = (i16, String);

fn done() -> Told {
    (0, String::new())
}

#[test]
fn eligible_replicas_come_with_one_number_of_replicas_in_sync_for_all_brokers() {
    for set in [None, Some("2")] {
        let mut cluster = Cluster::of_brokers(2);
        assert_eq!(cluster.set_min_isr((4, "1"), Some("3")), done());
        if let Some(value) = set {
            assert_eq!(cluster.set_min_isr((4, ""), Some(value)), done());
        }
        let told = cluster.ask_for(&[(ELIGIBLE, 1, UPGRADE)], &[1], true);
        assert_eq!((told, cluster.level(ELIGIBLE)), (done(), 0));
        let told = cluster.update(&[(ELIGIBLE, 1, UPGRADE)], &[1]);
        assert_eq!((told, cluster.level(ELIGIBLE)), (done(), 1));
        assert!(cluster.image.has_eligible_replicas());
        assert_eq!(cluster.setting("").as_deref(), set.or(Some("1")));
        assert_eq!(cluster.setting("1"), None);
        let told = cluster.update(&[(ELIGIBLE, 0, SAFE)], &[1]);
        assert_eq!((told, cluster.level(ELIGIBLE)), (done(), 0));
    }
}

#[test]
fn with_eligible_replicas_the_number_in_sync_is_the_clusters_or_a_topics() {
    let mut cluster = Cluster::of_brokers(3);
    cluster.update(&[(ELIGIBLE, 1, UPGRADE)], &[1]);
    let broker = "Broker-level min.insync.replicas cannot be altered while ELR is enabled.";
    for value in [Some("2"), None] {
        let told = cluster.set_min_isr((4, "1"), value);
        assert_eq!(told, (40, broker.to_owned()));
    }
    let removed = "Cluster-level min.insync.replicas cannot be removed while ELR is enabled.";
    let told = cluster.set_min_isr((4, ""), None);
    assert_eq!(told, (40, removed.to_owned()));
    cluster.topic_on(&[2, 3], &[]);
    for resource in [(4, ""), (2, "t")] {
        cluster.change(|change| {
            change.isr = Some(vec![2]);
            change.eligible_leader_replicas = Some(vec![3]);
        });
        assert_eq!(cluster.partition().eligible_leader_replicas, [3]);
        assert_eq!(cluster.set_min_isr(resource, Some("2")), done());
        assert!(cluster.partition().eligible_leader_replicas.is_empty());
    }
}

#[test]
fn levels_that_cannot_be_are_refused_in_kafkas_words() {
    let mut cluster = Cluster::of_brokers(2);
    let local = "Local controller 1 only supports versions 17-30";
    let cases = [
        (
            "no.such",
            1,
            UPGRADE,
            "Local controller 1 does not support this feature.",
        ),
        (
            ELIGIBLE,
            -1,
            UPGRADE,
            "A feature version cannot be less than 0.",
        ),
        (
            ELIGIBLE,
            2,
            UPGRADE,
            "Local controller 1 only supports versions 0-1",
        ),
        (ELIGIBLE, 1, SAFE, "Can't downgrade to a newer version."),
        (
            ELIGIBLE,
            1,
            9,
            "The controller does not support the given upgrade type.",
        ),
        (METADATA, 31, UPGRADE, local),
        (METADATA, 0, UNSAFE, local),
        (
            METADATA,
            29,
            UPGRADE,
            "Can't downgrade the version of this feature without setting the upgrade type to \
             either safe or unsafe downgrade.",
        ),
        ("kraft.version", 1, UPGRADE, "Voter 2 has not told."),
    ];
    for (name, level, direction, reason) in cases {
        let told = cluster.update(&[(name, level, direction)], &[1]);
        let text = format!("{FAILED}Invalid update version {level} for feature {name}. {reason}");
        assert_eq!(told, (95, text));
    }
    let lost = "because it might delete metadata information.";
    for (direction, reason) in [
        (
            SAFE,
            format!("Refusing to perform the requested downgrade {lost}"),
        ),
        (
            UNSAFE,
            "Unsafe metadata downgrade is not supported in this version.".to_owned(),
        ),
    ] {
        let told = cluster.update(&[(METADATA, 29, direction)], &[1]);
        let text = "Unsupported metadata.version downgrade from 30 to 29.";
        assert_eq!(told, (95, format!("{FAILED}{text} {reason}")));
    }
    assert_eq!(cluster.level(METADATA), 30);
}

#[test]
fn metadata_versions_between_which_no_record_changes_are_gone_back_to() {
    let mut cluster = Cluster::of_brokers(1);
    let level = (METADATA.to_owned(), 25);
    cluster.replay(&Controller::bootstrap_records(&[level]));
    let told = cluster.update(&[(METADATA, 23, SAFE)], &[1]);
    assert_eq!((told, cluster.level(METADATA)), (done(), 23));
    let told = cluster.update(&[(METADATA, 22, SAFE)], &[1]);
    assert_eq!((told.0, cluster.level(METADATA)), (95, 23));
    let told = cluster.update(&[(METADATA, 30, UPGRADE)], &[1]);
    assert_eq!((told, cluster.level(METADATA)), (done(), 30));
}

#[test]
fn every_registered_node_must_work_at_the_level() {
    let mut cluster = Cluster::of_brokers(2);
    let mut request = registration(3, 33);
    request.features.retain(|feature| feature.name != ELIGIBLE);
    assert_eq!(cluster.register(&request, after(1)).error_code, 0);
    let wish = [(ELIGIBLE, 1, UPGRADE)];
    let begin = format!("{FAILED}Invalid update version 1 for feature {ELIGIBLE}. ");
    let told = cluster.update(&wish, &[1]);
    assert_eq!(
        told,
        (
            95,
            format!("{begin}Broker 3 does not support this feature.")
        )
    );
    request = registration(3, 34);
    assert_eq!(cluster.register(&request, after(20)).error_code, 0);
    let told = cluster.update(&wish, &[1, 5]);
    let unknown = "controller 5 has not registered, and may not support this feature";
    assert_eq!(told, (95, format!("{begin}{unknown}")));
    assert_eq!(cluster.update(&wish, &[1]), done());
}

#[test]
fn a_request_changes_all_levels_that_it_names_or_none() {
    let mut cluster = Cluster::of_brokers(1);
    let level = (METADATA.to_owned(), 22);
    cluster.replay(&Controller::bootstrap_records(&[level]));
    let needs = format!(
        "{FAILED}Invalid update version 1 for feature {ELIGIBLE}. {ELIGIBLE} could not be set to \
         1 because it depends on {METADATA} level 23"
    );
    let told = cluster.update(&[(ELIGIBLE, 1, UPGRADE)], &[1]);
    assert_eq!(told, (95, needs));
    let wishes = [(METADATA, 30, UPGRADE), ("no.such", 1, UPGRADE)];
    let (code, _) = cluster.update(&wishes, &[1]);
    assert_eq!((code, cluster.level(METADATA)), (95, 22));
    let both = [(ELIGIBLE, 1, UPGRADE), (METADATA, 23, UPGRADE)];
    assert_eq!(cluster.update(&both, &[1]), done());
    assert_eq!((cluster.level(METADATA), cluster.level(ELIGIBLE)), (23, 1));
}
