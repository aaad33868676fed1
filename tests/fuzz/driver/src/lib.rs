//! What the programs of this package, one for each target, have in common.

#[path = "../../targets/mod.rs"]
mod targets;

/// Try the target `name` on these bytes.
///
/// # Panics
/// If they break it, or there is no such target.
pub fn check(name: &str, bytes: &[u8]) {
    let mut targets = targets::TARGETS.iter();
    let found = targets.find(|(known, _)| *known == name);
    let (_, check) = found.unwrap_or_else(|| panic!("there is no target {name}"));
    check(bytes);
}
