//! From values to bytes.

use bytes::{BufMut as _, Bytes, BytesMut};

use super::{EncodeError, Records, Struct, UnknownTaggedFields};
use crate::model::Uuid;

/// Slices of at least this many bytes are linked into the output, shorter ones copied: below
/// about 1 KiB one more piece in a vectored send costs more than the copy.
pub const LINKED_BYTES_MIN: usize = 1024;

/// The length in front of a frame.
const FRAME_PREFIX_BYTES: usize = 4;

/// Growing bytes, into which slices of other buffers are linked instead of copied.
#[derive(Debug, Default)]
pub struct Writer {
    own: BytesMut,
    /// Foreign slices, each with the position in `own` before which it belongs.
    links: Vec<(usize, Bytes)>,
    linked_bytes: usize,
    /// The frame that has been started: position of its prefix in `own`, and length before it.
    frame: Option<(usize, usize)>,
}

impl Writer {
    /// An empty writer.
    #[must_use]
    pub fn new() -> Self {
        Self::default()
    }

    /// An empty writer with room for `capacity` bytes of its own.
    #[must_use]
    pub fn with_capacity(capacity: usize) -> Self {
        Self {
            own: BytesMut::with_capacity(capacity),
            ..Self::default()
        }
    }

    /// How many bytes have been written, linked ones included.
    #[must_use]
    pub fn len(&self) -> usize {
        self.own.len() + self.linked_bytes
    }

    /// True if nothing has been written.
    #[must_use]
    pub fn is_empty(&self) -> bool {
        self.len() == 0
    }

    /// Starts a frame: leaves room for the four bytes of its length.
    ///
    /// # Panics
    /// If a frame has been started and not finished.
    pub fn start_frame(&mut self) {
        assert!(self.frame.is_none(), "frames do not nest");
        self.frame = Some((self.own.len(), self.len()));
        self.own.put_bytes(0, FRAME_PREFIX_BYTES);
    }

    /// Finishes the frame: writes its length into the room left for it.
    ///
    /// # Errors
    /// If the frame is longer than its length can say.
    ///
    /// # Panics
    /// If no frame has been started.
    pub fn finish_frame(&mut self) -> Result<(), EncodeError> {
        let (prefix, length_before) = self.frame.take().expect("a frame was started");
        let length = self.len() - length_before - FRAME_PREFIX_BYTES;
        let Ok(length) = i32::try_from(length) else {
            return Err(EncodeError::TooLong {
                what: "a frame",
                length,
            });
        };
        self.own[prefix..prefix + FRAME_PREFIX_BYTES].copy_from_slice(&length.to_be_bytes());
        Ok(())
    }

    /// Everything written, as slices in order; linked slices are the ones that were put in.
    #[must_use]
    pub fn into_slices(self) -> Vec<Bytes> {
        let mut own = self.own.freeze();
        let mut slices = Vec::with_capacity(self.links.len() * 2 + 1);
        let mut cut = 0;
        for (position, linked) in self.links {
            if position > cut {
                slices.push(own.split_to(position - cut));
                cut = position;
            }
            slices.push(linked);
        }
        if !own.is_empty() {
            slices.push(own);
        }
        slices
    }

    /// Everything written, as one slice; copied if anything was linked.
    #[must_use]
    pub fn into_bytes(self) -> Bytes {
        if self.links.is_empty() {
            return self.own.freeze();
        }
        self.into_slices().concat().into()
    }

    /// Appends bytes of no declared length.
    pub fn put_slice(&mut self, bytes: &[u8]) {
        self.own.put_slice(bytes);
    }

    /// Appends slices of no declared length: long ones are linked, short ones copied.
    pub fn put_slices(&mut self, slices: &[Bytes]) {
        for slice in slices {
            if slice.len() < LINKED_BYTES_MIN {
                self.own.put_slice(slice);
            } else {
                self.linked_bytes += slice.len();
                self.links.push((self.own.len(), slice.clone()));
            }
        }
    }

    /// One byte: one or zero.
    pub fn put_bool(&mut self, value: bool) {
        self.own.put_u8(u8::from(value));
    }

    /// One byte.
    pub fn put_i8(&mut self, value: i8) {
        self.own.put_i8(value);
    }

    /// Two bytes.
    pub fn put_i16(&mut self, value: i16) {
        self.own.put_i16(value);
    }

    /// Two bytes.
    pub fn put_u16(&mut self, value: u16) {
        self.own.put_u16(value);
    }

    /// Four bytes.
    pub fn put_i32(&mut self, value: i32) {
        self.own.put_i32(value);
    }

    /// Four bytes.
    pub fn put_u32(&mut self, value: u32) {
        self.own.put_u32(value);
    }

    /// Eight bytes.
    pub fn put_i64(&mut self, value: i64) {
        self.own.put_i64(value);
    }

    /// Eight bytes.
    pub fn put_f64(&mut self, value: f64) {
        self.own.put_f64(value);
    }

    /// Sixteen bytes.
    pub fn put_uuid(&mut self, value: Uuid) {
        self.own.put_slice(value.as_bytes());
    }

    /// An unsigned number in groups of seven bits, lowest first; Kafka calls it unsigned varint.
    pub fn put_unsigned_varint(&mut self, value: u32) {
        let mut rest = value;
        while rest >= 0x80 {
            self.own.put_u8((rest & 0x7f) as u8 | 0x80);
            rest >>= 7;
        }
        self.own.put_u8(rest as u8);
    }

    /// A length in the way of flexible versions: one too many, zero stands for null.
    fn put_compact_length(&mut self, what: &'static str, length: usize) -> Result<(), EncodeError> {
        match i32::try_from(length) {
            Ok(number) if number < i32::MAX => {
                self.put_unsigned_varint(number.unsigned_abs() + 1);
                Ok(())
            }
            _ => Err(EncodeError::TooLong { what, length }),
        }
    }

    fn put_length(
        &mut self,
        flexible: bool,
        what: &'static str,
        length: usize,
    ) -> Result<(), EncodeError> {
        if flexible {
            return self.put_compact_length(what, length);
        }
        match i32::try_from(length) {
            Ok(number) => {
                self.own.put_i32(number);
                Ok(())
            }
            Err(_) => Err(EncodeError::TooLong { what, length }),
        }
    }

    fn put_null_length(&mut self, flexible: bool) {
        if flexible {
            self.own.put_u8(0);
        } else {
            self.own.put_i32(-1);
        }
    }

    /// A string.
    ///
    /// # Errors
    /// If it is longer than 32767 bytes.
    pub fn put_string(&mut self, flexible: bool, value: &str) -> Result<(), EncodeError> {
        let Ok(length) = i16::try_from(value.len()) else {
            return Err(EncodeError::TooLong {
                what: "a string",
                length: value.len(),
            });
        };
        if flexible {
            self.put_unsigned_varint(u32::from(length.unsigned_abs()) + 1);
        } else {
            self.own.put_i16(length);
        }
        self.own.put_slice(value.as_bytes());
        Ok(())
    }

    /// A string or null.
    ///
    /// # Errors
    /// If it is longer than 32767 bytes.
    pub fn put_nullable_string(
        &mut self,
        flexible: bool,
        value: Option<&str>,
    ) -> Result<(), EncodeError> {
        match value {
            Some(value) => self.put_string(flexible, value)?,
            None if flexible => self.own.put_u8(0),
            None => self.own.put_i16(-1),
        }
        Ok(())
    }

    /// A sequence of bytes.
    ///
    /// # Errors
    /// If it is longer than its length can say.
    pub fn put_bytes(&mut self, flexible: bool, value: &Bytes) -> Result<(), EncodeError> {
        self.put_length(flexible, "a byte sequence", value.len())?;
        self.put_slices(std::slice::from_ref(value));
        Ok(())
    }

    /// A sequence of bytes or null.
    ///
    /// # Errors
    /// If it is longer than its length can say.
    pub fn put_nullable_bytes(
        &mut self,
        flexible: bool,
        value: Option<&Bytes>,
    ) -> Result<(), EncodeError> {
        match value {
            Some(value) => self.put_bytes(flexible, value)?,
            None => self.put_null_length(flexible),
        }
        Ok(())
    }

    /// Record batches.
    ///
    /// # Errors
    /// If they are longer than their length can say.
    pub fn put_records(&mut self, flexible: bool, value: &Records) -> Result<(), EncodeError> {
        self.put_length(flexible, "a sequence of record batches", value.len())?;
        self.put_slices(value.slices());
        Ok(())
    }

    /// Record batches or null.
    ///
    /// # Errors
    /// If they are longer than their length can say.
    pub fn put_nullable_records(
        &mut self,
        flexible: bool,
        value: Option<&Records>,
    ) -> Result<(), EncodeError> {
        match value {
            Some(value) => self.put_records(flexible, value)?,
            None => self.put_null_length(flexible),
        }
        Ok(())
    }

    /// An array of values of fixed length.
    ///
    /// # Errors
    /// If it is longer than its length can say.
    pub fn put_array<T: Copy>(
        &mut self,
        flexible: bool,
        elements: &[T],
        put_element: fn(&mut Self, T),
    ) -> Result<(), EncodeError> {
        self.put_length(flexible, "an array", elements.len())?;
        for element in elements {
            put_element(self, *element);
        }
        Ok(())
    }

    /// An array of values of fixed length, or null.
    ///
    /// # Errors
    /// If it is longer than its length can say.
    pub fn put_nullable_array<T: Copy>(
        &mut self,
        flexible: bool,
        elements: Option<&[T]>,
        put_element: fn(&mut Self, T),
    ) -> Result<(), EncodeError> {
        match elements {
            Some(elements) => self.put_array(flexible, elements, put_element)?,
            None => self.put_null_length(flexible),
        }
        Ok(())
    }

    /// An array of strings.
    ///
    /// # Errors
    /// If it or one of them is longer than its length can say.
    pub fn put_strings(&mut self, flexible: bool, elements: &[String]) -> Result<(), EncodeError> {
        self.put_length(flexible, "an array", elements.len())?;
        for element in elements {
            self.put_string(flexible, element)?;
        }
        Ok(())
    }

    /// An array of strings, or null.
    ///
    /// # Errors
    /// If it or one of them is longer than its length can say.
    pub fn put_nullable_strings(
        &mut self,
        flexible: bool,
        elements: Option<&[String]>,
    ) -> Result<(), EncodeError> {
        match elements {
            Some(elements) => self.put_strings(flexible, elements)?,
            None => self.put_null_length(flexible),
        }
        Ok(())
    }

    /// An array of structs.
    ///
    /// # Errors
    /// If it is longer than its length can say, or one of them cannot be written.
    pub fn put_structs<T: Struct>(
        &mut self,
        flexible: bool,
        elements: &[T],
        version: i16,
    ) -> Result<(), EncodeError> {
        self.put_length(flexible, "an array", elements.len())?;
        for element in elements {
            element.encode_fields(self, version)?;
        }
        Ok(())
    }

    /// An array of structs, or null.
    ///
    /// # Errors
    /// If it is longer than its length can say, or one of them cannot be written.
    pub fn put_nullable_structs<T: Struct>(
        &mut self,
        flexible: bool,
        elements: Option<&[T]>,
        version: i16,
    ) -> Result<(), EncodeError> {
        match elements {
            Some(elements) => self.put_structs(flexible, elements, version)?,
            None => self.put_null_length(flexible),
        }
        Ok(())
    }

    /// A struct or null: a signed byte in front says which (KIP-893).
    ///
    /// # Errors
    /// If the struct cannot be written.
    pub fn put_nullable_struct<T: Struct>(
        &mut self,
        value: Option<&T>,
        version: i16,
    ) -> Result<(), EncodeError> {
        let Some(value) = value else {
            self.own.put_i8(-1);
            return Ok(());
        };
        self.own.put_i8(1);
        value.encode_fields(self, version)
    }

    /// A struct or null as content of a tagged field: there zero is null.
    ///
    /// # Errors
    /// If the struct cannot be written.
    pub fn put_nullable_tagged_struct<T: Struct>(
        &mut self,
        value: Option<&T>,
        version: i16,
    ) -> Result<(), EncodeError> {
        let Some(value) = value else {
            self.own.put_u8(0);
            return Ok(());
        };
        self.own.put_u8(1);
        value.encode_fields(self, version)
    }

    /// Tagged fields of which none is known.
    ///
    /// # Errors
    /// If two have one tag.
    pub fn put_unknown_tagged_fields(
        &mut self,
        unknown: &UnknownTaggedFields,
    ) -> Result<(), EncodeError> {
        TaggedFields::default().put(self, unknown)
    }
}

/// The known tagged fields of one struct, collected before their count can be written.
#[derive(Debug, Default)]
pub struct TaggedFields {
    fields: Vec<(u32, Vec<Bytes>)>,
}

impl TaggedFields {
    /// Adds the field `tag`, whose content `put_content` writes.
    ///
    /// # Errors
    /// If the content cannot be written.
    pub fn add(
        &mut self,
        tag: u32,
        put_content: impl FnOnce(&mut Writer) -> Result<(), EncodeError>,
    ) -> Result<(), EncodeError> {
        let mut content = Writer::new();
        put_content(&mut content)?;
        self.fields.push((tag, content.into_slices()));
        Ok(())
    }

    /// Writes all of them and `unknown` in the order of their tags.
    ///
    /// # Errors
    /// If two have one tag, or one is longer than its length can say.
    pub fn put(
        mut self,
        writer: &mut Writer,
        unknown: &UnknownTaggedFields,
    ) -> Result<(), EncodeError> {
        if !unknown.is_empty() {
            for (tag, content) in unknown.as_slice() {
                self.fields.push((*tag, vec![content.clone()]));
            }
            self.fields.sort_by_key(|(tag, _)| *tag);
        }
        for pair in self.fields.windows(2) {
            if pair[0].0 == pair[1].0 {
                return Err(EncodeError::TagTaken { tag: pair[0].0 });
            }
        }
        put_varint_length(writer, self.fields.len())?;
        for (tag, slices) in &self.fields {
            writer.put_unsigned_varint(*tag);
            put_varint_length(writer, slices.iter().map(Bytes::len).sum())?;
            writer.put_slices(slices);
        }
        Ok(())
    }
}

fn put_varint_length(writer: &mut Writer, length: usize) -> Result<(), EncodeError> {
    match i32::try_from(length) {
        Ok(number) => {
            writer.put_unsigned_varint(number.unsigned_abs());
            Ok(())
        }
        Err(_) => Err(EncodeError::TooLong {
            what: "a tagged field",
            length,
        }),
    }
}
