//! From the text of a setting to its value, with Kafka's rules and Kafka's words.

use super::setting::{Allowed, Kind, Setting};

/// The value of a setting.
#[derive(Clone, Debug, PartialEq)]
pub enum Value {
    /// None.
    Null,
    /// `true` or `false`.
    Boolean(bool),
    /// A number.
    Integer(i64),
    /// A floating-point number.
    Double(f64),
    /// Text.
    Text(String),
    /// Texts.
    List(Vec<String>),
}

impl Setting {
    /// The value that `text` stands for, or what is wrong with it.
    ///
    /// # Errors
    /// Kafka's sentence on a text that is no value, or a value that is not allowed.
    pub fn parse(&self, text: &str) -> Result<Value, String> {
        let trimmed = text.trim();
        let value = match self.kind {
            Kind::Boolean => parse_boolean(trimmed).map(Value::Boolean),
            Kind::Short => parse_integer::<i16>(trimmed, "SHORT"),
            Kind::Int => parse_integer::<i32>(trimmed, "INT"),
            Kind::Long => parse_integer::<i64>(trimmed, "LONG"),
            Kind::Size => parse_size(trimmed).map(Value::Integer),
            Kind::Double => parse_double(trimmed).map(Value::Double),
            Kind::String | Kind::Class => Ok(Value::Text(trimmed.to_owned())),
            // A secret may end in a space.
            Kind::Password => Ok(Value::Text(text.to_owned())),
            Kind::List => return self.parse_list(trimmed),
        };
        let value = value.map_err(|reason| self.invalid(trimmed, &reason))?;
        let shown = match &value {
            Value::Double(number) => format_double(*number),
            _ => trimmed.to_owned(),
        };
        match self.refusal(&value) {
            Some(reason) => Err(self.invalid(&shown, &reason)),
            None => Ok(value),
        }
    }

    /// The value where nobody sets one.
    ///
    /// # Panics
    /// If the table's default is not allowed: the table is ours.
    #[must_use]
    pub fn default_value(&self) -> Value {
        match self.default.text() {
            None => Value::Null,
            // Kafka's own default of an optional list of servers is empty, which it refuses from
            // others; so the default is read without the check of what is allowed.
            Some(text) => Setting {
                allowed: Allowed::Any,
                ..*self
            }
            .parse(text)
            .unwrap_or_else(|error| panic!("the default of {} is a value: {error}", self.name)),
        }
    }

    fn invalid(&self, shown: &str, reason: &str) -> String {
        let name = self.name;
        if self.is_sensitive() {
            return format!("Invalid value for configuration {name}: {reason}");
        }
        format!("Invalid value {shown} for configuration {name}: {reason}")
    }

    fn parse_list(&self, text: &str) -> Result<Value, String> {
        let mut parts: Vec<String> = Vec::new();
        if !text.is_empty() {
            for part in text.split(',') {
                let part = part.trim().to_owned();
                if part.is_empty() {
                    let name = self.name;
                    return Err(format!("Configuration '{name}' values must not be empty."));
                }
                if !parts.contains(&part) {
                    parts.push(part);
                }
            }
        }
        match self.allowed {
            Allowed::NonEmpty if parts.is_empty() => Err(format!(
                "Configuration '{}' must not be empty. Valid values include: any non-empty value",
                self.name
            )),
            Allowed::OneOf(names) => match parts.iter().find(|part| !is_one_of(part, names)) {
                Some(other) => Err(self.invalid(other, &one_of(names))),
                None => Ok(Value::List(parts)),
            },
            Allowed::ThrottledReplicas if !are_throttled_replicas(&parts) => Err(self.invalid(
                &format!("[{}]", parts.join(", ")),
                &format!(
                    "{} must be the literal '*' or a list of replicas in the following format: \
                     [partitionId]:[brokerId],[partitionId]:[brokerId],...",
                    self.name
                ),
            )),
            _ => Ok(Value::List(parts)),
        }
    }

    /// Why `value` is not allowed; `None` if it is.
    fn refusal(&self, value: &Value) -> Option<String> {
        match (self.allowed, value) {
            (Allowed::AtLeast(least) | Allowed::Between(least, _), Value::Integer(number))
                if *number < least =>
            {
                Some(format!("Value must be at least {least}"))
            }
            (Allowed::Between(_, most), Value::Integer(number)) if *number > most => {
                Some(format!("Value must be no more than {most}"))
            }
            // Written so that what is not a number is refused as well.
            (Allowed::Ratio(_), Value::Double(number)) if number.is_nan() || *number < 0.0 => {
                Some("Value must be at least 0".to_owned())
            }
            (Allowed::Ratio(most), Value::Double(number)) if *number > most => {
                Some(format!("Value must be no more than {most}"))
            }
            (Allowed::GzipLevel, Value::Integer(number))
                if *number != -1 && !(1..=9).contains(number) =>
            {
                Some("Value must be between 1 and 9 or equal to -1".to_owned())
            }
            (Allowed::OneOf(names), Value::Text(text)) if !is_one_of(text, names) => {
                Some(one_of(names))
            }
            (Allowed::OneOfIgnoringCase(names), Value::Text(text))
                if !names.iter().any(|name| name.eq_ignore_ascii_case(text)) =>
            {
                Some(format!(
                    "String must be one of (case insensitive): {}",
                    names.join(", ")
                ))
            }
            (Allowed::NonEmpty, Value::Text(text)) if text.is_empty() => {
                Some("String must be non-empty".to_owned())
            }
            (Allowed::OffsetReset, Value::Text(text)) if !is_offset_reset(text) => Some(format!(
                "Invalid value `{text}` for configuration {}. The value must be either \
                 'earliest', 'latest' or of the format 'by_duration:<PnDTnHnMn.nS>'.",
                self.name
            )),
            _ => None,
        }
    }
}

impl Value {
    /// The value as Kafka shows it; `None` for no value.
    #[must_use]
    pub fn text(&self) -> Option<String> {
        match self {
            Self::Null => None,
            Self::Boolean(value) => Some(value.to_string()),
            Self::Integer(value) => Some(value.to_string()),
            Self::Double(value) => Some(format_double(*value)),
            Self::Text(value) => Some(value.clone()),
            Self::List(values) => Some(values.join(",")),
        }
    }
}

fn parse_boolean(text: &str) -> Result<bool, String> {
    if text.eq_ignore_ascii_case("true") {
        Ok(true)
    } else if text.eq_ignore_ascii_case("false") {
        Ok(false)
    } else {
        Err("Expected value to be either true or false".to_owned())
    }
}

fn parse_integer<T: std::str::FromStr + Into<i64>>(
    text: &str,
    kind: &str,
) -> Result<Value, String> {
    text.parse::<T>()
        .map(|number| Value::Integer(number.into()))
        .map_err(|_| format!("Not a number of type {kind}"))
}

/// A number as Java reads it: the letter of its type may follow.
fn parse_double(text: &str) -> Result<f64, String> {
    let digits = match text.strip_suffix(['d', 'D', 'f', 'F']) {
        Some(digits) if digits.ends_with(|last: char| last.is_ascii_digit() || last == '.') => {
            digits
        }
        _ => text,
    };
    digits
        .parse()
        .map_err(|_| "Not a number of type DOUBLE".to_owned())
}

/// A number of bytes with a unit or none: `1048576`, `512MiB`, `4GB`.
pub(crate) fn parse_size(text: &str) -> Result<i64, String> {
    const UNITS: &[(&str, i64)] = &[
        ("KiB", 1 << 10),
        ("MiB", 1 << 20),
        ("GiB", 1 << 30),
        ("TiB", 1 << 40),
        ("kB", 1_000),
        ("MB", 1_000_000),
        ("GB", 1_000_000_000),
        ("TB", 1_000_000_000_000),
        ("K", 1 << 10),
        ("M", 1 << 20),
        ("G", 1 << 30),
        ("T", 1 << 40),
        ("B", 1),
    ];
    let (digits, unit) = UNITS
        .iter()
        .find_map(|(name, bytes)| {
            let split = text.len().checked_sub(name.len())?;
            let ending = text.get(split..)?;
            ending
                .eq_ignore_ascii_case(name)
                .then(|| (&text[..split], *bytes))
        })
        .unwrap_or((text, 1));
    digits
        .trim_end()
        .parse::<i64>()
        .ok()
        .and_then(|count| count.checked_mul(unit))
        .ok_or_else(|| "Not a size in bytes, such as 536870912, 512MiB or 4GiB".to_owned())
}

/// A number as Java shows it.
fn format_double(number: f64) -> String {
    let size = number.abs();
    if size == 0.0 || !size.is_finite() || (1e-3..1e7).contains(&size) {
        return match number {
            _ if number.is_nan() => "NaN".to_owned(),
            f64::INFINITY => "Infinity".to_owned(),
            f64::NEG_INFINITY => "-Infinity".to_owned(),
            _ => format!("{number:?}"),
        };
    }
    let scientific = format!("{number:E}");
    match scientific.split_once('E') {
        Some((digits, exponent)) if !digits.contains('.') => format!("{digits}.0E{exponent}"),
        _ => scientific,
    }
}

fn is_one_of(text: &str, names: &[&str]) -> bool {
    names.contains(&text)
}

fn one_of(names: &[&str]) -> String {
    format!("String must be one of: {}", names.join(", "))
}

fn are_throttled_replicas(parts: &[String]) -> bool {
    let is_number = |text: &str| !text.is_empty() && text.bytes().all(|byte| byte.is_ascii_digit());
    matches!(parts, [only] if only == "*")
        || parts.iter().all(|part| {
            part.split_once(':')
                .is_some_and(|(partition, broker)| is_number(partition) && is_number(broker))
        })
}

/// True for `earliest`, `latest` and `by_duration:` before a duration such as `P3DT20H4M`.
fn is_offset_reset(text: &str) -> bool {
    if text == "earliest" || text == "latest" {
        return true;
    }
    let Some(duration) = text.strip_prefix("by_duration:P") else {
        return false;
    };
    let (days, time) = match duration.split_once('T') {
        Some((_, "")) => return false,
        Some((days, time)) => (days, time),
        None => (duration, ""),
    };
    !duration.is_empty() && are_amounts(days, "D") && are_amounts(time, "HMS")
}

/// True if `text` is a row of numbers, each before one of `units` in this order.
fn are_amounts(text: &str, units: &str) -> bool {
    let mut units = units.chars();
    let mut digits = 0;
    for character in text.chars() {
        if character.is_ascii_digit() || (character == '.' && digits > 0) {
            digits += 1;
        } else if digits == 0 || !units.any(|unit| unit == character) {
            return false;
        } else {
            digits = 0;
        }
    }
    digits == 0
}
