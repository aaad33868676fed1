//! What always holds of a log: asserted by the simulator, between any two events.

use super::partition_log::{Log, State};
use super::segment::{Index, Largest};

impl Log {
    /// Assert every invariant of the log.
    ///
    /// # Panics
    /// If one does not hold, which is a bug.
    pub fn check(&self) {
        if matches!(
            self.state,
            State::Opening(_) | State::Failed | State::Deleted
        ) {
            return;
        }
        assert!(
            0 <= self.log_start_offset
                && self.log_start_offset <= self.log_end_offset
                && self.written_end_offset <= self.durable_end_offset
                && self.durable_end_offset <= self.log_end_offset,
            "the offsets of a log stand in order"
        );
        let pairs = self.segments.iter().zip(self.segments.iter().skip(1));
        for (segment, next) in pairs {
            assert!(
                segment.base_offset < next.base_offset,
                "segments rise without sharing an offset"
            );
        }
        self.check_segments();
        self.cache.check_invariants(self.log_end_offset);
        for segment in &self.segments {
            let writer = segment.writer.as_deref();
            let lacking = writer.filter(|writer| writer.written_end < segment.length);
            assert!(
                lacking.is_none_or(|writer| {
                    let (base_offset, position) = (segment.base_offset, writer.written_end);
                    self.cache.has(base_offset, position)
                }),
                "what the segments lack is in memory"
            );
        }
        if self.cache.first_offset().is_none() {
            assert!(
                self.written_end_offset == self.log_end_offset,
                "what is not in memory is in the segments"
            );
        }
        self.producers.check_invariants(self.log_end_offset);
        self.aborted.check_invariants(self.log_end_offset);
        assert!(
            self.epochs
                .latest()
                .is_none_or(|latest| latest.start_offset <= self.log_end_offset),
            "no epoch begins behind the end"
        );
    }

    fn check_segments(&self) {
        let mut has_undurable = false;
        for segment in &self.segments {
            let is_unsealed = self.unsealed.contains(&segment.base_offset);
            let Some(writer) = &segment.writer else {
                assert!(!is_unsealed, "what is not sealed has a writer");
                continue;
            };
            assert!(is_unsealed, "a writer is found by its segment");
            assert!(
                writer.written_end <= segment.length,
                "nothing is written that was not appended"
            );
            assert!(
                !has_undurable || writer.written_end == 0,
                "a segment is written to when all before it is durable"
            );
            has_undurable |= writer.written_end < segment.length;
            assert!(
                matches!(segment.largest, Largest::Known(_))
                    && matches!(segment.offset_index, Index::Loaded(_))
                    && matches!(segment.time_index, Index::Loaded(_)),
                "the indexes of an unsealed segment are in memory"
            );
        }
        assert!(
            self.segments
                .back()
                .is_none_or(|last| last.writer.is_some())
                || !matches!(self.state, State::Open),
            "the last segment can be appended to"
        );
    }
}
