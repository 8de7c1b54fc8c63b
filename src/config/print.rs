//! The configuration in words: what is in force, and the manual.

use std::io::{self, Write};

use super::schema::{KEYS, find};
use super::sources::{Loaded, Origin};
use super::value::{Kind, SEPARATOR};

/// Writes every key that is in force, its value (secrets as `***`) and where it was written.
///
/// # Errors
/// The output cannot be written.
pub fn print(loaded: &Loaded, out: &mut impl Write) -> io::Result<()> {
    let written = &loaded.written;
    for key in KEYS.iter().filter(|key| !key.path.contains('#')) {
        let origin = written.0.get(key.path).map_or(&Origin::Default, |(_, origin)| origin);
        line(out, key.path, key.kind, written.text(key.path), origin)?;
    }
    for (path, (text, origin)) in written.0.iter().filter(|(path, _)| path.starts_with("apps.")) {
        let kind = find(path).map_or(Kind::Text, |key| key.kind);
        line(out, path, kind, text, origin)?;
    }
    if loaded.config.has_demo() {
        writeln!(out, "# no [[apps]]: the demo app is active, with secrets that everybody knows")?;
    }
    Ok(())
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
    for key in KEYS {
        text += &format!("| `{}` | {} | {} |\n", key.path, shown_default(key.default), key.doc);
    }
    text
}

fn shown_default(default: &str) -> String {
    if default.is_empty() { "none".to_owned() } else { format!("`{default}`") }
}
