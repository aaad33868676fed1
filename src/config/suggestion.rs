//! The known name that an unknown one was probably meant to be.

use super::tables::{broker, topic};

/// The name of a broker setting closest to `unknown`; `None` if none is close.
#[must_use]
pub fn nearest_broker_setting(unknown: &str) -> Option<&'static str> {
    // A topic's name of a setting, in place of the broker's, is the commonest mistake.
    let of_topic = topic::TOPIC
        .iter()
        .find(|setting| setting.name == unknown)
        .and_then(|setting| setting.broker_synonyms.first().copied());
    let length = unknown.chars().count();
    of_topic.or_else(|| {
        broker::KAFKA
            .iter()
            .chain(broker::FOREBAY)
            .filter(|setting| !setting.is_internal())
            // What differs in length alone is never close: a long line costs no search.
            .filter(|setting| is_close(length.abs_diff(setting.name.len()), setting.name))
            .map(|setting| (distance(unknown, setting.name), setting.name))
            .min()
            .filter(|(distance, name)| is_close(*distance, name))
            .map(|(_, name)| name)
    })
}

/// Whether so many differences leave `name` to be recognized.
const fn is_close(distance: usize, name: &str) -> bool {
    let length = if name.len() > 6 { name.len() } else { 6 };
    distance * 3 <= length
}

/// How many characters have to be put in, taken out, changed or swapped with their neighbour to
/// make `left` of `right`.
fn distance(left: &str, right: &str) -> usize {
    let left: Vec<char> = left.chars().collect();
    let right: Vec<char> = right.chars().collect();
    let mut before = vec![0; right.len() + 1];
    let mut above: Vec<usize> = (0..=right.len()).collect();
    for row in 1..=left.len() {
        let mut current = vec![row; right.len() + 1];
        for column in 1..=right.len() {
            let changed = usize::from(left[row - 1] != right[column - 1]);
            let mut best = (above[column - 1] + changed)
                .min(above[column] + 1)
                .min(current[column - 1] + 1);
            if row > 1
                && column > 1
                && left[row - 1] == right[column - 2]
                && left[row - 2] == right[column - 1]
            {
                best = best.min(before[column - 2] + 1);
            }
            current[column] = best;
        }
        before = std::mem::replace(&mut above, current);
    }
    above[right.len()]
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_misspelt_name_finds_the_one_that_was_meant() {
        let cases = [
            ("num.partition", Some("num.partitions")),
            ("log.retension.ms", Some("log.retention.ms")),
            ("log.rentetion.hours", Some("log.retention.hours")),
            ("lisetners", Some("listeners")),
            ("Log.Dirs", Some("log.dirs")),
            (
                "auto_create_topics_enable",
                Some("auto.create.topics.enable"),
            ),
            ("retention.ms", Some("log.retention.ms")),
            ("forebay.shard", Some("forebay.shards")),
            ("colour", None),
            (&"x".repeat(1 << 20), None),
        ];
        for (unknown, meant) in cases {
            assert_eq!(nearest_broker_setting(unknown), meant, "{unknown}");
        }
    }

    #[test]
    fn a_swap_is_one_step() {
        assert_eq!(distance("ab", "ba"), 1);
        assert_eq!(distance("abc", ""), 3);
        assert_eq!(distance("abc", "adc"), 1);
        assert_eq!(distance("", ""), 0);
    }
}
