//! Log directories that take no new partitions, as `cordoned.log.dirs` names them (KIP-1066).

use crate::model::Uuid;
use crate::stdx::Now;

use super::MetadataNode;

impl MetadataNode {
    /// The ids of these directories.
    pub(super) fn cordoned(&self) -> Vec<Uuid> {
        let Some(directories) = &self.directories else {
            return Vec::new();
        };
        let config = &self.broker_config;
        let named = config.log_dirs.iter().zip(&directories.open);
        let cordoned = named.filter(|(path, _)| config.cordoned_log_dirs.contains(path));
        cordoned.map(|(_, open)| open.id).collect()
    }

    /// Note them in the registration of this broker, which is the controller, too.
    pub(super) fn cordon(&mut self, now: Now) {
        let cordoned = self.cordoned();
        let (controller, view) = self.deciding();
        let record = controller.cordon_own(view, &cordoned);
        self.append_parts(now, record.as_slice());
    }
}
