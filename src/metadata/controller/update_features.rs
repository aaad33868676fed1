//! Changes of the levels of features, `UpdateFeatures`: all of a request or none (KIP-584,
//! KIP-778, KIP-1022), and what eligible leader replicas need of the settings (KIP-966).

use std::collections::BTreeMap;

use crate::config::Overrides;
use crate::model::{BrokerId, ErrorCode};
use crate::protocol::messages::{
    ClearElrRecord, ConfigRecord, FeatureLevelRecord, MetadataRecord, UpdateFeaturesRequest,
    UpdateFeaturesResponse,
};

use super::super::features::{
    ELIGIBLE_REPLICAS_VERSION, FeatureRange, IMPLEMENTED_FEATURES, KRAFT_VERSION, METADATA_VERSION,
};
use super::super::image::{ConfigKind, ConfigResource, MetadataImage, SupportedFeature};
use super::super::record::{ELIGIBLE_REPLICAS_SINCE, changes_records};
use super::{Controller, Decision, Refusal, View};

/// The setting that says how many replicas must be in sync before a record is committed.
const MIN_ISR: &str = "min.insync.replicas";

/// The metadata quorum, as far as levels of features depend on it.
#[derive(Clone, Debug)]
pub(crate) struct QuorumStanding {
    /// The controllers that vote.
    pub voters: Vec<BrokerId>,
    /// Whether its log can say who votes from now on, or why it cannot.
    pub upgrade: Result<(), String>,
}

/// In which direction the asker lets a level change.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
enum UpgradeType {
    Upgrade,
    SafeDowngrade,
    UnsafeDowngrade,
}

impl UpgradeType {
    const fn from_code(code: i8) -> Option<Self> {
        match code {
            1 => Some(Self::Upgrade),
            2 => Some(Self::SafeDowngrade),
            3 => Some(Self::UnsafeDowngrade),
            _ => None,
        }
    }
}

/// The levels that a request asks for, and in which direction each may go.
type Wishes<'a> = BTreeMap<&'a str, (i16, Option<UpgradeType>)>;

impl Controller {
    /// Decide on other levels of features. Of `quorum` are the controllers that vote: each of them
    /// has to be known to work at the new level, since it may lead next. There is no record here of
    /// the quorum's own version, which the quorum writes.
    pub(crate) fn update_features(
        &self,
        view: View<'_>,
        quorum: &QuorumStanding,
        request: &UpdateFeaturesRequest,
    ) -> Decision<UpdateFeaturesResponse> {
        let updates = request.feature_updates.iter();
        // What is named twice counts as it is named last.
        let wishes: Wishes<'_> = updates
            .map(|update| {
                let direction = UpgradeType::from_code(update.upgrade_type);
                (&*update.feature, (update.max_version_level, direction))
            })
            .collect();
        let mut records = Vec::new();
        for name in wishes.keys() {
            match self.feature_record(view.image, quorum, &wishes, name) {
                Ok(record) => records.extend(record),
                Err(refusal) => {
                    let message = refusal.message.unwrap_or_default();
                    tracing::warn!("the levels of features stay as they are: {message}");
                    return Decision::refused(UpdateFeaturesResponse {
                        error_code: refusal.code.code(),
                        error_message: Some(format!(
                            "The update failed for all features since the following feature had \
                             an error: {message}"
                        )),
                        ..UpdateFeaturesResponse::default()
                    });
                }
            }
        }
        let wants_eligible = wishes.get(ELIGIBLE_REPLICAS_VERSION);
        if wants_eligible.is_some_and(|(level, _)| *level > 0) {
            let mut first = eligible_replicas_records(view);
            first.append(&mut records);
            records = first;
        }
        if request.validate_only {
            records.clear();
        }
        Decision {
            records,
            response: UpdateFeaturesResponse {
                error_message: None,
                ..UpdateFeaturesResponse::default()
            },
        }
    }

    /// The record by which the feature called `name` gets the level that is wished, if there is one
    /// to write.
    fn feature_record(
        &self,
        image: &MetadataImage,
        quorum: &QuorumStanding,
        wishes: &Wishes<'_>,
        name: &str,
    ) -> Result<Option<MetadataRecord>, Refusal> {
        let (level, direction) = wishes[name];
        let refuse = |reason: &str| Err(invalid_level(name, level, reason));
        let Some(direction) = direction else {
            return refuse("The controller does not support the given upgrade type.");
        };
        if level < 0 {
            return refuse("A feature version cannot be less than 0.");
        }
        if let Some(reason) = self.reason_against(image, &quorum.voters, name, level) {
            return refuse(&reason);
        }
        let before = level_of(image, name);
        let is_upgrade = direction == UpgradeType::Upgrade;
        if level < before && is_upgrade {
            return refuse(
                "Can't downgrade the version of this feature without setting the upgrade type to \
                 either safe or unsafe downgrade.",
            );
        }
        if level > before && !is_upgrade {
            return refuse("Can't downgrade to a newer version.");
        }
        match name {
            METADATA_VERSION => check_downgrade(before, level, direction)?,
            KRAFT_VERSION if level == before => return Ok(None),
            KRAFT_VERSION if level < before => {
                return refuse("Can't downgrade the version of this feature.");
            }
            KRAFT_VERSION => {
                return match &quorum.upgrade {
                    Ok(()) => Ok(None),
                    Err(reason) => refuse(reason),
                };
            }
            _ => check_dependencies(image, wishes, name, level)?,
        }
        let record = FeatureLevelRecord {
            name: name.to_owned(),
            feature_level: level,
            ..FeatureLevelRecord::default()
        };
        Ok(Some(record.into()))
    }

    /// Why not every node can work at this level of a feature, or is not known to.
    fn reason_against(
        &self,
        image: &MetadataImage,
        voters: &[BrokerId],
        name: &str,
        level: i16,
    ) -> Option<String> {
        let local = IMPLEMENTED_FEATURES.iter().find(|one| one.name == name);
        let local = local.map_or((0, 0), |one| range(*one));
        let who = format!("Local controller {}", self.node_id);
        if let Some(reason) = unsupported(&who, level, local) {
            return Some(reason);
        }
        let told = |features: &[SupportedFeature]| {
            let found = features.iter().find(|one| one.name == name);
            found.map_or((0, 0), |one| (one.min_level, one.max_level))
        };
        let mut brokers = image.brokers.values();
        let broker = brokers.find_map(|broker| {
            let who = format!("Broker {}", broker.id);
            unsupported(&who, level, told(&broker.features))
        });
        if broker.is_some() {
            return broker;
        }
        let others = image.controllers.values();
        let mut others = others.filter(|controller| controller.id != self.node_id);
        let other = others.find_map(|controller| {
            let who = format!("Controller {}", controller.id);
            unsupported(&who, level, told(&controller.features))
        });
        if other.is_some() {
            return other;
        }
        let is_unknown = |id: &BrokerId| *id != self.node_id && !image.controllers.contains_key(id);
        let unknown = voters.iter().copied().find(is_unknown)?;
        Some(format!(
            "controller {unknown} has not registered, and may not support this feature"
        ))
    }
}

const fn range(feature: FeatureRange) -> (i16, i16) {
    (feature.min_level, feature.max_level)
}

/// Why a node that works at these levels does not at this one; who does not know the feature works
/// at none but 0.
fn unsupported(who: &str, level: i16, (min, max): (i16, i16)) -> Option<String> {
    if (min..=max).contains(&level) {
        return None;
    }
    Some(match (min, max) {
        (_, 0) => format!("{who} does not support this feature."),
        (min, max) if min == max => format!("{who} only supports versions {min}"),
        (min, max) => format!("{who} only supports versions {min}-{max}"),
    })
}

fn invalid_level(name: &str, level: i16, reason: &str) -> Refusal {
    Refusal::new(
        ErrorCode::InvalidUpdateVersion,
        format!("Invalid update version {level} for feature {name}. {reason}"),
    )
}

fn level_of(image: &MetadataImage, name: &str) -> i16 {
    match name {
        KRAFT_VERSION => image.kraft_version,
        _ => image.features.get(name).copied().unwrap_or(0),
    }
}

/// A downgrade of `metadata.version` may not lose what records of the newer level say.
fn check_downgrade(before: i16, level: i16, direction: UpgradeType) -> Result<(), Refusal> {
    if level >= before || !(level + 1..=before).any(changes_records) {
        return Ok(());
    }
    let reason = match direction {
        UpgradeType::UnsafeDowngrade => {
            "Unsafe metadata downgrade is not supported in this version."
        }
        _ => {
            "Refusing to perform the requested downgrade because it might delete metadata \
             information."
        }
    };
    Err(Refusal::new(
        ErrorCode::InvalidUpdateVersion,
        format!("Unsupported metadata.version downgrade from {before} to {level}. {reason}"),
    ))
}

/// A feature may need a level of `metadata.version`, the one that the same request brings.
fn check_dependencies(
    image: &MetadataImage,
    wishes: &Wishes<'_>,
    name: &str,
    level: i16,
) -> Result<(), Refusal> {
    let needed = match (name, level) {
        (ELIGIBLE_REPLICAS_VERSION, 1) => ELIGIBLE_REPLICAS_SINCE,
        _ => return Ok(()),
    };
    let wished = wishes.get(METADATA_VERSION).map(|(level, _)| *level);
    let found = wished.unwrap_or_else(|| level_of(image, METADATA_VERSION));
    if found >= needed {
        return Ok(());
    }
    let reason = format!(
        "{name} could not be set to {level} because it depends on {METADATA_VERSION} level {needed}"
    );
    Err(invalid_level(name, level, &reason))
}

/// The changes of settings with which eligible leader replicas begin: every broker must count the
/// same number of replicas, so it is the cluster's to set, and no broker's.
pub(super) fn eligible_replicas_records(view: View<'_>) -> Vec<MetadataRecord> {
    let setting = |broker: &str, value: Option<String>| {
        MetadataRecord::from(ConfigRecord {
            resource_type: ConfigKind::Broker.code(),
            resource_name: broker.to_owned(),
            name: MIN_ISR.to_owned(),
            value,
            ..ConfigRecord::default()
        })
    };
    let cluster = ConfigResource::new(ConfigKind::Broker, "");
    let cluster = view.image.config(&cluster);
    let is_set = cluster.is_some_and(|values| values.contains_key(MIN_ISR));
    let first = (!is_set).then(|| {
        let mut fixed = view.settings.clone();
        fixed.set_dynamic(Overrides::new(), Overrides::new());
        let fixed = fixed.config();
        let config = fixed.as_ref().unwrap_or(view.config);
        setting("", Some(config.topic.min_insync_replicas.to_string()))
    });
    let changed = view.image.configs.iter();
    let of_brokers = changed.filter(|(resource, values)| {
        let is_broker = resource.kind == ConfigKind::Broker && !resource.name.is_empty();
        is_broker && values.contains_key(MIN_ISR)
    });
    let removed = of_brokers.map(|(resource, _)| setting(&resource.name, None));
    first.into_iter().chain(removed).collect()
}

/// Why a change of settings is refused while the cluster has eligible leader replicas: it would
/// have brokers count different numbers of replicas.
pub(super) fn check_min_isr(
    image: &MetadataImage,
    resource: &ConfigResource,
    changes: &BTreeMap<String, Option<String>>,
) -> Result<(), Refusal> {
    if resource.kind != ConfigKind::Broker || !image.has_eligible_replicas() {
        return Ok(());
    }
    let text = match changes.get(MIN_ISR) {
        Some(_) if !resource.name.is_empty() => {
            "Broker-level min.insync.replicas cannot be altered while ELR is enabled."
        }
        Some(None) => "Cluster-level min.insync.replicas cannot be removed while ELR is enabled.",
        _ => return Ok(()),
    };
    Err(Refusal::new(ErrorCode::InvalidConfig, text))
}

/// The records that take their eligible replicas from the partitions whose number of replicas in
/// sync is counted anew by `records`: who was eligible by the old number may lack records by the
/// new one.
pub(super) fn clear_records(
    image: &MetadataImage,
    records: &[MetadataRecord],
) -> Vec<MetadataRecord> {
    if !image.has_eligible_replicas() {
        return Vec::new();
    }
    let changed = records.iter().filter_map(|record| match record {
        MetadataRecord::Config(record) if record.name == MIN_ISR => Some(record),
        _ => None,
    });
    let cleared = changed.map(|record| {
        let topic_name = match ConfigKind::from_code(record.resource_type) {
            Some(ConfigKind::Topic) => record.resource_name.clone(),
            _ => String::new(),
        };
        ClearElrRecord {
            topic_name,
            ..ClearElrRecord::default()
        }
        .into()
    });
    cleared.collect()
}
