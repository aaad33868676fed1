//! Record batches inside a message, as the slices they are.

use bytes::Bytes;

/// Encoded record batches: slices of other buffers, in order. None of the slices is empty.
///
/// Two values are equal if their bytes are, however they are cut.
#[derive(Clone, Debug, Default)]
pub struct Records {
    slices: Vec<Bytes>,
}

impl Records {
    /// The bytes of `slices`, one behind the other.
    #[must_use]
    pub fn new(mut slices: Vec<Bytes>) -> Self {
        slices.retain(|slice| !slice.is_empty());
        Self { slices }
    }

    /// Appends a slice.
    pub fn push(&mut self, slice: Bytes) {
        if !slice.is_empty() {
            self.slices.push(slice);
        }
    }

    /// The slices.
    #[must_use]
    pub fn slices(&self) -> &[Bytes] {
        &self.slices
    }

    /// The slices, owned.
    #[must_use]
    pub fn into_slices(self) -> Vec<Bytes> {
        self.slices
    }

    /// The bytes as one slice; copied only if there is more than one.
    #[must_use]
    pub fn to_bytes(&self) -> Bytes {
        match self.slices.as_slice() {
            [] => Bytes::new(),
            [only] => only.clone(),
            several => several.concat().into(),
        }
    }

    /// The length in bytes.
    #[must_use]
    pub fn len(&self) -> usize {
        self.slices.iter().map(Bytes::len).sum()
    }

    /// True if there are no bytes.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.slices.is_empty()
    }
}

impl From<Bytes> for Records {
    fn from(slice: Bytes) -> Self {
        Self::new(vec![slice])
    }
}

impl PartialEq for Records {
    fn eq(&self, other: &Self) -> bool {
        self.len() == other.len()
            && (self.slices.iter().flatten()).eq(other.slices.iter().flatten())
    }
}
