//! Structured logs, in which what a client said can neither fake a line nor fill one.

use std::fmt::{self, Write};
use std::io;

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
            if is_misleading(c) {
                write!(f, "{}", c.escape_unicode())?;
            } else {
                f.write_char(c)?;
            }
        }
        Ok(())
    }
}

/// Whether a character can fake a line, colour a terminal or turn the direction of text.
fn is_misleading(c: char) -> bool {
    let is_direction =
        matches!(c, '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{202a}'..='\u{202e}' | '\u{2066}'..='\u{2069}');
    c.is_control() || is_direction || matches!(c, '\u{2028}' | '\u{2029}')
}

/// Keeps every line a line, also where a client's text was logged without [`Safe`]: what could mislead is escaped, as
/// JSON does it. Each write is one event, with its line end.
#[derive(Debug)]
struct Lines<W>(W);

impl<W: io::Write> io::Write for Lines<W> {
    fn write(&mut self, event: &[u8]) -> io::Result<usize> {
        let text = String::from_utf8_lossy(event);
        let line = text.strip_suffix('\n').unwrap_or(&text);
        let mut escaped = String::with_capacity(event.len());
        for c in line.chars() {
            if is_misleading(c) {
                // Writing to a string does not fail, and none of these is beyond four digits.
                write!(escaped, "\\u{:04x}", u32::from(c)).map_err(io::Error::other)?;
            } else {
                escaped.push(c);
            }
        }
        escaped.push('\n');
        self.0.write_all(escaped.as_bytes())?;
        Ok(event.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}

/// Starts logging to standard error. Only the first call of a process counts, so that many hubs can run in one test.
///
/// # Errors
/// `log.level` is not a filter.
pub fn start(log: &Log) -> Result<(), String> {
    let filter =
        EnvFilter::try_new(&log.level).map_err(|error| format!("log.level is not a filter: {error}"))?;
    let logs = tracing_subscriber::fmt().with_env_filter(filter).with_writer(|| Lines(io::stderr()));
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
        assert_eq!(Safe("a\u{2028}b\u{61c}").to_string(), "a\\u{2028}b\\u{61c}");
        assert_eq!(Safe(&"x".repeat(1_000)).to_string().len(), SHOWN + 3);
    }

    /// What is written when a client's text is logged as it is.
    fn logged(format: LogFormat, name: &str) -> String {
        let file = std::env::temp_dir().join(format!("presence-hub-log-{}-{format:?}", std::process::id()));
        let open = || std::fs::OpenOptions::new().create(true).append(true).open(&file).unwrap();
        let logs = tracing_subscriber::fmt().with_ansi(false);
        let path = file.clone();
        let writer = move || Lines(std::fs::OpenOptions::new().append(true).open(&path).unwrap());
        drop(open());
        match format {
            LogFormat::Text => {
                let logs = logs.with_writer(writer).finish();
                tracing::subscriber::with_default(logs, || tracing::info!(party = %name, "joined {name}"));
            }
            LogFormat::Json => {
                let logs = logs.json().flatten_event(true).with_writer(writer).finish();
                tracing::subscriber::with_default(logs, || tracing::info!(party = %name, "joined {name}"));
            }
        }
        let text = std::fs::read_to_string(&file).unwrap();
        std::fs::remove_file(&file).unwrap();
        text
    }

    #[test]
    fn a_line_stays_a_line_where_somebody_forgot() {
        let name = "a\r\nERROR b\u{1b}[31m\u{9b}31m\u{202e}\u{2028}c\u{7f}";
        let text = logged(LogFormat::Text, name);
        assert!(
            text.contains("ERROR b") && !text.trim_end_matches('\n').chars().any(is_misleading),
            "{text:?}"
        );
        let line = logged(LogFormat::Json, name);
        assert!(!line.trim_end_matches('\n').chars().any(is_misleading), "{line:?}");
        let parsed: serde_json::Value = serde_json::from_str(&line).unwrap();
        assert_eq!(parsed["party"], name, "JSON says it all the same");
    }
}
