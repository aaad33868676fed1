//! A node on a disk that has no room for a while.

use super::*;

#[test]
fn a_snapshot_for_which_there_is_no_room_is_made_when_there_is() {
    let mut world = World::start(Disk::default(), 1);
    world.disk.is_full_for = Some(".checkpoint");
    let mut count = 0;
    let mut create_some = |world: &mut World| {
        for _ in 0..8 {
            count += 1;
            assert!(world.create(&format!("topic-{count}")));
        }
    };
    create_some(&mut world);
    assert_eq!(world.halted, None);
    let newest = |world: &World| {
        let paths = world.disk.paths().into_iter();
        let mut inside = paths.filter(|path| path.relative.contains('/'));
        inside.rfind(|path| path.relative.ends_with(".checkpoint"))
    };
    let formatted = newest(&world);
    let retry_at = world.node.next_deadline();
    world.disk.is_full_for = None;
    create_some(&mut world);
    assert_eq!(newest(&world), formatted, "it waits until it asks again");
    world.time_ms = i64::try_from(retry_at.as_nanos() / 1_000_000).unwrap();
    world.run();
    assert!(newest(&world) > formatted);
    world.disk.crash();
    let world = World::start(world.disk, 2);
    assert_eq!(world.halted, None);
    assert_eq!(world.image.topic_ids.len(), 16);
}
