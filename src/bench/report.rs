//! The figures of a run, as an aligned table for people and as JSON for programs.

use std::io::Write;
use std::time::Duration;

use serde::ser::SerializeMap;
use serde::{Serialize, Serializer};

use super::error::BenchError;

/// One figure.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Figure {
    /// A whole number.
    Count(u64),
    /// A measured number, shown with this many decimals.
    Number(f64, usize),
    /// A word.
    Word(String),
}

impl Figure {
    fn shown(&self) -> String {
        match self {
            Self::Count(count) => count.to_string(),
            Self::Number(number, decimals) => format!("{number:.decimals$}"),
            Self::Word(word) => word.clone(),
        }
    }
}

impl Serialize for Figure {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Self::Count(count) => serializer.serialize_u64(*count),
            Self::Number(number, decimals) => {
                let scale = 10_f64.powi(i32::try_from(*decimals).unwrap_or(0));
                serializer.serialize_f64((number * scale).round() / scale)
            }
            Self::Word(word) => serializer.serialize_str(word),
        }
    }
}

/// Named figures in the order in which they were added.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct Figures(Vec<(&'static str, Figure)>);

impl Figures {
    /// Adds a whole number.
    pub(super) fn count(mut self, name: &'static str, count: u64) -> Self {
        self.0.push((name, Figure::Count(count)));
        self
    }

    /// Adds a measured number.
    pub(super) fn number(mut self, name: &'static str, number: f64, decimals: usize) -> Self {
        self.0.push((name, Figure::Number(number, decimals)));
        self
    }

    /// Adds a word.
    pub(super) fn word(mut self, name: &'static str, word: impl Into<String>) -> Self {
        self.0.push((name, Figure::Word(word.into())));
        self
    }
}

impl Serialize for Figures {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.0.len()))?;
        for (name, figure) in &self.0 {
            map.serialize_entry(name, figure)?;
        }
        map.end()
    }
}

/// What a scenario found.
#[derive(Debug, Serialize)]
pub(super) struct Report {
    /// The scenario.
    pub(super) scenario: &'static str,
    /// Under which conditions.
    pub(super) conditions: Figures,
    /// One line of figures for each part of the run, all with the same names.
    pub(super) results: Vec<Figures>,
    /// Why the figures must not be believed, if so.
    #[serde(skip)]
    pub(super) fault: Option<BenchError>,
}

impl Report {
    /// Writes one line of JSON.
    pub(super) fn write_json(&self, out: &mut impl Write) -> Result<(), BenchError> {
        serde_json::to_writer(&mut *out, self)?;
        writeln!(out).map_err(BenchError::io("writing the report"))
    }

    /// Writes a table: figures down the side when there is one result, across when there are several.
    pub(super) fn write_text(&self, out: &mut impl Write) -> Result<(), BenchError> {
        let mut text = format!("{}\n", self.scenario);
        let mut aside = self.conditions.clone();
        if let [only] = self.results.as_slice() {
            aside.0.extend(only.0.iter().cloned());
        }
        let width = aside.0.iter().map(|(name, _)| name.len()).max().unwrap_or(0);
        for (name, figure) in &aside.0 {
            text.push_str(&format!("  {name:<width$}  {}\n", figure.shown()));
        }
        if self.results.len() > 1 {
            put_across(&self.results, &mut text);
        }
        out.write_all(text.as_bytes()).map_err(BenchError::io("writing the report"))
    }
}

fn put_across(results: &[Figures], text: &mut String) {
    let names: Vec<&str> =
        results.first().map(|first| first.0.iter().map(|(name, _)| *name).collect()).unwrap_or_default();
    let width = names.iter().map(|name| name.len()).max().unwrap_or(0);
    for (row, name) in names.iter().enumerate() {
        text.push_str(&format!("  {name:<width$}"));
        for result in results {
            let shown = result.0.get(row).map(|(_, figure)| figure.shown()).unwrap_or_default();
            text.push_str(&format!("  {shown:>12}"));
        }
        text.push('\n');
    }
}

/// A time in microseconds for each of `many`; 0 if there are none.
pub(super) fn micros_each(time: Duration, many: u64) -> f64 {
    if many == 0 { 0.0 } else { time.as_secs_f64() * 1e6 / many as f64 }
}

/// `whole` for each of `many`; 0 if there are none.
pub(super) fn each(whole: f64, many: u64) -> f64 {
    if many == 0 { 0.0 } else { whole / many as f64 }
}

/// How many a second.
pub(super) fn per_second(many: u64, time: Duration) -> f64 {
    if time.is_zero() { 0.0 } else { many as f64 / time.as_secs_f64() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn report(results: usize) -> Report {
        let result = |window| Figures::default().count("window", window).number("us", 1.23456, 2);
        Report {
            scenario: "fanout",
            conditions: Figures::default().word("kind", "message"),
            results: (1..=results as u64).map(result).collect(),
            fault: None,
        }
    }

    #[test]
    fn json_keeps_the_order_and_rounds() {
        let mut out = Vec::new();
        report(2).write_json(&mut out).unwrap();
        let want = r#"{"scenario":"fanout","conditions":{"kind":"message"},"results":[{"window":1,"us":1.23},{"window":2,"us":1.23}]}"#;
        assert_eq!(String::from_utf8(out).unwrap(), format!("{want}\n"));
    }

    #[test]
    fn text_is_aligned_for_one_result_and_for_several() {
        let mut out = Vec::new();
        report(1).write_text(&mut out).unwrap();
        assert_eq!(
            String::from_utf8(out).unwrap(),
            "fanout\n  kind    message\n  window  1\n  us      1.23\n"
        );
        let mut out = Vec::new();
        report(2).write_text(&mut out).unwrap();
        let text = String::from_utf8(out).unwrap();
        assert_eq!(text.lines().nth(2), Some("  window             1             2"));
    }

    #[test]
    fn nothing_divided_among_nobody_is_zero() {
        assert_eq!((micros_each(Duration::from_secs(1), 0), each(1.0, 0)), (0.0, 0.0));
        assert_eq!(per_second(5, Duration::ZERO), 0.0);
        assert!((micros_each(Duration::from_millis(5), 1_000) - 5.0).abs() < 1e-9);
    }
}
