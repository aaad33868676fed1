//! `--release-version` and `--feature`: the levels of features that a new cluster begins with.

use crate::metadata::{IMPLEMENTED_FEATURES, METADATA_VERSION_MAX, metadata_version_of};

const METADATA_VERSION: &str = "metadata.version";
const KRAFT_VERSION: &str = "kraft.version";
const ELIGIBLE_REPLICAS: &str = "eligible.leader.replicas.version";

/// 4.0-IV1: the first `metadata.version` with eligible leader replicas.
const ELIGIBLE_REPLICAS_SINCE: i16 = 23;

/// The levels that `release` and the `wishes` name, with the newest `metadata.version` by default.
/// `kraft_version` is what follows from how the directory is formatted.
///
/// # Errors
/// A line that says which of them cannot be.
pub(super) fn features(
    release: Option<&str>,
    wishes: &[(String, String)],
    kraft_version: i16,
) -> Result<Vec<(String, i16)>, String> {
    let mut levels = vec![(METADATA_VERSION.to_owned(), METADATA_VERSION_MAX)];
    if let Some(release) = release {
        levels[0].1 = metadata_version_of(release).ok_or_else(|| {
            format!("--release-version: {release} is no release or metadata.version known here")
        })?;
    }
    for (number, (name, text)) in wishes.iter().enumerate() {
        let refuse = |reason: String| Err(format!("--feature {name}={text}: {reason}"));
        let mut known = IMPLEMENTED_FEATURES.iter();
        let Some(range) = known.find(|one| one.name == name) else {
            let names = IMPLEMENTED_FEATURES.map(|one| one.name).join(", ");
            return refuse(format!("the features are {names}"));
        };
        let (min, max) = (range.min_level, range.max_level);
        let level = text.parse().ok();
        let Some(level) = level.filter(|level| (min..=max).contains(level)) else {
            return refuse(format!("the levels are {min} to {max}"));
        };
        if wishes[..number].iter().any(|(other, _)| other == name) {
            return refuse("it is named twice".to_owned());
        }
        match name.as_str() {
            METADATA_VERSION if release.is_some() => {
                return refuse("--release-version says so already".to_owned());
            }
            METADATA_VERSION => levels[0].1 = level,
            KRAFT_VERSION if level != kraft_version => {
                return refuse(format!(
                    "a directory that is formatted so has kraft.version {kraft_version}"
                ));
            }
            KRAFT_VERSION => {}
            // What a cluster does not have is not written.
            _ if level == 0 => {}
            _ => levels.push((name.clone(), level)),
        }
    }
    let has_eligible = levels.iter().any(|(name, _)| name == ELIGIBLE_REPLICAS);
    if has_eligible && levels[0].1 < ELIGIBLE_REPLICAS_SINCE {
        return Err(format!(
            "--feature {ELIGIBLE_REPLICAS}=1: it depends on {METADATA_VERSION} level \
             {ELIGIBLE_REPLICAS_SINCE}"
        ));
    }
    Ok(levels)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn told(release: Option<&str>, wishes: &[(&str, &str)]) -> Result<Vec<(String, i16)>, String> {
        let wishes = wishes.iter();
        let wishes: Vec<_> = wishes
            .map(|(name, level)| ((*name).to_owned(), (*level).to_owned()))
            .collect();
        features(release, &wishes, 1)
    }

    fn levels(metadata: i16, more: &[(&str, i16)]) -> Vec<(String, i16)> {
        let first = (METADATA_VERSION.to_owned(), metadata);
        let more = more
            .iter()
            .map(|(name, level)| ((*name).to_owned(), *level));
        std::iter::once(first).chain(more).collect()
    }

    #[test]
    fn a_cluster_begins_with_the_levels_that_are_named() {
        assert_eq!(told(None, &[]), Ok(levels(METADATA_VERSION_MAX, &[])));
        assert_eq!(told(Some("3.8-IV0"), &[]), Ok(levels(20, &[])));
        // The last of a release.
        assert_eq!(told(Some("4.0"), &[]), Ok(levels(25, &[])));
        assert_eq!(told(None, &[(METADATA_VERSION, "23")]), Ok(levels(23, &[])));
        let wishes = [(ELIGIBLE_REPLICAS, "1"), (KRAFT_VERSION, "1")];
        let eligible = [(ELIGIBLE_REPLICAS, 1)];
        assert_eq!(told(Some("4.2"), &wishes), Ok(levels(29, &eligible)));
        assert_eq!(told(None, &[(ELIGIBLE_REPLICAS, "0")]), told(None, &[]));
    }

    #[test]
    fn levels_that_cannot_be_are_refused_by_name() {
        for (release, wishes, reason) in [
            (Some("3.6"), &[][..], "3.6 is no release"),
            (Some("4"), &[], "4 is no release"),
            (None, &[("group.version", "1")], "the features are"),
            (None, &[(METADATA_VERSION, "31")], "the levels are 17 to 30"),
            (None, &[(METADATA_VERSION, "x")], "the levels are 17 to 30"),
            (
                Some("4.2"),
                &[(METADATA_VERSION, "29")],
                "--release-version says so already",
            ),
            (None, &[(KRAFT_VERSION, "0")], "has kraft.version 1"),
            (
                None,
                &[(METADATA_VERSION, "29"), (METADATA_VERSION, "30")],
                "named twice",
            ),
            (
                Some("3.9"),
                &[(ELIGIBLE_REPLICAS, "1")],
                "depends on metadata.version level 23",
            ),
        ] {
            let refused = told(release, wishes).unwrap_err();
            assert!(refused.contains(reason), "{refused}");
        }
    }
}
