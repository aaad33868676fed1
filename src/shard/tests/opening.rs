//! What a start makes of folders that it finds.

use super::*;

impl Bench {
    /// The power goes, and the broker learns of its topic only after it has looked what is there.
    fn crash_and_learn_late(&mut self, registered: Registered<'_>) {
        self.disk.crash(&mut self.random);
        self.effects = Effects::default();
        self.shard = Shard::new(settings(self.set.clone()));
        self.shard
            .on_event(self.now, Event::Started, &mut self.effects);
        self.image.topics = Default::default();
        self.image.topic_ids = Default::default();
        self.publish(MetadataDelta::default());
        let mut contents = vec![self.read_directory()];
        contents.resize_with(self.directories_count(), no_contents);
        self.tell(Message::DirectoriesRead(Arc::from(contents)));
        self.register(registered);
    }
}

#[test]
fn a_folder_that_is_set_aside_is_not_that_of_a_topic_made_later_under_the_name() {
    let mut bench = Bench::new(LED, &[]);
    bench.produce(Acks::Leader);
    bench.crash_and_learn_late(LED);
    assert_eq!(bench.state(), PartitionState::Claiming);
    bench.crash(LED);
    let state = bench.state();
    assert_eq!(state, PartitionState::Open, "it was known in time");
}
