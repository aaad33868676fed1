//! ApiVersions: what this broker serves, and which features it has (KIP-35, KIP-584).

use crate::metadata::IMPLEMENTED_FEATURES;
use crate::model::ErrorCode;
use crate::protocol::messages::api_versions_response::{
    ApiVersion, FinalizedFeatureKey, SupportedFeatureKey,
};
use crate::protocol::messages::{ApiVersionsRequest, ApiVersionsResponse};
use crate::protocol::{AnyResponse, ApiKey};

use crate::shard::request::RequestContext;

use super::{Parts, Plan};

/// Answer with what is served.
pub fn plan(context: &RequestContext, request: &ApiVersionsRequest, parts: &Parts<'_>) -> Plan {
    let is_named = |text: &str| {
        let is_inner = |c: char| c.is_ascii_alphanumeric() || c == '-' || c == '.';
        text.starts_with(|c: char| c.is_ascii_alphanumeric())
            && text.ends_with(|c: char| c.is_ascii_alphanumeric())
            && text.chars().all(is_inner)
    };
    let (name, version) = (
        &request.client_software_name,
        &request.client_software_version,
    );
    // Versions before 3 name no software; KIP-511 says what a name may look like.
    let is_sound = context.version < 3 || (is_named(name) && is_named(version));
    if !is_sound {
        return Plan::answer(ApiVersionsResponse {
            error_code: ErrorCode::InvalidRequest.code(),
            ..Default::default()
        });
    }
    Plan::answer(response(context, parts))
}

/// The answer, in version 0, to a version that is too new.
#[must_use]
pub fn unsupported_version() -> AnyResponse {
    let error = ErrorCode::UnsupportedVersion.code();
    let response = ApiVersionsResponse {
        error_code: error,
        api_keys: named(ApiKey::ApiVersions, ApiKey::ApiVersions.served_versions())
            .into_iter()
            .collect(),
        ..Default::default()
    };
    response.into()
}

fn served(is_controller: bool) -> impl Iterator<Item = ApiVersion> {
    ApiKey::ALL.iter().filter_map(move |api| {
        let versions = if is_controller {
            api.key.controller_versions()
        } else {
            api.key.advertised_versions()
        };
        named(api.key, versions)
    })
}

fn named(key: ApiKey, versions: Option<(i16, i16)>) -> Option<ApiVersion> {
    let (min_version, max_version) = versions?;
    Some(ApiVersion {
        api_key: key.code(),
        min_version,
        max_version,
        ..Default::default()
    })
}

fn response(context: &RequestContext, parts: &Parts<'_>) -> ApiVersionsResponse {
    // Older Java clients fail on a range that begins at zero (KIP-1022).
    let can_be_told = |min_level: i16| context.version >= 4 || min_level > 0;
    let supported_features = IMPLEMENTED_FEATURES
        .iter()
        .filter(|feature| can_be_told(feature.min_level))
        .map(|feature| SupportedFeatureKey {
            name: feature.name.to_owned(),
            min_version: feature.min_level,
            max_version: feature.max_level,
            ..Default::default()
        });
    // Only what is implemented here: clients choose their transaction protocol by it.
    let finalized_features = parts
        .image
        .finalized_features()
        .into_iter()
        .map(|(name, level)| FinalizedFeatureKey {
            name: name.to_owned(),
            max_version_level: level,
            min_version_level: level,
            ..Default::default()
        });
    ApiVersionsResponse {
        error_code: ErrorCode::None.code(),
        api_keys: served(parts.is_of_controller(context)).collect(),
        throttle_time_ms: 0,
        supported_features: supported_features.collect(),
        finalized_features_epoch: parts.image.features_epoch(),
        finalized_features: finalized_features.collect(),
        ..Default::default()
    }
}
