//! The zigzag variable-length integers inside a record.

/// The most bytes that a 32-bit number takes.
pub(super) const VARINT_BYTES_MAX: usize = 5;

/// Reads a record's fields from the front of a slice.
#[derive(Clone, Copy, Debug)]
pub(super) struct Reader<'a> {
    rest: &'a [u8],
}

impl<'a> Reader<'a> {
    pub(super) const fn new(bytes: &'a [u8]) -> Self {
        Self { rest: bytes }
    }

    pub(super) const fn remaining(&self) -> usize {
        self.rest.len()
    }

    pub(super) const fn rest(&self) -> &'a [u8] {
        self.rest
    }

    pub(super) fn take(&mut self, length: usize) -> Option<&'a [u8]> {
        let (taken, rest) = self.rest.split_at_checked(length)?;
        self.rest = rest;
        Some(taken)
    }

    pub(super) fn byte(&mut self) -> Option<u8> {
        let (first, rest) = self.rest.split_first()?;
        self.rest = rest;
        Some(*first)
    }

    /// At most five bytes; what does not fit 32 bits is dropped, as Java's clients do.
    pub(super) fn varint(&mut self) -> Option<i32> {
        let mut value: u32 = 0;
        for shift in (0..35).step_by(7) {
            let byte = self.byte()?;
            value |= u32::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some((value >> 1).cast_signed() ^ -((value & 1).cast_signed()));
            }
        }
        None
    }

    /// At most ten bytes; what does not fit 64 bits is dropped, as Java's clients do.
    pub(super) fn varlong(&mut self) -> Option<i64> {
        let mut value: u64 = 0;
        for shift in (0..70).step_by(7) {
            let byte = self.byte()?;
            value |= u64::from(byte & 0x7f) << shift;
            if byte & 0x80 == 0 {
                return Some((value >> 1).cast_signed() ^ -((value & 1).cast_signed()));
            }
        }
        None
    }

    /// A length and that many bytes; a negative length is an absent value.
    pub(super) fn nullable_bytes(&mut self) -> Option<Option<&'a [u8]>> {
        match usize::try_from(self.varint()?) {
            Ok(length) => self.take(length).map(Some),
            Err(_) => Some(None),
        }
    }
}

pub(super) fn put_varint(value: i32, output: &mut Vec<u8>) {
    put_varlong(i64::from(value), output);
}

/// The zigzag form of a 32-bit value has the same bytes when written as 64 bits.
pub(super) fn put_varlong(value: i64, output: &mut Vec<u8>) {
    let mut rest = ((value << 1) ^ (value >> 63)).cast_unsigned();
    loop {
        let low = u8::try_from(rest & 0x7f).expect("seven bits fit a byte");
        rest >>= 7;
        if rest == 0 {
            output.push(low);
            return;
        }
        output.push(low | 0x80);
    }
}

/// The bytes that [`put_varlong`] writes.
pub(super) const fn varlong_bytes(value: i64) -> usize {
    let zigzag = ((value << 1) ^ (value >> 63)).cast_unsigned();
    let bits = 64 - (zigzag | 1).leading_zeros() as usize;
    bits.div_ceil(7)
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    proptest! {
        #[test]
        fn a_number_is_read_as_it_was_written(value: i64, small: i32) {
            let mut bytes = Vec::new();
            put_varlong(value, &mut bytes);
            prop_assert_eq!(bytes.len(), varlong_bytes(value));
            put_varint(small, &mut bytes);
            let mut reader = Reader::new(&bytes);
            prop_assert_eq!(reader.varlong(), Some(value));
            prop_assert_eq!(reader.varint(), Some(small));
            prop_assert_eq!(reader.remaining(), 0);
        }
    }

    #[test]
    fn a_number_that_does_not_end_is_refused() {
        assert_eq!(Reader::new(&[0xff; 5]).varint(), None);
        assert_eq!(Reader::new(&[0xff; 10]).varlong(), None);
        assert_eq!(Reader::new(&[0x80]).varint(), None);
        assert_eq!(
            Reader::new(&[0xff, 0xff, 0xff, 0xff, 0x0f]).varint(),
            Some(i32::MIN)
        );
    }
}
