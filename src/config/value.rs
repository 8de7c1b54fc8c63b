//! Values: from the text or TOML they were written in to what they mean.

use std::net::SocketAddr;
use std::time::Duration;

/// What a key's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Secret,
    Address,
    /// An address, or empty for none.
    OptionalAddress,
    Duration,
    Size,
    Count,
    Flag,
    /// Texts; in environment and flags separated by commas.
    List,
}

impl Kind {
    /// What a value of this kind must be, as it completes "KEY ...".
    pub(super) fn rule(self) -> &'static str {
        match self {
            Self::Text | Self::Secret => "must be a text",
            Self::Address => "must be an address with a port, such as 127.0.0.1:8080",
            Self::OptionalAddress => "must be an address with a port, or empty for none",
            Self::Duration => "must be a duration, such as 250ms, 15s, 2m or 1h",
            Self::Size => "must be a size, such as 65536 or 64KiB",
            Self::Count => "must be a whole number that is not negative",
            Self::Flag => "must be true or false",
            Self::List => "must be a list of texts",
        }
    }

    /// Whether a text is a value of this kind.
    pub(super) fn accepts(self, text: &str) -> bool {
        match self {
            Self::Text | Self::Secret | Self::List => true,
            Self::Address => text.parse::<SocketAddr>().is_ok(),
            Self::OptionalAddress => text.is_empty() || text.parse::<SocketAddr>().is_ok(),
            Self::Duration => duration(text).is_some(),
            Self::Size => size(text).is_some(),
            Self::Count => text.parse::<u64>().is_ok(),
            Self::Flag => matches!(text, "true" | "false"),
        }
    }
}

/// What separates the items of a list that was flattened to a text; it cannot be typed by accident.
pub(super) const SEPARATOR: char = '\u{1e}';

/// A TOML value as the text that the environment would have; `None` for tables and mixed arrays.
pub(super) fn flattened(value: &toml::Value) -> Option<String> {
    match value {
        toml::Value::String(text) => Some(text.clone()),
        toml::Value::Integer(number) => Some(number.to_string()),
        toml::Value::Float(number) => Some(number.to_string()),
        toml::Value::Boolean(flag) => Some(flag.to_string()),
        toml::Value::Datetime(time) => Some(time.to_string()),
        toml::Value::Array(items) => {
            let texts: Option<Vec<_>> = items.iter().map(|item| item.as_str().map(str::to_owned)).collect();
            texts.map(|texts| texts.join(&SEPARATOR.to_string()))
        }
        toml::Value::Table(_) => None,
    }
}

/// The items of a list.
pub(super) fn list(text: &str) -> Vec<String> {
    let items = text.split([',', SEPARATOR]).map(str::trim).filter(|item| !item.is_empty());
    items.map(str::to_owned).collect()
}

/// A number and its unit: `ms`, `s`, `m` or `h`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = split(text);
    let number: u64 = number.parse().ok()?;
    match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(3_600).map(Duration::from_secs),
        _ => None,
    }
}

/// A number of bytes, or a number with `KiB` or `MiB`.
pub(super) fn size(text: &str) -> Option<usize> {
    let (number, unit) = split(text);
    let number: usize = number.parse().ok()?;
    match unit {
        "" => Some(number),
        "KiB" => number.checked_mul(1024),
        "MiB" => number.checked_mul(1024 * 1024),
        _ => None,
    }
}

fn split(text: &str) -> (&str, &str) {
    let end = text.find(|c: char| !c.is_ascii_digit()).unwrap_or(text.len());
    (&text[..end], text[end..].trim())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn durations_and_sizes_have_units() {
        for (text, expected) in [
            ("250ms", Some(Duration::from_millis(250))),
            ("15s", Some(Duration::from_secs(15))),
            ("2 m", Some(Duration::from_secs(120))),
            ("1h", Some(Duration::from_secs(3600))),
            ("15", None),
            ("-1s", None),
            ("s", None),
            ("99999999999999999999s", None),
        ] {
            assert_eq!(duration(text), expected, "{text}");
        }
        for (text, expected) in
            [("64KiB", Some(65536)), ("1 MiB", Some(1 << 20)), ("7", Some(7)), ("7KB", None), ("", None)]
        {
            assert_eq!(size(text), expected, "{text}");
        }
    }
}
