//! What is asked of partitions that lack records, and what of those that lack none.

use super::*;

impl Bench {
    /// In a session with all partitions up to `count`, of which those below `behind_count` lack
    /// records, more than there is room for.
    fn with_behind(count: u8, behind_count: u8) -> Self {
        let mut bench = Self::new(count);
        bench.begin(count);
        for number in 0..behind_count {
            bench.wish(number, behind(5));
        }
        bench
    }

    /// An answer that brings records for these, and nothing for others.
    fn bring(&mut self, numbers: impl IntoIterator<Item = u8>) {
        let data = || PartitionData {
            records: Some(Bytes::from_static(b"records").into()),
            ..Default::default()
        };
        let brought = numbers.into_iter().map(|number| (number, data()));
        self.answer(answered(9, brought));
    }

    /// The offsets that the next request names, and whom it forgets.
    fn next_said(&mut self) -> (Vec<(TopicIdPartition, Offset)>, Vec<TopicIdPartition>) {
        said(&self.fetch().unwrap())
    }
}

#[test]
fn only_so_many_that_lack_records_are_fetched_at_a_time_and_all_that_lack_none() {
    let mut bench = Bench::with_behind(9, 7);
    bench.wish(7, from(6));
    let named = [0, 1, 2, 3, 4].map(|number| (id(number), 5));
    let expected = [&named[..], &[(id(7), 6)]].concat();
    assert_eq!(bench.next_said(), (expected, vec![id(5), id(6)]));
    bench.bring(0..5);
    for number in 0..5 {
        bench.wish(number, FetchWish::AfterSync);
    }
    bench.wish(7, FetchWish::AfterSync);
    assert_eq!(bench.fetch(), None, "the syncs are waited for");
    // Whoever goes on keeps its place, and who has all gives it to the next one.
    bench.wish(0, from(20));
    for number in 1..5 {
        bench.wish(number, behind(15));
    }
    bench.wish(7, from(8));
    let named = [(0, 20), (1, 15), (2, 15), (3, 15), (4, 15), (5, 5), (7, 8)];
    let named = named.map(|(number, offset)| (id(number), offset));
    assert_eq!(bench.next_said(), (named.to_vec(), Vec::new()));
    bench.bring(1..6);
    bench.fetcher.delay(bench.now, id(1), RULES.backoff);
    bench.fetcher.unfollow(id(2));
    let expected = (vec![(id(6), 5)], vec![id(1), id(2)]);
    assert_eq!(bench.next_said(), expected);
}

#[test]
fn who_gets_nothing_of_its_leader_lets_others_have_its_place() {
    let mut bench = Bench::with_behind(7, 7);
    bench.next_said();
    bench.bring([3]);
    let expected = (vec![(id(5), 5), (id(6), 5)], vec![id(2), id(4)]);
    assert_eq!(
        bench.next_said(),
        expected,
        "0 and 1 were the first to wait"
    );
    // Where nobody waits everybody stays.
    let mut bench = Bench::with_behind(5, 5);
    bench.next_said();
    bench.bring([]);
    assert_eq!(bench.next_said(), (Vec::new(), Vec::new()));
}

#[test]
fn whose_disk_takes_long_lets_others_have_its_place() {
    let mut bench = Bench::with_behind(6, 6);
    bench.next_said();
    bench.bring(0..5);
    bench.wish(0, FetchWish::AfterSync);
    assert_eq!(bench.fetch(), None);
    bench.wait(LONG);
    assert_eq!(bench.next_said(), (vec![], vec![id(0)]));
    bench.bring(1..5);
    assert_eq!(bench.next_said(), (vec![(id(5), 5)], vec![]));
    bench.bring(1..6);
    bench.wish(0, behind(15));
    assert_eq!(bench.next_said(), (vec![], vec![]), "it waits once more");
}

#[test]
fn the_clusters_own_topics_are_the_first_to_catch_up() {
    let mut bench = Bench::new(7);
    let own = Arc::from("__consumer_offsets");
    bench.fetcher.follow(id(6), own, DIRECTORY);
    bench.wish(6, from(0));
    bench.begin(7);
    for number in 0..7 {
        bench.wish(number, behind(5));
    }
    let named = [0, 1, 2, 3, 6].map(|number| (id(number), 5));
    assert_eq!(bench.next_said(), (named.to_vec(), vec![id(4), id(5)]));
}

#[test]
fn those_that_lack_records_have_half_of_an_answer() {
    let rules = FetchRules {
        bytes_max: 1_500,
        ..RULES
    };
    let mut bench = Bench::with_behind(3, 2);
    bench.wish(2, from(6));
    let request = bench.fetcher.next_request(bench.now, &rules).unwrap();
    let AnyRequest::Fetch(request) = request.request else {
        panic!("{request:?} is no fetch");
    };
    let topics = request.topics.iter();
    let partitions = topics.flat_map(|topic| &topic.partitions);
    let bytes: Vec<i32> = partitions.map(|one| one.partition_max_bytes).collect();
    assert_eq!(bytes, [750, 1_000]);
    assert_eq!(said(&request).1, [id(1)]);
}
