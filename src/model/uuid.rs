//! Kafka's 16-byte identifiers and their text form.

use std::fmt;

/// A 16-byte id of a topic, directory or cluster; its text is URL-safe base64 without padding.
#[derive(Clone, Copy, Default, Eq, Hash, Ord, PartialEq, PartialOrd)]
pub struct Uuid([u8; 16]);

const ALPHABET: &[u8; 64] = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

/// Characters of the text form: 128 bits in digits of six.
const TEXT_LENGTH: usize = 22;

impl Uuid {
    /// No id: on the wire the place of an absent one.
    pub const ZERO: Self = Self([0; 16]);
    /// The topic id of `__cluster_metadata`.
    pub const METADATA_TOPIC: Self = Self([0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1]);

    /// The id of these bytes, most significant first.
    #[must_use]
    pub const fn from_bytes(bytes: [u8; 16]) -> Self {
        Self(bytes)
    }

    /// The id's bytes, most significant first.
    #[must_use]
    pub const fn as_bytes(&self) -> &[u8; 16] {
        &self.0
    }

    /// A version 4 id of 16 random bytes. `None` where Kafka would draw again: its text must not
    /// start with a dash, and the first hundred ids are reserved.
    #[must_use]
    pub fn from_random(mut bytes: [u8; 16]) -> Option<Self> {
        bytes[6] = (bytes[6] & 0x0f) | 0x40;
        bytes[8] = (bytes[8] & 0x3f) | 0x80;
        let id = Self(bytes);
        (!id.to_string().starts_with('-')).then_some(id)
    }

    /// True for [`Uuid::ZERO`].
    #[must_use]
    pub fn is_zero(&self) -> bool {
        *self == Self::ZERO
    }

    /// The id whose text is `text`; `None` if it is not the text of one.
    #[must_use]
    pub fn parse(text: &str) -> Option<Self> {
        let digits = text.trim_end_matches('=').as_bytes();
        if digits.len() != TEXT_LENGTH {
            return None;
        }
        let mut value: u128 = 0;
        for (index, digit) in digits.iter().enumerate() {
            let six = ALPHABET.iter().position(|candidate| candidate == digit)? as u128;
            if index + 1 == TEXT_LENGTH {
                // The last digit carries the two bits that remain of 128.
                value = (value << 2) | (six >> 4);
            } else {
                value = (value << 6) | six;
            }
        }
        Some(Self(value.to_be_bytes()))
    }
}

impl fmt::Display for Uuid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        let value = u128::from_be_bytes(self.0);
        for index in 0..TEXT_LENGTH {
            let six = if index + 1 == TEXT_LENGTH {
                (value & 0b11) << 4
            } else {
                (value >> (122 - 6 * index)) & 0x3f
            };
            let digit = ALPHABET[usize::try_from(six).expect("six bits index the alphabet")];
            write!(formatter, "{}", char::from(digit))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Uuid {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        fmt::Display::fmt(self, formatter)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_and_bytes_are_one_id() {
        assert_eq!(Uuid::ZERO.to_string(), "AAAAAAAAAAAAAAAAAAAAAA");
        assert_eq!(Uuid::METADATA_TOPIC.to_string(), "AAAAAAAAAAAAAAAAAAAAAQ");
        let id = Uuid::from_bytes(*b"0123456789abcdef");
        assert_eq!(id.to_string(), "MDEyMzQ1Njc4OWFiY2RlZg");
        assert_eq!(Uuid::parse("MDEyMzQ1Njc4OWFiY2RlZg"), Some(id));
        assert_eq!(Uuid::parse("MDEyMzQ1Njc4OWFiY2RlZg=="), Some(id));
    }

    #[test]
    fn what_is_no_id_is_refused() {
        assert_eq!(Uuid::parse(""), None);
        assert_eq!(Uuid::parse("MDEyMzQ1Njc4OWFiY2RlZ!"), None);
        assert_eq!(Uuid::parse("MDEyMzQ1Njc4OWFiY2RlZgAA"), None);
    }
}
