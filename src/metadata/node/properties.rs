//! `meta.properties`: whose a log directory is.

use std::fmt::Write as _;

use bytes::Bytes;

use crate::model::{BrokerId, Uuid};

/// The file's name.
pub(crate) const FILE_NAME: &str = "meta.properties";

/// The version that `KRaft` writes.
const VERSION: &str = "1";

/// How the comment begins that has the checksum of the other lines: nothing else tells a damaged
/// cluster id from another one. Kafka leaves comments as they are, or out.
const CHECKSUM: &str = "#crc32c=";

/// The checksum of all lines but comments.
fn checksum(text: &str) -> u32 {
    let lines = text.lines().filter(|line| !line.starts_with('#'));
    lines.fold(0, |crc, line| {
        crc32c::crc32c_append(crc32c::crc32c_append(crc, line.as_bytes()), b"\n")
    })
}

/// True for a line of which one bit more or less would be the one with the checksum.
fn is_nearly_checksum(line: &str) -> bool {
    let pairs = CHECKSUM.bytes().zip(line.bytes());
    line.len() > CHECKSUM.len()
        && pairs
            .map(|(one, other)| (one ^ other).count_ones())
            .sum::<u32>()
            == 1
}

/// What a log directory says of itself.
#[derive(Clone, Debug, Eq, PartialEq)]
pub(crate) struct MetaProperties {
    /// The cluster that the data belongs to.
    pub cluster_id: String,
    /// The node that the data belongs to.
    pub node_id: BrokerId,
    /// The directory's own id. Kafka before 3.7 gave none.
    pub directory_id: Option<Uuid>,
}

impl MetaProperties {
    /// The file of these properties.
    pub(crate) fn encode(&self) -> Bytes {
        let mut text = format!("node.id={}\n", self.node_id);
        if let Some(id) = self.directory_id {
            writeln!(text, "directory.id={id}").expect("a string takes every text");
        }
        writeln!(text, "version={VERSION}").expect("a string takes every text");
        writeln!(text, "cluster.id={}", self.cluster_id).expect("a string takes every text");
        Bytes::from(format!("{CHECKSUM}{:08x}\n{text}", checksum(&text)))
    }

    /// The file as it was before one bit of it changed, if that is what happened to `file`: its
    /// checksum fits to one such file only.
    pub(crate) fn without_changed_bit(file: &[u8]) -> Option<Bytes> {
        (0..file.len() * 8).find_map(|bit| {
            let mut before = file.to_vec();
            before[bit / 8] ^= 1 << (bit % 8);
            let has_checksum = before.starts_with(CHECKSUM.as_bytes());
            (has_checksum && Self::decode(&before).is_ok()).then(|| Bytes::from(before))
        })
    }

    /// The properties in `file`.
    ///
    /// # Errors
    /// A line that says what is wrong with it.
    pub(crate) fn decode(file: &[u8]) -> Result<Self, String> {
        let text = str::from_utf8(file).map_err(|_| "is not text".to_owned())?;
        let said = text.lines().find_map(|line| line.strip_prefix(CHECKSUM));
        let is_changed = said.is_some_and(|said| said != format!("{:08x}", checksum(text)));
        if is_changed || text.lines().any(is_nearly_checksum) {
            return Err(format!(
                "is not as it was written: if it was changed on purpose, remove its line \
                 {CHECKSUM}…"
            ));
        }
        let value = |name: &str| {
            text.lines()
                .map(str::trim)
                .filter(|line| !line.starts_with(['#', '!']))
                .filter_map(|line| line.split_once('='))
                .find(|(key, _)| key.trim() == name)
                .map(|(_, value)| value.trim().to_owned())
        };
        match value("version").as_deref() {
            Some(VERSION) => {}
            Some("0") => {
                return Err("has version 0, written by a Kafka with ZooKeeper".to_owned());
            }
            Some(other) => return Err(format!("has version {other}, only 1 is known")),
            None => return Err("has no version".to_owned()),
        }
        let cluster_id = value("cluster.id")
            .filter(|id| !id.is_empty())
            .ok_or("has no cluster.id")?;
        let node_id = value("node.id").ok_or("has no node.id")?;
        let node_id = node_id
            .parse()
            .ok()
            .filter(|id| *id >= 0)
            .ok_or_else(|| format!("has node.id={node_id}, which is no node id"))?;
        let directory_id = match value("directory.id") {
            None => None,
            Some(text) => Some(
                Uuid::parse(&text)
                    .ok_or_else(|| format!("has directory.id={text}, which is no id"))?,
            ),
        };
        Ok(Self {
            cluster_id,
            node_id,
            directory_id,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_file_that_kafka_writes_is_read() {
        let file = b"#\n#Sat Nov 21 17:27:29 UTC 2026\nnode.id=1\n\
            directory.id=ZkmUMx3NyLiFJOJrRFfR1A\nversion=1\ncluster.id=TtZAqx5RnDV1DZAPSvzVjA\n";
        let properties = MetaProperties::decode(file).unwrap();
        assert_eq!(properties.node_id, 1);
        assert_eq!(properties.cluster_id, "TtZAqx5RnDV1DZAPSvzVjA");
        assert_eq!(
            properties.directory_id,
            Uuid::parse("ZkmUMx3NyLiFJOJrRFfR1A")
        );
        assert_eq!(MetaProperties::decode(&properties.encode()), Ok(properties));
    }

    #[test]
    fn one_bit_anywhere_in_the_file_is_noticed() {
        let properties = MetaProperties {
            cluster_id: "TtZAqx5RnDV1DZAPSvzVjA".to_owned(),
            node_id: 1,
            directory_id: Uuid::parse("ZkmUMx3NyLiFJOJrRFfR1A"),
        };
        let file = properties.encode();
        assert_eq!(MetaProperties::decode(&file), Ok(properties));
        for bit in 0..file.len() * 8 {
            let mut damaged = file.to_vec();
            damaged[bit / 8] ^= 1 << (bit % 8);
            assert!(MetaProperties::decode(&damaged).is_err(), "bit {bit}");
            let before = MetaProperties::without_changed_bit(&damaged);
            assert_eq!(before.as_ref(), Some(&file), "bit {bit}");
        }
    }

    #[test]
    fn a_damaged_file_is_refused_with_a_reason() {
        for (file, reason) in [
            ("", "has no version"),
            ("version=0\nbroker.id=1\n", "ZooKeeper"),
            ("version=2\n", "only 1 is known"),
            ("version=1\nnode.id=1\n", "no cluster.id"),
            ("version=1\ncluster.id=a\n", "no node.id"),
            ("version=1\ncluster.id=a\nnode.id=-1\n", "node.id=-1"),
            (
                "version=1\ncluster.id=a\nnode.id=1\ndirectory.id=x\n",
                "directory.id=x",
            ),
        ] {
            let refused = MetaProperties::decode(file.as_bytes()).unwrap_err();
            assert!(refused.contains(reason), "{file}: {refused}");
        }
    }
}
