//! Values: from the text or TOML they were written in to what they mean.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use ipnet::IpNet;

/// What a key's value is.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Kind {
    Text,
    Secret,
    Address,
    /// An address, or empty for none.
    OptionalAddress,
    /// May be zero.
    Duration,
    /// A duration that may not be zero.
    Wait,
    /// Never zero.
    Size,
    /// May be zero.
    Count,
    /// A count that may not be zero.
    Positive,
    Percent,
    Flag,
    /// What stands in addresses and tokens.
    Name,
    /// A path without a slash at its end, or empty.
    Path,
    /// `log.format`.
    Format,
    /// `log.level`.
    Level,
    /// The form of a webhook.
    HookFormat,
    /// `apps.#.pubnub.leave_on_close`.
    LeaveOnClose,
    /// Networks.
    Networks,
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
            Self::Duration => "must be a duration, such as 250ms, 15s, 2m or 1h, up to 8784h",
            Self::Wait => "must be a duration above zero, such as 250ms, 15s, 2m or 1h, up to 8784h",
            Self::Size => "must be a size above zero, such as 65536 or 64KiB, up to 1024MiB",
            Self::Count => "must be a whole number from 0 to 4294967295",
            Self::Positive => "must be a whole number from 1 to 4294967295",
            Self::Percent => "must be a whole number from 1 to 100",
            Self::Flag => "must be true or false",
            Self::Name => "must be 1 to 64 letters, digits, - or _",
            Self::Path => {
                "must be empty or begin with / and hold letters, digits, -, _ and / only, with something after each /"
            }
            Self::Format => "must be text or json",
            Self::Level => {
                "must be off, error, warn, info, debug or trace, or such a level and module=level after commas"
            }
            Self::HookFormat => "must be hub, pusher or pubnub",
            Self::LeaveOnClose => "must be never, rust or always",
            Self::Networks => "must be a list of networks or addresses, such as 10.0.0.0/8 or 127.0.0.1",
            Self::List => "must be a list of texts",
        }
    }

    /// Whether a text is a value of this kind.
    pub(super) fn accepts(self, text: &str) -> bool {
        match self {
            Self::Text | Self::Secret => !text.chars().any(char::is_control),
            Self::List => !text.chars().any(|c| c.is_control() && c != SEPARATOR),
            Self::Address => text.parse::<SocketAddr>().is_ok(),
            Self::OptionalAddress => text.is_empty() || text.parse::<SocketAddr>().is_ok(),
            Self::Duration => duration(text).is_some(),
            Self::Wait => duration(text).is_some_and(|duration| !duration.is_zero()),
            Self::Size => size(text).is_some_and(|size| size > 0),
            Self::Count => text.parse::<u32>().is_ok(),
            Self::Positive => text.parse().is_ok_and(|count: u32| count > 0),
            Self::Percent => text.parse().is_ok_and(|percent| (1..=100_u32).contains(&percent)),
            Self::Flag => matches!(text, "true" | "false"),
            Self::Name => is_name(text),
            Self::Path => is_path(text),
            Self::Format => matches!(text, "text" | "json"),
            Self::Level => is_filter(text),
            Self::HookFormat => matches!(text, "hub" | "pusher" | "pubnub"),
            Self::LeaveOnClose => matches!(text, "never" | "rust" | "always"),
            Self::Networks => networks(text).is_some(),
        }
    }
}

fn is_name(text: &str) -> bool {
    (1..=64).contains(&text.len())
        && text.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"-_".contains(&byte))
}

/// Whether a text is a path that cannot be mistaken for a pattern of routes.
fn is_path(text: &str) -> bool {
    let parts = || text.split('/').skip(1);
    text.is_empty() || (text.starts_with('/') && parts().all(is_name))
}

/// Whether a text is a filter of logs. The filter itself takes a misspelt level for a module, and so for everything.
fn is_filter(text: &str) -> bool {
    let is_level = |level: &str| matches!(level, "off" | "error" | "warn" | "info" | "debug" | "trace");
    let is_module = |module: &str| {
        !module.is_empty()
            && module.bytes().all(|byte| byte.is_ascii_alphanumeric() || b"_:-".contains(&byte))
    };
    text.split(',').all(|part| match part.split_once('=') {
        Some((module, level)) => is_module(module) && is_level(level),
        None => is_level(part),
    })
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

/// The networks of a list; a single address is a network of one.
pub(super) fn networks(text: &str) -> Option<Vec<IpNet>> {
    let network =
        |item: &String| item.parse().or_else(|_| item.parse().map(|address: IpAddr| address.into()));
    list(text).iter().map(network).collect::<Result<_, _>>().ok()
}

/// The longest duration, so that an instant and a duration can always be added.
const LONGEST: Duration = Duration::from_secs(366 * 24 * 3_600);

/// The largest size in bytes.
const LARGEST: usize = 1 << 30;

/// A number and its unit: `ms`, `s`, `m` or `h`.
pub(super) fn duration(text: &str) -> Option<Duration> {
    let (number, unit) = split(text);
    let number: u64 = number.parse().ok()?;
    let duration = match unit {
        "ms" => Some(Duration::from_millis(number)),
        "s" => Some(Duration::from_secs(number)),
        "m" => number.checked_mul(60).map(Duration::from_secs),
        "h" => number.checked_mul(3_600).map(Duration::from_secs),
        _ => None,
    };
    duration.filter(|duration| *duration <= LONGEST)
}

/// A number of bytes, or a number with `KiB` or `MiB`.
pub(super) fn size(text: &str) -> Option<usize> {
    let (number, unit) = split(text);
    let number: usize = number.parse().ok()?;
    let size = match unit {
        "" => Some(number),
        "KiB" => number.checked_mul(1024),
        "MiB" => number.checked_mul(1024 * 1024),
        _ => None,
    };
    size.filter(|size| *size <= LARGEST)
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
