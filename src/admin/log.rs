//! Structured logs, in which what a client said can neither fake a line nor fill one.

use std::fmt::{self, Write};

use tracing_subscriber::EnvFilter;

use crate::config::{Log, LogFormat};

/// How many characters of a client's text a log shows.
const SHOWN: usize = 128;

/// A client's text as a log shows it: control and direction characters escaped, cut at 128 characters.
#[derive(Debug, Clone, Copy)]
pub struct Safe<'a>(pub &'a str);

impl fmt::Display for Safe<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        for (place, c) in self.0.chars().enumerate() {
            if place == SHOWN {
                return f.write_str("...");
            }
            let is_direction =
                matches!(c, '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
            if c.is_control() || is_direction {
                write!(f, "{}", c.escape_unicode())?;
            } else {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}

/// Starts logging to standard error. Only the first call of a process counts, so that many hubs can run in one test.
///
/// # Errors
/// `log.level` is not a filter.
pub fn start(log: &Log) -> Result<(), String> {
    let filter =
        EnvFilter::try_new(&log.level).map_err(|error| format!("log.level is not a filter: {error}"))?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(std::io::stderr);
    let started = match log.format {
        LogFormat::Text => logs.with_ansi(false).try_init(),
        LogFormat::Json => logs.json().flatten_event(true).try_init(),
    };
    if let Err(error) = started {
        tracing::debug!(%error, "logs were started before");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_name_cannot_fake_a_line() {
        for (name, shown) in [
            ("Ada", "Ada"),
            ("a\r\nERROR b", "a\\u{d}\\u{a}ERROR b"),
            ("\u{1b}[31mred", "\\u{1b}[31mred"),
            ("a\u{202e}b", "a\\u{202e}b"),
            ("%0a", "%0a"),
        ] {
            assert_eq!(Safe(name).to_string(), shown);
        }
        assert_eq!(Safe(&"x".repeat(1_000)).to_string().len(), SHOWN + 3);
    }
}
