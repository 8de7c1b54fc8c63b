//! The configuration in words: what is in force, and the manual.

use std::io::{self, Write};

use super::schema::{Key, keys};
use super::sources::{Loaded, Origin, Written};
use super::value::{Kind, SEPARATOR};

/// Writes every key that is in force, its value (secrets as `***`) and where it was written.
///
/// # Errors
/// The output cannot be written.
pub fn print(loaded: &Loaded, out: &mut impl Write) -> io::Result<()> {
    for (path, key) in paths(&loaded.written) {
        let origin = loaded.written.origin(&path).unwrap_or(&Origin::Default);
        line(out, &path, key.kind, loaded.written.text(&path), origin)?;
    }
    if loaded.config.has_demo() {
        writeln!(out, "# no [[apps]]: the demo app is active, with secrets that everybody knows")?;
    }
    Ok(())
}

/// Every key that is in force, the lists' tables one after the other.
fn paths(written: &Written) -> Vec<(String, &'static Key)> {
    let mut paths = Vec::new();
    add_paths("", "", written, &mut paths);
    paths
}

/// The keys below a path, as the schema spells it and as it is written.
fn add_paths(general: &str, path: &str, written: &Written, paths: &mut Vec<(String, &'static Key)>) {
    let below = |key: &&Key| key.path.starts_with(general);
    let mut lists = Vec::new();
    for key in keys().filter(below) {
        let rest = &key.path[general.len()..];
        match rest.split_once(".#.") {
            None => paths.push((format!("{path}{rest}"), key)),
            Some((list, _)) if !lists.contains(&list) => lists.push(list),
            Some(_) => {}
        }
    }
    for list in lists {
        for place in 0..written.count(&format!("{path}{list}")) {
            let (general, path) = (format!("{general}{list}.#."), format!("{path}{list}.{place}."));
            add_paths(&general, &path, written, paths);
        }
    }
}

fn line(out: &mut impl Write, path: &str, kind: Kind, text: &str, origin: &Origin) -> io::Result<()> {
    let shown = if kind == Kind::Secret && !text.is_empty() { "***" } else { text };
    let shown = shown.replace(SEPARATOR, ",");
    writeln!(out, "{path} = {shown:?}  # {origin}")
}

/// The manual, `docs/CONFIG.md`.
#[must_use]
pub fn manual() -> String {
    let mut text = String::from(
        "# Configuration\n\n\
         Every key can be written in a TOML file (`--config FILE`), in the environment (`PRESENCE_HUB_` and the key in capitals, `__` for each dot) \
         and as a flag (`--set KEY=VALUE`), each over the one before. `#` stands for the place in a list: `[[apps]]` in TOML, \
         `PRESENCE_HUB_APPS__0__KEY`, `--set apps.0.key=...`. Lists are separated by commas outside TOML. Durations have a unit (`ms`, `s`, `m`, `h`), \
         sizes may have one (`KiB`, `MiB`).\n\n\
         This page is generated from the schema; a test fails when it is not current (`UPDATE_DOCS=1 cargo test` writes it).\n\n\
         | key | default | meaning |\n|---|---|---|\n",
    );
    for key in keys() {
        text += &format!("| `{}` | {} | {} |\n", key.path, shown_default(key.default), key.doc);
    }
    text
}

fn shown_default(default: &str) -> String {
    if default.is_empty() { "none".to_owned() } else { format!("`{default}`") }
}
