//! The schema: every key with its kind, its default and what it means. Checks, documentation and suggestions come from here.

use super::value::Kind;

mod app;
mod cisco;
mod hub;
mod pusher;
mod webhooks;

/// One key. In paths, `#` stands for the place in a list of tables.
#[derive(Debug, Clone, Copy)]
pub(super) struct Key {
    pub(super) path: &'static str,
    pub(super) kind: Kind,
    pub(super) default: &'static str,
    pub(super) doc: &'static str,
}

const fn key(path: &'static str, kind: Kind, default: &'static str, doc: &'static str) -> Key {
    Key { path, kind, default, doc }
}

/// Every key there is, by whom it concerns.
const GROUPS: &[&[Key]] =
    &[hub::KEYS, cisco::HUB_KEYS, app::KEYS, pusher::KEYS, cisco::APP_KEYS, webhooks::KEYS];

/// Every key there is, in the order of the manual.
pub(super) fn keys() -> impl Iterator<Item = &'static Key> {
    GROUPS.iter().copied().flatten()
}

/// The highest place in a list.
const MAX_PLACE: usize = 999;

/// The key of a path, whose numbers are places.
pub(super) fn find(path: &str) -> Option<&'static Key> {
    let general = generalised(path)?;
    keys().find(|key| key.path == general)
}

/// Whether there are keys below a path, whose numbers are places.
pub(super) fn is_section(path: &str) -> bool {
    let is_below =
        |general: &str, key: &str| key.strip_prefix(general).is_some_and(|rest| rest.starts_with('.'));
    generalised(path).is_some_and(|general| keys().any(|key| is_below(&general, key.path)))
}

/// The nearest key to one that does not exist: spelled nearly so, or of the same name elsewhere.
pub(super) fn suggestion(path: &str) -> Option<String> {
    let candidates: Vec<_> = keys().map(|key| with_places(key.path, path)).collect();
    let near = |candidate: &String| strsim::jaro_winkler(candidate, path);
    let best = candidates.iter().max_by(|a, b| near(a).total_cmp(&near(b))).filter(|best| near(best) > 0.9);
    let last = |path: &str| path.rsplit('.').next().map(str::to_owned);
    best.or_else(|| candidates.iter().find(|candidate| last(candidate) == last(path))).cloned()
}

/// A path with `#` for its places; `None` if one is not spelled as the hub spells it, or too high.
fn generalised(path: &str) -> Option<String> {
    let part = |part: &str| match part.bytes().all(|byte| byte.is_ascii_digit()) {
        _ if part.is_empty() || part == "#" => None,
        true => is_place(part).then(|| "#".to_owned()),
        false => Some(part.to_owned()),
    };
    Some(path.split('.').map(part).collect::<Option<Vec<_>>>()?.join("."))
}

fn is_place(part: &str) -> bool {
    part.parse().is_ok_and(|place: usize| place <= MAX_PLACE && place.to_string() == part)
}

/// A key's path with the places of another path, or 0.
fn with_places(key: &str, path: &str) -> String {
    let mut places = path.split('.').filter(|part| is_place(part));
    let parts: Vec<_> =
        key.split('.').map(|part| if part == "#" { places.next().unwrap_or("0") } else { part }).collect();
    parts.join(".")
}
