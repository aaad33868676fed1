//! From bytes to values.

use bytes::Bytes;

use super::{DecodeError, Records, Struct, UnknownTaggedFields};
use crate::model::Uuid;

/// No array may have more elements, as in Kafka 4.4. An element can be one byte on the wire and
/// hundreds in memory, so the bytes present alone are not bound enough.
pub const ELEMENTS_MAX: usize = 1_000_000;

/// A string has at most this many bytes, whatever its length field could say.
const STRING_BYTES_MAX: usize = 0x7fff;

/// A tag and a length, each of at least one byte.
const TAGGED_FIELD_BYTES_MIN: usize = 2;

/// A position in bytes, moved by each read. A failed read leaves it anywhere.
#[derive(Clone, Debug)]
pub struct Reader {
    bytes: Bytes,
    position: usize,
    /// Reads stop here: the end of the bytes, or of the tagged field that is being read.
    end: usize,
}

impl Reader {
    /// Reads `bytes` from their start.
    #[must_use]
    pub fn new(bytes: Bytes) -> Self {
        let end = bytes.len();
        Self {
            bytes,
            position: 0,
            end,
        }
    }

    /// How many bytes have been read.
    #[must_use]
    pub const fn position(&self) -> usize {
        self.position
    }

    /// How many bytes have not been read.
    #[must_use]
    pub const fn remaining(&self) -> usize {
        self.end - self.position
    }

    /// The error that something else should stand here.
    #[must_use]
    pub const fn expected(&self, expected: &'static str) -> DecodeError {
        DecodeError {
            position: self.position,
            expected,
        }
    }

    fn read_array_of<const N: usize>(
        &mut self,
        what: &'static str,
    ) -> Result<[u8; N], DecodeError> {
        let rest = &self.bytes[self.position..self.end];
        let Some(found) = rest.first_chunk::<N>() else {
            return Err(self.expected(what));
        };
        self.position += N;
        Ok(*found)
    }

    fn read_slice(&mut self, length: usize, what: &'static str) -> Result<Bytes, DecodeError> {
        if length > self.remaining() {
            return Err(self.expected(what));
        }
        let start = self.position;
        self.position += length;
        Ok(self.bytes.slice(start..self.position))
    }

    /// One byte; anything but zero is true.
    ///
    /// # Errors
    /// If the bytes end before.
    pub fn read_bool(&mut self) -> Result<bool, DecodeError> {
        Ok(self.read_i8()? != 0)
    }

    /// # Errors
    /// If the bytes end before.
    pub fn read_i8(&mut self) -> Result<i8, DecodeError> {
        self.read_array_of("one byte").map(i8::from_be_bytes)
    }

    /// # Errors
    /// If the bytes end before.
    pub fn read_i16(&mut self) -> Result<i16, DecodeError> {
        self.read_array_of("two bytes").map(i16::from_be_bytes)
    }

    /// # Errors
    /// If the bytes end before.
    pub fn read_u16(&mut self) -> Result<u16, DecodeError> {
        self.read_array_of("two bytes").map(u16::from_be_bytes)
    }

    /// # Errors
    /// If the bytes end before.
    pub fn read_i32(&mut self) -> Result<i32, DecodeError> {
        self.read_array_of("four bytes").map(i32::from_be_bytes)
    }

    /// # Errors
    /// If the bytes end before.
    pub fn read_u32(&mut self) -> Result<u32, DecodeError> {
        self.read_array_of("four bytes").map(u32::from_be_bytes)
    }

    /// # Errors
    /// If the bytes end before.
    pub fn read_i64(&mut self) -> Result<i64, DecodeError> {
        self.read_array_of("eight bytes").map(i64::from_be_bytes)
    }

    /// # Errors
    /// If the bytes end before.
    pub fn read_f64(&mut self) -> Result<f64, DecodeError> {
        self.read_array_of("eight bytes").map(f64::from_be_bytes)
    }

    /// # Errors
    /// If the bytes end before.
    pub fn read_uuid(&mut self) -> Result<Uuid, DecodeError> {
        self.read_array_of("sixteen bytes").map(Uuid::from_bytes)
    }

    /// An unsigned number in groups of seven bits, lowest first; Kafka calls it unsigned varint.
    ///
    /// # Errors
    /// If the bytes end before, or the number has more than 32 bits.
    pub fn read_unsigned_varint(&mut self) -> Result<u32, DecodeError> {
        const WHAT: &str = "a varint of at most 32 bits";
        let start = self.position;
        let mut value: u32 = 0;
        for shift in [0, 7, 14, 21, 28] {
            let [byte] = self.read_array_of(WHAT)?;
            let group = u32::from(byte & 0x7f);
            if shift == 28 && group > 0x0f {
                break;
            }
            value |= group << shift;
            if byte & 0x80 == 0 {
                return Ok(value);
            }
        }
        Err(DecodeError {
            position: start,
            expected: WHAT,
        })
    }

    /// A length in the way of flexible versions: zero stands for null, else one too many.
    fn read_compact_length(&mut self) -> Result<Option<usize>, DecodeError> {
        let number = self.read_unsigned_varint()?;
        Ok(number.checked_sub(1).map(|length| length as usize))
    }

    fn read_length(&mut self, flexible: bool) -> Result<Option<usize>, DecodeError> {
        if flexible {
            self.read_compact_length()
        } else {
            Ok(usize::try_from(self.read_i32()?).ok())
        }
    }

    /// A string.
    ///
    /// # Errors
    /// If there is none, it is null, too long, or not UTF-8.
    pub fn read_string(&mut self, flexible: bool) -> Result<String, DecodeError> {
        let start = self.position;
        self.read_nullable_string(flexible)?.ok_or(DecodeError {
            position: start,
            expected: "a string, not null",
        })
    }

    /// A string or null.
    ///
    /// # Errors
    /// If there is none, it is too long, or not UTF-8.
    pub fn read_nullable_string(&mut self, flexible: bool) -> Result<Option<String>, DecodeError> {
        let length = if flexible {
            self.read_compact_length()?
        } else {
            usize::try_from(self.read_i16()?).ok()
        };
        let Some(length) = length else {
            return Ok(None);
        };
        if length > STRING_BYTES_MAX {
            return Err(self.expected("a string of at most 32767 bytes"));
        }
        let rest = &self.bytes[self.position..self.end];
        let Some(found) = rest.get(..length) else {
            return Err(self.expected("as many bytes as the string has"));
        };
        let Ok(text) = std::str::from_utf8(found) else {
            return Err(self.expected("a string in UTF-8"));
        };
        let text = text.to_owned();
        self.position += length;
        Ok(Some(text))
    }

    /// A sequence of bytes: a slice of the input.
    ///
    /// # Errors
    /// If there is none or it is null.
    pub fn read_bytes(&mut self, flexible: bool) -> Result<Bytes, DecodeError> {
        let start = self.position;
        self.read_nullable_bytes(flexible)?.ok_or(DecodeError {
            position: start,
            expected: "bytes, not null",
        })
    }

    /// A sequence of bytes or null: a slice of the input.
    ///
    /// # Errors
    /// If there is none.
    pub fn read_nullable_bytes(&mut self, flexible: bool) -> Result<Option<Bytes>, DecodeError> {
        match self.read_length(flexible)? {
            None => Ok(None),
            Some(length) => self
                .read_slice(length, "as many bytes as the sequence has")
                .map(Some),
        }
    }

    /// Record batches: a slice of the input.
    ///
    /// # Errors
    /// If there are none or they are null.
    pub fn read_records(&mut self, flexible: bool) -> Result<Records, DecodeError> {
        self.read_bytes(flexible).map(Records::from)
    }

    /// Record batches or null: a slice of the input.
    ///
    /// # Errors
    /// If there are none.
    pub fn read_nullable_records(
        &mut self,
        flexible: bool,
    ) -> Result<Option<Records>, DecodeError> {
        Ok(self.read_nullable_bytes(flexible)?.map(Records::from))
    }

    /// An array whose elements are at least `element_bytes_min` long.
    ///
    /// # Errors
    /// If there is none, it is null, or it claims more elements than could be there.
    pub fn read_array<T>(
        &mut self,
        flexible: bool,
        element_bytes_min: usize,
        read_element: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Vec<T>, DecodeError> {
        let start = self.position;
        self.read_nullable_array(flexible, element_bytes_min, read_element)?
            .ok_or(DecodeError {
                position: start,
                expected: "an array, not null",
            })
    }

    /// An array or null; its elements are at least `element_bytes_min` long.
    ///
    /// # Errors
    /// If there is none, or it claims more elements than could be there.
    pub fn read_nullable_array<T>(
        &mut self,
        flexible: bool,
        element_bytes_min: usize,
        mut read_element: impl FnMut(&mut Self) -> Result<T, DecodeError>,
    ) -> Result<Option<Vec<T>>, DecodeError> {
        let Some(count) = self.read_array_count(flexible, element_bytes_min)? else {
            return Ok(None);
        };
        let mut elements = Vec::with_capacity(count);
        for _ in 0..count {
            elements.push(read_element(self)?);
        }
        Ok(Some(elements))
    }

    fn read_array_count(
        &mut self,
        flexible: bool,
        element_bytes_min: usize,
    ) -> Result<Option<usize>, DecodeError> {
        let Some(count) = self.read_length(flexible)? else {
            return Ok(None);
        };
        if count > ELEMENTS_MAX || count > self.remaining() / element_bytes_min.max(1) {
            return Err(self.expected("an array no longer than the bytes that follow"));
        }
        Ok(Some(count))
    }

    /// An array of strings.
    ///
    /// # Errors
    /// As [`Reader::read_array`] and [`Reader::read_string`].
    pub fn read_strings(&mut self, flexible: bool) -> Result<Vec<String>, DecodeError> {
        self.read_array(flexible, 1, |reader| reader.read_string(flexible))
    }

    /// An array of strings, or null.
    ///
    /// # Errors
    /// As [`Reader::read_nullable_array`] and [`Reader::read_string`].
    pub fn read_nullable_strings(
        &mut self,
        flexible: bool,
    ) -> Result<Option<Vec<String>>, DecodeError> {
        self.read_nullable_array(flexible, 1, |reader| reader.read_string(flexible))
    }

    /// An array of structs.
    ///
    /// # Errors
    /// As [`Reader::read_array`].
    pub fn read_structs<T: Struct>(
        &mut self,
        flexible: bool,
        version: i16,
    ) -> Result<Vec<T>, DecodeError> {
        self.read_array(flexible, T::BYTES_MIN, |reader| {
            T::decode_fields(reader, version)
        })
    }

    /// An array of structs, or null.
    ///
    /// # Errors
    /// As [`Reader::read_nullable_array`].
    pub fn read_nullable_structs<T: Struct>(
        &mut self,
        flexible: bool,
        version: i16,
    ) -> Result<Option<Vec<T>>, DecodeError> {
        self.read_nullable_array(flexible, T::BYTES_MIN, |reader| {
            T::decode_fields(reader, version)
        })
    }

    /// A struct or null: a signed byte in front says which (KIP-893).
    ///
    /// # Errors
    /// If there is none.
    pub fn read_nullable_struct<T: Struct>(
        &mut self,
        version: i16,
    ) -> Result<Option<T>, DecodeError> {
        if self.read_i8()? < 0 {
            return Ok(None);
        }
        T::decode_fields(self, version).map(Some)
    }

    /// A struct or null as content of a tagged field: there the byte in front is a varint, and
    /// zero is null.
    ///
    /// # Errors
    /// If there is none.
    pub fn read_nullable_tagged_struct<T: Struct>(
        &mut self,
        version: i16,
    ) -> Result<Option<T>, DecodeError> {
        if self.read_unsigned_varint()? == 0 {
            return Ok(None);
        }
        T::decode_fields(self, version).map(Some)
    }

    /// Tagged fields of which none is known.
    ///
    /// # Errors
    /// If the bytes end before.
    pub fn read_unknown_tagged_fields(&mut self) -> Result<UnknownTaggedFields, DecodeError> {
        self.read_tagged_fields(|_, _| Ok(false))
    }

    /// Tagged fields (KIP-482). `read_known` reads the content of a tag that it knows and says
    /// true, or says false; what it does not know is kept.
    ///
    /// # Errors
    /// If the bytes end before, or the content of a known field does not end with the field.
    pub fn read_tagged_fields(
        &mut self,
        mut read_known: impl FnMut(&mut Self, u32) -> Result<bool, DecodeError>,
    ) -> Result<UnknownTaggedFields, DecodeError> {
        let count = self.read_unsigned_varint()? as usize;
        if count > ELEMENTS_MAX || count > self.remaining() / TAGGED_FIELD_BYTES_MIN {
            return Err(self.expected("no more tagged fields than the bytes that follow can hold"));
        }
        let mut unknown = Vec::new();
        for _ in 0..count {
            let tag = self.read_unsigned_varint()?;
            let length = self.read_unsigned_varint()? as usize;
            if length > self.remaining() {
                return Err(self.expected("as many bytes as the tagged field has"));
            }
            let (start, end_outside) = (self.position, self.end);
            self.end = start + length;
            if !read_known(self, tag)? {
                self.position = self.end;
                unknown.push((tag, self.bytes.slice(start..self.end)));
            }
            if self.position != self.end {
                return Err(self.expected("the end of the tagged field"));
            }
            self.end = end_outside;
        }
        Ok(UnknownTaggedFields::from(unknown))
    }
}
