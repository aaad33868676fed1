//! The text of a `.properties` file, as Java reads it.

use std::iter::Peekable;
use std::str::Chars;

/// One setting of the file.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct Property {
    /// The line it begins on, from 1.
    pub line: u32,
    /// Its name.
    pub key: String,
    /// Its text, without the blanks before it and with those after it.
    pub value: String,
}

/// A line that cannot be read.
#[derive(Clone, Debug, Eq, PartialEq)]
pub struct MalformedProperty {
    /// The line, from 1.
    pub line: u32,
    /// What is wrong with it.
    pub reason: String,
}

/// The settings of `text` in the order of their lines, those that occur twice included.
///
/// # Errors
/// Every line with an escape that is none.
pub fn decode_properties(text: &str) -> Result<Vec<Property>, Vec<MalformedProperty>> {
    let mut properties = Vec::new();
    let mut malformed = Vec::new();
    for (line, logical) in logical_lines(text) {
        match split_property(&logical) {
            Ok((key, value)) => properties.push(Property { line, key, value }),
            Err(reason) => malformed.push(MalformedProperty { line, reason }),
        }
    }
    if malformed.is_empty() {
        Ok(properties)
    } else {
        Err(malformed)
    }
}

/// The lines of `text` that hold a setting, each with its number and its continuations.
fn logical_lines(text: &str) -> Vec<(u32, String)> {
    let text = text.replace("\r\n", "\n").replace('\r', "\n");
    let mut lines = Vec::new();
    // The line under construction and the number of its first part.
    let mut open: Option<(u32, String)> = None;
    for (number, raw) in (1..).zip(text.split('\n')) {
        let part = raw.trim_start_matches([' ', '\t', '\u{c}']);
        let (first, mut logical) = match open.take() {
            Some(begun) => begun,
            None if part.is_empty() || part.starts_with(['#', '!']) => continue,
            None => (number, String::new()),
        };
        let backslashes = part.len() - part.trim_end_matches('\\').len();
        if backslashes % 2 == 1 {
            logical.push_str(&part[..part.len() - 1]);
            open = Some((first, logical));
        } else {
            logical.push_str(part);
            lines.push((first, logical));
        }
    }
    lines.extend(open);
    lines
}

fn split_property(line: &str) -> Result<(String, String), String> {
    let is_blank = |character: &char| matches!(character, ' ' | '\t' | '\u{c}');
    let mut characters = line.chars().peekable();
    let mut key = String::new();
    while let Some(character) =
        characters.next_if(|character| !is_blank(character) && !matches!(character, '=' | ':'))
    {
        push_unescaped(character, &mut characters, &mut key)?;
    }
    while characters.next_if(is_blank).is_some() {}
    if characters
        .next_if(|character| matches!(character, '=' | ':'))
        .is_some()
    {
        while characters.next_if(is_blank).is_some() {}
    }
    let mut value = String::new();
    while let Some(character) = characters.next() {
        push_unescaped(character, &mut characters, &mut value)?;
    }
    Ok((key, value))
}

/// Put what `character` and, after a backslash, those behind it stand for at the end of `text`.
fn push_unescaped(
    character: char,
    behind: &mut Peekable<Chars<'_>>,
    text: &mut String,
) -> Result<(), String> {
    if character != '\\' {
        text.push(character);
        return Ok(());
    }
    match behind.next() {
        Some('u') => text.push(unescape_unicode(behind)?),
        Some('t') => text.push('\t'),
        Some('n') => text.push('\n'),
        Some('r') => text.push('\r'),
        Some('f') => text.push('\u{c}'),
        Some(other) => text.push(other),
        None => {}
    }
    Ok(())
}

/// The character whose UTF-16 code follows `\u`; one beyond 16 bits takes two such escapes.
fn unescape_unicode(behind: &mut Peekable<Chars<'_>>) -> Result<char, String> {
    let malformed = || "a \\u escape needs the four hexadecimal digits of a character".to_owned();
    let unit = |behind: &mut Peekable<Chars<'_>>| {
        (0..4).try_fold(0_u16, |unit, _| {
            let digit = behind.next()?.to_digit(16)?;
            Some((unit << 4) | u16::try_from(digit).ok()?)
        })
    };
    let first = unit(behind).ok_or_else(malformed)?;
    let mut units = vec![first];
    if (0xd800..0xdc00).contains(&first) {
        let escape = (behind.next(), behind.next());
        if escape != (Some('\\'), Some('u')) {
            return Err(malformed());
        }
        units.push(unit(behind).ok_or_else(malformed)?);
    }
    char::decode_utf16(units)
        .next()
        .and_then(Result::ok)
        .ok_or_else(malformed)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn pairs(text: &str) -> Vec<(u32, String, String)> {
        decode_properties(text)
            .expect("the text is well formed")
            .into_iter()
            .map(|property| (property.line, property.key, property.value))
            .collect()
    }

    #[test]
    fn a_line_is_read_as_java_reads_it() {
        let cases: &[(&str, &str, &str)] = &[
            ("a=b", "a", "b"),
            ("a:b", "a", "b"),
            ("a b", "a", "b"),
            ("  a = b", "a", "b"),
            ("\ta\t:\tb", "a", "b"),
            ("a==b", "a", "=b"),
            ("a b=c", "a", "b=c"),
            ("a", "a", ""),
            ("a=", "a", ""),
            ("=b", "", "b"),
            ("a=b ", "a", "b "),
            ("a\\ b=c", "a b", "c"),
            ("a\\=b=c", "a=b", "c"),
            ("a=\\t\\n\\r\\f\\\\\\x", "a", "\t\n\r\u{c}\\x"),
            ("a=\\u0041\\u00e4", "a", "A\u{e4}"),
            ("a=\\ud83d\\ude00", "a", "\u{1f600}"),
            ("a=b#c", "a", "b#c"),
            (
                "listeners=PLAINTEXT://:9092",
                "listeners",
                "PLAINTEXT://:9092",
            ),
        ];
        for (line, key, value) in cases {
            assert_eq!(
                pairs(line),
                [(1, (*key).to_owned(), (*value).to_owned())],
                "{line:?}"
            );
        }
    }

    #[test]
    fn comments_and_blank_lines_are_skipped_and_counted() {
        let text = "# one\r\n\r\n  ! three\ra=1\n\t\nb=2";
        assert_eq!(
            pairs(text),
            [
                (4, "a".to_owned(), "1".to_owned()),
                (6, "b".to_owned(), "2".to_owned())
            ]
        );
    }

    #[test]
    fn a_backslash_at_the_end_continues_the_line_and_two_do_not() {
        assert_eq!(
            pairs("a=1,\\\n   2,\\\n   # 3\nb=4\\\\\nc=5\\"),
            [
                (1, "a".to_owned(), "1,2,# 3".to_owned()),
                (4, "b".to_owned(), "4\\".to_owned()),
                (5, "c".to_owned(), "5".to_owned()),
            ]
        );
        assert_eq!(
            pairs("# a comment is never continued \\\na=1"),
            [(2, "a".to_owned(), "1".to_owned())]
        );
    }

    #[test]
    fn every_broken_escape_is_named_with_its_line() {
        let malformed = decode_properties("a=1\nb=\\u12\nc=\\uzzzz\nd=\\ud83d")
            .expect_err("three lines are malformed");
        let lines: Vec<u32> = malformed.iter().map(|error| error.line).collect();
        assert_eq!(lines, [2, 3, 4]);
    }
}
