//! What one setting is: its type, its default, what it allows, and what Forebay does with it.

/// One setting, of a broker, a topic, a group or a client-metrics subscription.
#[derive(Clone, Copy, Debug)]
pub struct Setting {
    /// Kafka's name of it.
    pub name: &'static str,
    /// The type of its value.
    pub kind: Kind,
    /// What Kafka uses where nobody sets it.
    pub default: DefaultValue,
    /// Which values of the type are allowed.
    pub allowed: Allowed,
    /// Whether it can be changed while the broker runs.
    pub update: UpdateMode,
    /// How much it matters, in Kafka's eyes.
    pub importance: Importance,
    /// For a topic or a group: the broker settings that give the default, first the one that wins.
    pub broker_synonyms: &'static [&'static str],
    /// What Forebay does with it.
    pub disposition: Disposition,
}

/// The type of a setting's value.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Kind {
    /// `true` or `false`.
    Boolean,
    /// A number of 16 bits.
    Short,
    /// A number of 32 bits.
    Int,
    /// A number of 64 bits.
    Long,
    /// A number of bytes, with a unit such as `GiB` if one likes; Forebay's own.
    Size,
    /// A floating-point number.
    Double,
    /// Text.
    String,
    /// Texts, separated by commas.
    List,
    /// Text that is never shown.
    Password,
    /// The name of a Java class.
    Class,
}

/// A setting's value where nobody sets one.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum DefaultValue {
    /// There is none, and Kafka does not start without.
    Required,
    /// None.
    Null,
    /// This text.
    Text(&'static str),
}

impl DefaultValue {
    /// The text, if there is one.
    #[must_use]
    pub const fn text(self) -> Option<&'static str> {
        match self {
            Self::Required | Self::Null => None,
            Self::Text(text) => Some(text),
        }
    }
}

/// Which values of its type a setting allows.
#[derive(Clone, Copy, Debug, PartialEq)]
pub enum Allowed {
    /// All.
    Any,
    /// Numbers from this one.
    AtLeast(i64),
    /// Numbers from the first to the second.
    Between(i64, i64),
    /// Fractions from zero to this one.
    Ratio(f64),
    /// These texts; of a list, any number of them.
    OneOf(&'static [&'static str]),
    /// These texts, in capitals or not.
    OneOfIgnoringCase(&'static [&'static str]),
    /// Texts and lists that are not empty.
    NonEmpty,
    /// From 1 to 9, or -1.
    GzipLevel,
    /// `*`, or pairs of a partition and a broker.
    ThrottledReplicas,
    /// `earliest`, `latest`, or `by_duration:` with a duration of ISO 8601.
    OffsetReset,
}

/// Whether a setting of the broker can be changed while it runs.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum UpdateMode {
    /// No.
    ReadOnly,
    /// For one broker.
    PerBroker,
    /// For one broker, or for all of the cluster.
    ClusterWide,
}

/// How much a setting matters, in Kafka's eyes.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Importance {
    /// Much.
    High,
    /// Some.
    Medium,
    /// Little.
    Low,
    /// Kafka does not document it and does not list it unless it is set.
    Internal,
}

/// What Forebay does with a setting.
#[derive(Clone, Copy, Debug, Eq, PartialEq)]
pub enum Disposition {
    /// It obeys it; one sentence says what that means.
    Obeyed(&'static str),
    /// It does without, for this reason; who sets it is told so.
    NotNeeded(&'static str),
    /// What it belongs to does not exist yet; who sets it is told so.
    NotYet(&'static str),
    /// To run in spite of it would be dangerous: who sets it is told why it cannot be.
    Refused(&'static str),
}

impl Setting {
    /// True if the value is a secret.
    #[must_use]
    pub fn is_sensitive(&self) -> bool {
        self.kind == Kind::Password
    }

    /// True if Kafka neither documents it nor lists it unless it is set.
    #[must_use]
    pub fn is_internal(&self) -> bool {
        self.importance == Importance::Internal
    }

    /// One sentence on it.
    #[must_use]
    pub const fn documentation(&self) -> &'static str {
        match self.disposition {
            Disposition::Obeyed(text)
            | Disposition::NotNeeded(text)
            | Disposition::NotYet(text)
            | Disposition::Refused(text) => text,
        }
    }
}

impl Kind {
    /// The type's number in a `DescribeConfigs` answer.
    #[must_use]
    pub const fn code(self) -> i8 {
        match self {
            Self::Boolean => 1,
            Self::String => 2,
            Self::Int => 3,
            Self::Short => 4,
            Self::Long | Self::Size => 5,
            Self::Double => 6,
            Self::List => 7,
            Self::Class => 8,
            Self::Password => 9,
        }
    }

    /// The type's name.
    #[must_use]
    pub const fn name(self) -> &'static str {
        match self {
            Self::Boolean => "BOOLEAN",
            Self::String => "STRING",
            Self::Int => "INT",
            Self::Short => "SHORT",
            Self::Long => "LONG",
            Self::Size => "SIZE",
            Self::Double => "DOUBLE",
            Self::List => "LIST",
            Self::Class => "CLASS",
            Self::Password => "PASSWORD",
        }
    }
}

macro_rules! default_text {
    (null) => {
        $crate::config::setting::DefaultValue::Null
    };
    (required) => {
        $crate::config::setting::DefaultValue::Required
    };
    ($text:literal) => {
        $crate::config::setting::DefaultValue::Text($text)
    };
}

/// A table of broker settings: name, type, default, what is allowed, when it can be changed,
/// importance, and what Forebay does with it.
macro_rules! broker_settings {
    ($(#[$meta:meta])* pub const $table:ident =
        $($name:literal, $kind:ident, $default:tt, $allowed:expr, $update:ident, $importance:ident
            => $disposition:ident $text:literal;)*) => {
        $(#[$meta])*
        pub const $table: &[Setting] = &[$(Setting {
            name: $name,
            kind: $crate::config::setting::Kind::$kind,
            default: $crate::config::setting::default_text!($default),
            allowed: $allowed,
            update: $crate::config::setting::UpdateMode::$update,
            importance: $crate::config::setting::Importance::$importance,
            broker_synonyms: &[],
            disposition: $crate::config::setting::Disposition::$disposition($text),
        },)*];
    };
}

/// A table of settings of a topic or a group: name, type, default, what is allowed, the broker
/// settings that give the default, importance, and what Forebay does with it.
macro_rules! resource_settings {
    ($(#[$meta:meta])* pub const $table:ident =
        $($name:literal, $kind:ident, $default:tt, $allowed:expr, [$($synonym:literal),*],
            $importance:ident => $disposition:ident $text:literal;)*) => {
        $(#[$meta])*
        pub const $table: &[Setting] = &[$(Setting {
            name: $name,
            kind: $crate::config::setting::Kind::$kind,
            default: $crate::config::setting::default_text!($default),
            allowed: $allowed,
            update: $crate::config::setting::UpdateMode::ClusterWide,
            importance: $crate::config::setting::Importance::$importance,
            broker_synonyms: &[$($synonym),*],
            disposition: $crate::config::setting::Disposition::$disposition($text),
        },)*];
    };
}

pub(in crate::config) use {broker_settings, default_text, resource_settings};
