//! The house rules, executed: who may know whom, how long files grow, how they begin, and what they may be called.
#![expect(clippy::unwrap_used, reason = "a test that cannot go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::{Path, PathBuf};

const FILE_LINES: usize = 500;
const DIALECTS: [&str; 4] = ["native", "pusher", "pubnub", "cisco"];
/// Names that say nothing of what is inside.
const EMPTY_NAMES: [&str; 7] = ["helper", "helpers", "util", "utils", "utilities", "misc", "common"];

/// Which crates a part of the tree may use.
#[derive(Debug, Clone, Copy)]
enum Crates {
    Only(&'static [&'static str]),
    AllBut(&'static [&'static str]),
}

/// A part of the tree, and what it may know.
#[derive(Debug, Clone, Copy)]
struct Room {
    path: &'static str,
    knows: &'static [&'static str],
    crates: Crates,
}

/// What the wires are made of: nothing for those who do not speak on one.
const WIRES: [&str; 7] =
    ["axum", "hyper", "presence_protocol", "rustls", "serde_json", "tokio_tungstenite", "tower_http"];

/// The first whose path fits is the one that counts.
const ROOMS: [Room; 11] = [
    Room { path: "src/core/", knows: &["core"], crates: Crates::Only(&["bytes", "uuid"]) },
    Room { path: "src/engine/", knows: &["core", "engine", "telemetry"], crates: Crates::AllBut(&WIRES) },
    Room {
        path: "src/broker/",
        knows: &["core", "engine", "broker", "telemetry"],
        crates: Crates::AllBut(&WIRES),
    },
    Room {
        path: "src/gateway/",
        knows: &["core", "broker", "gateway", "config", "admin", "egress", "telemetry"],
        crates: Crates::AllBut(&["redis"]),
    },
    Room {
        path: "src/egress/",
        knows: &["core", "egress"],
        crates: Crates::AllBut(&["axum", "presence_protocol", "redis", "serde_json", "tokio_tungstenite"]),
    },
    Room {
        path: "src/webhook/",
        knows: &["core", "broker", "webhook", "egress", "telemetry"],
        crates: Crates::AllBut(&["presence_protocol", "redis"]),
    },
    Room {
        path: "src/admin/",
        knows: &["core", "broker", "gateway", "admin", "config", "telemetry"],
        crates: Crates::AllBut(&["presence_protocol", "redis"]),
    },
    Room {
        path: "src/config/",
        knows: &["config"],
        crates: Crates::AllBut(&["axum", "presence_protocol", "tokio", "tokio_tungstenite"]),
    },
    Room { path: "src/telemetry", knows: &["core", "telemetry"], crates: Crates::AllBut(&WIRES) },
    Room { path: "src/bench/", knows: &["bench"], crates: Crates::AllBut(&["redis"]) },
    Room {
        path: "protocol/src/",
        knows: &[],
        crates: Crates::AllBut(&["axum", "futures", "hyper", "presence_hub", "redis", "tokio", "tracing"]),
    },
];

/// A rule that is broken, and where.
#[derive(Debug, PartialEq, Eq)]
struct Finding {
    line: usize,
    what: String,
}

fn finding(line: usize, what: impl Into<String>) -> Finding {
    Finding { line, what: what.into() }
}

/// A line without its comment and without what stands in its strings.
fn code_of(line: &str) -> String {
    let line = line.split("//").next().unwrap();
    line.split('"').step_by(2).collect::<Vec<_>>().join("\"\"")
}

fn is_of_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}

/// The lines of code with their numbers; a `use` over several lines is one.
fn lines_of_code(text: &str) -> Vec<(usize, String)> {
    let mut lines: Vec<(usize, String)> = Vec::new();
    let mut is_open = false;
    for (number, line) in (1..).zip(text.lines()) {
        let code = code_of(line);
        match lines.last_mut().filter(|_| is_open) {
            Some((_, whole)) => whole.push_str(code.trim()),
            None => lines.push((number, code)),
        }
        is_open = lines.last().is_some_and(|(_, code)| imported(code).is_some() && !code.contains(';'));
    }
    lines
}

/// What a `use` brings in, as it is written.
fn imported(code: &str) -> Option<&str> {
    let code = code.trim_start();
    let after_pub = code.strip_prefix("pub").map(|rest| rest.trim_start_matches(|letter| letter != ' '));
    after_pub.unwrap_or(code).trim_start().strip_prefix("use ")
}

/// The paths of a `use`, each written out.
fn written_out(tree: &str) -> Vec<String> {
    let tree = tree.trim().trim_end_matches(';');
    let Some((prefix, rest)) = tree.split_once('{') else {
        return vec![tree.split(' ').next().unwrap().to_owned()];
    };
    let inner = rest.rsplit_once('}').map_or(rest, |(inner, _)| inner);
    let (mut depth, mut parts) = (0, vec![String::new()]);
    for letter in inner.chars() {
        depth += i32::from(letter == '{') - i32::from(letter == '}');
        if letter == ',' && depth == 0 {
            parts.push(String::new());
        } else {
            parts.last_mut().unwrap().push(letter);
        }
    }
    let parts = parts.iter().filter(|part| !part.trim().is_empty());
    parts.flat_map(|part| written_out(part)).map(|path| format!("{prefix}{path}")).collect()
}

/// The paths in a line of code, each as its segments.
fn paths(code: &str) -> Vec<Vec<String>> {
    let segments = |path: &str| path.split("::").map(str::to_owned).collect::<Vec<_>>();
    if let Some(tree) = imported(code) {
        return written_out(tree).iter().map(|path| segments(path)).collect();
    }
    let words = code.split(|letter: char| !is_of_name(letter) && letter != ':');
    words.filter(|word| word.contains("::") && !word.starts_with(':')).map(segments).collect()
}

/// The dialect whose folder a file is in.
fn dialect_of(path: &str) -> Option<&str> {
    let folder = path.strip_prefix("src/gateway/")?.split('/').next()?;
    let name = folder.trim_end_matches(".rs");
    DIALECTS.contains(&name).then_some(name)
}

/// Who knows whom.
fn arrows(path: &str, text: &str, dependencies: &BTreeSet<String>) -> Vec<Finding> {
    let Some(room) = ROOMS.iter().find(|room| path.starts_with(room.path)) else { return Vec::new() };
    let mut findings = Vec::new();
    for (number, code) in lines_of_code(text) {
        if code.contains("extern crate") {
            findings.push(finding(number, "`extern crate` hides an arrow"));
        }
        for path_used in paths(&code) {
            findings.extend(arrow(room, path, &path_used, dependencies).map(|what| finding(number, what)));
        }
    }
    findings
}

fn arrow(room: &Room, path: &str, used: &[String], dependencies: &BTreeSet<String>) -> Option<String> {
    let head = used[0].as_str();
    if head != "crate" {
        let is_allowed = match room.crates {
            Crates::Only(names) => names.contains(&head),
            Crates::AllBut(names) => !names.contains(&head),
        };
        let is_crate = dependencies.contains(head);
        return (is_crate && !is_allowed).then(|| format!("{} must not use the crate {head}", room.path));
    }
    if room.path == "protocol/src/" {
        return None;
    }
    let to = used.get(1)?.as_str();
    if !room.knows.contains(&to) {
        return Some(format!("{} must not know crate::{to}", room.path));
    }
    let other =
        used.get(2).map(String::as_str).filter(|other| to == "gateway" && DIALECTS.contains(other))?;
    (dialect_of(path) != Some(other))
        .then(|| format!("only gateway::{other} and the app may know gateway::{other}"))
}

/// A dialect is not reached by its folder's neighbours either.
fn neighbours(path: &str, text: &str) -> Vec<Finding> {
    let Some(own) = dialect_of(path) else { return Vec::new() };
    let mut findings = Vec::new();
    for (number, code) in lines_of_code(text) {
        let is_other = |segment: &String| segment != own && DIALECTS.contains(&segment.as_str());
        let is_reached = |path: &Vec<String>| path[0] == "super" && path.iter().any(is_other);
        if paths(&code).iter().any(is_reached) {
            findings.push(finding(number, format!("gateway::{own} must not know its neighbours")));
        }
    }
    findings
}

/// How a file begins, how long it grows, and what it puts off.
fn shape(text: &str) -> Vec<Finding> {
    let mut findings = Vec::new();
    let first = text.lines().next().unwrap_or_default();
    if first.strip_prefix("//! ").is_none_or(|purpose| purpose.trim().is_empty()) {
        findings.push(finding(1, "the first line says the file's one purpose: `//! ...`"));
    }
    let lines = text.lines().count();
    if lines > FILE_LINES {
        findings.push(finding(lines, format!("{lines} lines; {FILE_LINES} are enough for one purpose")));
    }
    for (number, line) in (1..).zip(text.lines()) {
        let put_off = [concat!("TO", "DO"), concat!("FIX", "ME")];
        if let Some(mark) = put_off.iter().find(|mark| line.contains(**mark)) {
            findings.push(finding(number, format!("{mark}: do it, or leave it")));
        }
        if code_of(line).trim_start().starts_with("#![allow") {
            findings
                .push(finding(number, "a whole file is not excused; `expect` where it is, with a reason"));
        }
    }
    findings
}

fn name(path: &Path) -> Option<String> {
    let stem = path.file_stem()?.to_str()?.to_lowercase();
    EMPTY_NAMES.contains(&stem.as_str()).then(|| format!("{stem} says nothing of what is inside"))
}

/// The crates named in a manifest's tables of dependencies, as code names them.
fn dependencies(manifest: &str) -> BTreeSet<String> {
    let mut names = BTreeSet::new();
    let mut is_inside = false;
    for line in manifest.lines() {
        if line.starts_with('[') {
            is_inside = line.trim_end_matches(']').ends_with("dependencies");
        } else if is_inside {
            let name: String =
                line.chars().take_while(|letter| is_of_name(*letter) || *letter == '-').collect();
            names.insert(name.replace('-', "_"));
        }
    }
    names.remove("");
    names
}

/// What every dialect has a file for.
const DIALECT_FILES: [&str; 6] = ["dialect.rs", "encode.rs", "fault.rs", "mod.rs", "rest.rs", "translate.rs"];

/// What the folders of the dialects lack that all should have.
fn unlike(folders: &BTreeMap<String, BTreeSet<String>>) -> Vec<String> {
    let lacks = |(dialect, files): (&String, &BTreeSet<String>)| {
        let missing: Vec<_> = DIALECT_FILES.into_iter().filter(|file| !files.contains(*file)).collect();
        (!missing.is_empty()).then(|| format!("src/gateway/{dialect}/ has no {}", missing.join(", ")))
    };
    folders.iter().filter_map(lacks).collect()
}

fn root() -> &'static Path {
    Path::new(env!("CARGO_MANIFEST_DIR"))
}

/// Everything below a folder of the project, folders too, that is not made by a tool.
fn below(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut open = vec![folder.to_path_buf()];
    while let Some(entries) = open.pop().and_then(|folder| fs::read_dir(folder).ok()) {
        for path in entries.map(|entry| entry.unwrap().path()) {
            let name = path.file_name().unwrap().to_string_lossy().into_owned();
            if name.starts_with('.') || ["target", "node_modules"].contains(&name.as_str()) {
                continue;
            }
            if path.is_dir() {
                open.push(path.clone());
            }
            found.push(path);
        }
    }
    found.sort();
    found
}

/// Every source file: its path from the root, and its text.
fn sources() -> Vec<(String, String)> {
    let folders = ["src", "protocol/src", "protocol/tests", "tests", "benches", "fuzz"];
    let all = folders.iter().flat_map(|folder| below(&root().join(folder)));
    let of_rust = all.filter(|path| path.extension().is_some_and(|extension| extension == "rs"));
    of_rust.map(|path| (local(&path), fs::read_to_string(&path).unwrap())).collect()
}

fn local(path: &Path) -> String {
    path.strip_prefix(root()).unwrap().to_string_lossy().into_owned()
}

fn all_dependencies() -> BTreeSet<String> {
    let manifests =
        ["Cargo.toml", "protocol/Cargo.toml"].map(|path| fs::read_to_string(root().join(path)).unwrap());
    let mut names: BTreeSet<_> = manifests.iter().flat_map(|manifest| dependencies(manifest)).collect();
    names.insert("presence_hub".to_owned());
    names
}

fn assert_none(broken: &[String]) {
    assert!(broken.is_empty(), "house rules are broken:\n{}\n", broken.join("\n"));
}

fn assert_each(check: impl Fn(&str, &str) -> Vec<Finding>) {
    let mut broken = Vec::new();
    for (path, text) in sources() {
        let findings = check(&path, &text);
        broken.extend(findings.into_iter().map(|found| format!("{path}:{}: {}", found.line, found.what)));
    }
    assert_none(&broken);
}

#[test]
fn arrows_point_inwards() {
    let dependencies = all_dependencies();
    assert_each(|path, text| arrows(path, text, &dependencies));
    assert_each(neighbours);
}

#[test]
fn files_have_one_purpose_and_say_it() {
    assert_each(|_, text| shape(text));
}

#[test]
fn names_say_what_is_inside() {
    let broken =
        below(root()).into_iter().filter_map(|path| Some(format!("{}: {}", local(&path), name(&path)?)));
    assert_none(&broken.collect::<Vec<_>>());
}

#[test]
fn dialects_have_the_same_files() {
    let mut folders = BTreeMap::new();
    for dialect in DIALECTS {
        let folder = root().join("src/gateway").join(dialect);
        let Ok(entries) = fs::read_dir(folder) else { continue };
        let names = entries.map(|entry| entry.unwrap().file_name().into_string().unwrap());
        folders.insert(dialect.to_owned(), names.collect());
    }
    assert_none(&unlike(&folders));
}

#[test]
fn what_is_new_is_written_down() {
    let log = fs::read_to_string(root().join("CHANGELOG.md")).unwrap();
    assert!(log.lines().any(|line| line == "## Unreleased"), "CHANGELOG.md:1: no heading `## Unreleased`");
}

/// The first finding of a check on a line of a file.
fn found(path: &str, line: &str) -> Option<String> {
    let known = ["bytes", "presence_hub", "presence_protocol", "redis", "serde_json", "tokio", "uuid"];
    let dependencies = known.map(str::to_owned).into();
    let findings = arrows(path, line, &dependencies).into_iter().chain(neighbours(path, line));
    findings.map(|found| found.what).next()
}

#[test]
fn a_wrong_arrow_is_found() {
    for (path, line) in [
        ("src/core/topic.rs", "use tokio::time::Instant;"),
        ("src/core/topic.rs", "    let now = tokio::time::Instant::now();"),
        ("src/core/topic.rs", "use serde_json;"),
        ("src/core/topic.rs", "use crate::broker::Handle;"),
        ("src/core/topic.rs", "use crate::{core::{Rev, Topic}, broker::Handle};"),
        ("src/engine/memory.rs", "fn f(handle: &crate::broker::Handle) {}"),
        ("src/engine/memory.rs", "use presence_protocol::native;"),
        ("src/broker/room.rs", "use crate::gateway::limits::Limits;"),
        ("src/broker/room.rs", "    serde_json::to_string(&change)"),
        ("src/gateway/limits.rs", "use crate::engine::AppSlot;"),
        ("src/gateway/limits.rs", "use crate::gateway::native::Native;"),
        ("src/webhook/courier.rs", "use crate::gateway::pattern::Pattern;"),
        ("src/egress/rules.rs", "use crate::broker::Clock;"),
        ("src/gateway/native/rest.rs", "use crate::gateway::pusher::rest;"),
        ("src/gateway/native/rest.rs", "use super::super::pusher::rest;"),
        ("src/gateway/native/rest.rs", "use crate::gateway::{\n    json,\n    pusher::{self, rest},\n};"),
        ("src/gateway/native/rest.rs", "pub(super) use crate::{core::Rev, engine};"),
        ("src/config/schema.rs", "use crate::core::Limits;"),
        ("src/bench/mod.rs", "use crate::core::Limits;"),
        ("protocol/src/lib.rs", "pub use presence_hub::core::Rev;"),
        ("protocol/src/native/mod.rs", "extern crate tokio;"),
    ] {
        assert!(found(path, line).is_some(), "{path}: {line}");
    }
    for (path, line) in [
        ("src/core/topic.rs", "use bytes::Bytes; // not tokio::sync"),
        ("src/core/topic.rs", r#"    let text = "tokio::sync::Mutex";"#),
        ("src/core/topic.rs", "use super::change::Change;"),
        ("src/core/topic.rs", "use std::sync::Arc;"),
        ("src/broker/room.rs", "use crate::core::{Change, Epoch};"),
        ("src/gateway/native/rest.rs", "use crate::gateway::native::dialect;"),
        ("src/gateway/native/rest.rs", "use presence_protocol::native;"),
        ("src/gateway/native/rest.rs", "use crate::gateway::{json, native};"),
        ("src/webhook/courier.rs", "use crate::egress::Caller;"),
        ("src/app.rs", "use crate::gateway::native::Native;"),
        ("protocol/src/lib.rs", "use crate::native::Frame;"),
        ("tests/broker/kit.rs", "use presence_hub::broker::Broker;"),
    ] {
        assert_eq!(found(path, line), None, "{path}: {line}");
    }
}

#[test]
fn a_wrong_shape_is_found() {
    let lines = |count: usize| format!("//! A purpose.\n{}", "\n".repeat(count - 1));
    for bad in [
        "use std::fmt;\n".to_owned(),
        "//!\nuse std::fmt;\n".to_owned(),
        "#![forbid(unsafe_code)]\n//! A purpose.\n".to_owned(),
        format!("//! A purpose.\n// {}{}: later\n", "TO", "DO"),
        "//! A purpose.\n#![allow(dead_code)]\n".to_owned(),
        lines(FILE_LINES + 1),
        String::new(),
    ] {
        assert_eq!(shape(&bad).len(), 1, "{:?}", &bad[..bad.len().min(60)]);
    }
    assert_eq!(shape(&lines(FILE_LINES)), []);
    assert_eq!(shape("//! A purpose.\n// #![allow(dead_code)] is not what this is.\n"), []);
    assert_eq!(shape("//! A purpose.\n\n#![allow(dead_code)]\n")[0].line, 3);
}

#[test]
fn a_wrong_name_is_found() {
    for bad in ["src/util", "tests/common/mod.rs/../common", "src/gateway/Helpers.rs", "web-demo/misc.js"] {
        assert!(name(Path::new(bad)).is_some(), "{bad}");
    }
    assert_eq!(name(Path::new("src/utility_bills.rs")), None);
    let files = |names: &[&str]| names.iter().map(|&name| name.to_owned()).collect::<BTreeSet<_>>();
    let mut more = DIALECT_FILES.to_vec();
    more.push("more.rs");
    let mut folders = BTreeMap::from([("native".to_owned(), files(&more))]);
    assert_eq!(unlike(&folders), [] as [&str; 0]);
    more.retain(|file| *file != "rest.rs");
    folders.insert("pusher".to_owned(), files(&more));
    assert_eq!(unlike(&folders), ["src/gateway/pusher/ has no rest.rs"]);
}

#[test]
fn dependencies_are_read_from_the_manifest() {
    let manifest = "[package]\nname = \"x\"\n[dependencies]\ntokio-rustls = \"1\"\nuuid.workspace = true\n\n[lints]\na = 1";
    assert_eq!(dependencies(manifest), ["tokio_rustls".to_owned(), "uuid".to_owned()].into());
}
