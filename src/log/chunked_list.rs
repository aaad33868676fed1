//! A list that grows without moving what it holds.

/// Entries of one chunk: 4 KiB of offset index.
const CHUNK_ENTRIES: usize = 512;

/// A list in chunks, so that a long one never has to be copied as a whole while a shard waits.
#[derive(Clone, Debug)]
pub(super) struct ChunkedList<T> {
    chunks: Vec<Vec<T>>,
}

impl<T> Default for ChunkedList<T> {
    fn default() -> Self {
        Self { chunks: Vec::new() }
    }
}

impl<T: Copy> ChunkedList<T> {
    pub(super) fn len(&self) -> usize {
        self.chunks.last().map_or(0, |last| {
            (self.chunks.len() - 1) * CHUNK_ENTRIES + last.len()
        })
    }

    pub(super) fn push(&mut self, entry: T) {
        match self.chunks.last_mut() {
            Some(chunk) if chunk.len() < CHUNK_ENTRIES => chunk.push(entry),
            // A first chunk grows from nothing: most lists are short.
            Some(_) | None => self.chunks.push(vec![entry]),
        }
    }

    /// The entry at `index`; `None` behind the end.
    pub(super) fn entry(&self, index: usize) -> Option<T> {
        self.chunks
            .get(index / CHUNK_ENTRIES)?
            .get(index % CHUNK_ENTRIES)
            .copied()
    }

    pub(super) fn last(&self) -> Option<T> {
        self.chunks.last()?.last().copied()
    }

    pub(super) fn iter(&self) -> impl Iterator<Item = T> + '_ {
        self.chunks.iter().flatten().copied()
    }

    /// How many entries at the front satisfy `before`; those that do must all stand in front.
    pub(super) fn partition_point(&self, before: impl Fn(T) -> bool) -> usize {
        let whole = self
            .chunks
            .partition_point(|chunk| chunk.last().is_some_and(|entry| before(*entry)));
        let rest = self
            .chunks
            .get(whole)
            .map_or(0, |chunk| chunk.partition_point(|entry| before(*entry)));
        // The last chunk may count as a whole one.
        (whole * CHUNK_ENTRIES + rest).min(self.len())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chunked_list_is_a_list() {
        let mut list = ChunkedList::default();
        for number in 0..2000_u32 {
            assert_eq!(list.len(), number as usize);
            list.push(number * 2);
        }
        assert_eq!(list.last(), Some(3998));
        assert_eq!(list.entry(513), Some(1026));
        assert_eq!(list.entry(2000), None);
        for probe in [0, 1, 1023, 1024, 1025, 3998, 5000] {
            let expected = list.iter().filter(|entry| *entry < probe).count();
            assert_eq!(list.partition_point(|entry| entry < probe), expected);
        }
    }
}
