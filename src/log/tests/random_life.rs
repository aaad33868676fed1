use super::*;
use crate::log::AbortedTransaction;
use crate::protocol::record_batch::ControlType;

/// Of the producers, those that write in transactions.
const TRANSACTIONAL: usize = 2;

/// What a log should be.
#[derive(Debug, Default)]
struct Model {
    /// The batches as they lie in the log, with the offset behind each.
    batches: Vec<(Offset, Bytes)>,
    /// Of each producer, by id: its next sequence.
    sequences: [i32; 3],
    /// Everything below was told to be durable.
    durable: Offset,
    start: Offset,
}

impl Model {
    fn end(&self) -> Offset {
        self.batches.last().map_or(0, |(next, _)| *next)
    }

    fn bytes_from(&self, offset: Offset) -> Vec<u8> {
        self.batches
            .iter()
            .filter(|(next, _)| *next > offset)
            .flat_map(|(_, bytes)| bytes.clone())
            .collect()
    }
}

struct Life {
    world: World,
    model: Model,
    crashes: usize,
    fillings: usize,
    /// How many points were kept.
    resumes: usize,
    /// The most transactions that were aborted in the log when it was opened.
    aborted: usize,
}

impl Life {
    fn new(seed: u64) -> Self {
        let mut random = Random::from_seed(seed);
        let config = TopicConfig {
            segment_bytes: u32::try_from(6_000 + random.below(60_000)).unwrap(),
            index_interval_bytes: u32::try_from(random.below(5_000)).unwrap(),
            retention_ms: None,
            ..TopicConfig::default()
        };
        let mut world = World::unopened(config, OpenMode::Create, seed);
        // Two lives of three have as many files as they like.
        world.files_max = [1, 2, 3].get(usize::try_from(seed % 9).unwrap()).copied();
        world.settle();
        world.take_progress();
        Self {
            world,
            model: Model::default(),
            crashes: 0,
            fillings: 0,
            resumes: 0,
            aborted: 0,
        }
    }

    fn below(&mut self, bound: u64) -> usize {
        usize::try_from(self.world.random.below(bound)).unwrap()
    }

    fn live(&mut self, steps: usize) {
        for _ in 0..steps {
            match self.below(100) {
                0..37 => self.append(),
                37..40 => self.end_transaction(),
                40..75 => {
                    self.world.step();
                }
                75..80 => self.world.flush(),
                80..90 => self.read(),
                90..92 => {
                    let bytes_max = self.below(20_000);
                    self.world.log.trim_cache(bytes_max);
                }
                92..94 => {
                    self.world.settle();
                    self.resumes += usize::from(self.world.keep_resume_point());
                }
                94 => self.stop_and_start(),
                95 => self.crash(),
                96 => self.idle(),
                97 => self.fill_or_make_room(),
                98 => self.world.log.take_resume_point(),
                _ => self.delete_records(),
            }
            self.note_progress();
        }
        self.stop_and_start();
        self.crash();
        assert_eq!(
            self.world.read_all(self.model.start, 100_000),
            self.model.bytes_from(self.model.start)
        );
    }

    fn append(&mut self) {
        let records = 1 + self.below(3);
        let value_bytes = match self.below(10) {
            0 => self.below(5_000),
            1 => 17_000,
            _ => self.below(400),
        };
        let mut builder = RecordBatchBuilder::new();
        let producer = self.below(6);
        if let Some(sequence) = self.model.sequences.get_mut(producer) {
            let id = i64::try_from(producer).unwrap();
            builder = builder.producer(id, 0, Some(*sequence));
            if producer < TRANSACTIONAL {
                builder = builder.transactional();
            }
        }
        for _ in 0..records {
            let value = vec![u8::try_from(self.below(256)).unwrap(); value_bytes];
            builder.append(self.world.now.wall_ms, None, Some(&value), &[]);
        }
        let batch = builder.finish();
        if batch.size_bytes() > self.world.config.segment_bytes as usize {
            return;
        }
        let appended = self.world.append(batch.clone()).unwrap();
        assert!(!appended.is_duplicate);
        assert_eq!(appended.first_offset, self.model.end(), "offsets are dense");
        if let Some(sequence) = self.model.sequences.get_mut(producer) {
            *sequence += i32::try_from(records).unwrap();
        }
        let bytes = stamped(&batch, appended.first_offset);
        self.model.batches.push((appended.last_offset + 1, bytes));
    }

    fn end_transaction(&mut self) {
        let producer = self.below(TRANSACTIONAL as u64);
        if self.model.sequences[producer] == 0 {
            return;
        }
        let kind = [ControlType::Commit, ControlType::Abort][self.below(2)];
        let id = i64::try_from(producer).unwrap();
        let offset = self.world.end_transaction(id, kind);
        assert_eq!(offset, self.model.end(), "offsets are dense");
        let bytes = stamped(&transactions::end(id, kind), offset);
        self.model.batches.push((offset + 1, bytes));
    }

    fn note_progress(&mut self) {
        for progress in self.world.take_progress() {
            match progress {
                LogProgress::DurableAdvanced { durable_end_offset } => {
                    assert!(durable_end_offset > self.model.durable);
                    assert!(durable_end_offset <= self.model.end());
                    self.model.durable = durable_end_offset;
                }
                LogProgress::LogStartAdvanced { .. }
                | LogProgress::SpaceLacking(_)
                | LogProgress::SpaceFound => {}
                other => panic!("{other:?}"),
            }
        }
    }

    fn read(&mut self) {
        let span = u64::try_from(self.model.end() - self.model.start).unwrap();
        if span == 0 {
            return;
        }
        let offset = self.model.start + i64::try_from(self.below(span)).unwrap();
        let upper = offset + i64::try_from(self.below(100)).unwrap();
        let bytes_max = self.below(50_000);
        let wanted = ReadRequest {
            offset,
            bytes_max,
            upper,
            at_least_one: true,
        };
        let records = self.world.read(wanted).unwrap();
        let bytes = records.slices.concat();
        let all = self.model.bytes_from(offset);
        assert!(all.starts_with(&bytes), "a read brings what was appended");
        let ends = self.model.batches.iter().filter(|(next, _)| *next > offset);
        let mut taken = 0;
        let mut next_offset = offset;
        for (next, batch) in ends {
            if *next > upper || (taken > 0 && taken + batch.len() > bytes_max) {
                break;
            }
            if taken == bytes.len() {
                // Reads of the disk may bring less than fits, but not nothing.
                assert!(taken > 0, "a read brings the first batch");
                break;
            }
            taken += batch.len();
            next_offset = *next;
        }
        assert_eq!((taken, next_offset), (bytes.len(), records.next_offset));
    }

    /// The disk becomes full, or there is room again and the log has had the time to see it.
    fn fill_or_make_room(&mut self) {
        self.world.disk.is_full = !self.world.disk.is_full;
        if self.world.disk.is_full {
            self.fillings += 1;
        } else {
            self.world.settle();
            self.world.wait(Duration::from_secs(1));
            self.world.settle();
            assert!(!self.world.log.lacks_space());
            assert_eq!(self.world.log.durable_end_offset(), self.model.end());
        }
    }

    fn stop_and_start(&mut self) {
        self.world.disk.is_full = false;
        let durability = [Durability::Synced, Durability::Later][self.below(2)];
        self.world.log.close(durability);
        self.world.settle();
        assert_eq!(self.world.progress.pop(), Some(LogProgress::Closed));
        self.note_progress();
        assert_eq!(self.model.durable, self.model.end());
        let mode = OpenMode::Existing {
            is_clean: true,
            log_start_offset: Some(self.model.start),
            recovery_point: Some(self.model.durable),
        };
        self.world.reopen(mode);
        assert_eq!(self.world.log.log_end_offset(), self.model.end());
        self.check_producers();
    }

    fn crash(&mut self) {
        self.note_progress();
        self.crashes += 1;
        self.world.disk.is_full = false;
        self.world.crash();
        let mode = OpenMode::Existing {
            is_clean: false,
            log_start_offset: Some(self.model.start),
            recovery_point: Some(self.model.durable),
        };
        self.world.reopen(mode);
        let end = self.world.log.log_end_offset();
        assert!(end >= self.model.durable, "nothing durable is lost");
        self.model.batches.retain(|(next, _)| *next <= end);
        assert_eq!(self.model.end(), end, "the end is that of a batch");
        self.model.durable = end;
        self.check_producers();
    }

    /// After a restart the producers' state is that of the records that are there.
    fn check_producers(&mut self) {
        let mut sequences = [0; 3];
        for (_, bytes) in &self.model.batches {
            let batch = RecordBatch::decode(bytes).unwrap();
            if let (Some(id), Some(last)) = (batch.producer_id(), batch.last_sequence()) {
                sequences[usize::try_from(id).unwrap()] = last + 1;
            }
        }
        self.model.sequences = sequences;
        let mut found = [0; 3];
        for producer in self.world.log.active_producers() {
            let id = usize::try_from(producer.producer_id).unwrap();
            found[id] = producer.last_sequence.unwrap() + 1;
        }
        assert_eq!(found, sequences);
        let batches = self.model.batches.iter();
        let batches = batches.map(|(_, bytes)| RecordBatch::decode(bytes).unwrap());
        let reaches = |one: &AbortedTransaction| one.last_offset >= self.model.start;
        let aborted = transactions::aborted_in(batches).into_iter();
        let aborted: Vec<AbortedTransaction> = aborted.filter(reaches).collect();
        self.aborted = self.aborted.max(aborted.len());
        let told = self
            .world
            .log
            .aborted_between(self.model.start, Offset::MAX);
        assert_eq!(told, aborted);
    }

    fn idle(&mut self) {
        self.world.wait(Duration::from_secs(100));
        let idle = Duration::from_secs(60);
        let (now, outbox) = (self.world.now, &mut self.world.outbox);
        self.world.log.close_unused_files(now, idle, outbox);
        self.world.flush();
    }

    fn delete_records(&mut self) {
        let span = u64::try_from(self.model.durable - self.model.start).unwrap();
        let offset = self.model.start + i64::try_from(self.below(span / 4 + 1)).unwrap();
        self.model.start = self
            .world
            .log
            .delete_records(offset, self.model.durable)
            .unwrap();
        assert_eq!(self.model.start, offset);
        self.world.log.apply_retention(self.model.durable);
        self.world.flush();
    }
}

#[test]
fn whatever_happens_what_was_durable_is_there_and_offsets_are_dense() {
    let (mut crashes, mut fillings, mut resumes, mut aborted) = (0, 0, 0, 0);
    for seed in 0..100 {
        let mut life = Life::new(seed);
        let result = std::panic::catch_unwind(std::panic::AssertUnwindSafe(|| life.live(400)));
        if let Err(panic) = result {
            println!("seed {seed}");
            std::panic::resume_unwind(panic);
        }
        crashes += life.crashes;
        fillings += life.fillings;
        resumes += life.resumes;
        aborted += life.aborted;
    }
    assert!(crashes > 300, "{crashes} crashes");
    assert!(resumes > 100, "{resumes} resume points");
    assert!(aborted > 150, "{aborted} transactions were aborted");
    assert!(fillings > 150, "the disk was full {fillings} times");
}
