//! Who a connection or request speaks for, and what it may do.

use std::sync::Arc;

use presence_protocol::native::Role;
use unicode_normalization::UnicodeNormalization;

use super::apps::App;
use super::pattern::Pattern;
use crate::core::{Party, TopicName, Wall};

/// The longest name that is shown, in characters.
const MAX_NAME: usize = 128;

/// The longest address of a picture, in bytes.
const MAX_URL: usize = 2048;

/// How the topics are called that one dialect keeps for what concerns a user alone.
const USERS_OWN: &str = "#server-to-user-";

/// Who a connection or request speaks for. Made by [`super::token`] alone.
#[derive(Debug, Clone)]
pub struct Principal {
    /// The app.
    pub app: Arc<App>,
    /// The party.
    pub party: Arc<Party>,
    /// What it may do at most.
    pub role: Role,
    /// When its token ends; `None` for an app that showed its secret.
    pub expires: Option<Wall>,
    /// What it may do where; `None` is everything that its app allows to everybody.
    pub capabilities: Option<Arc<Capabilities>>,
    /// Whether it is the app itself.
    pub is_app: bool,
}

/// What can be done in a topic.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub enum Action {
    /// Watching it.
    Subscribe,
    /// Being present in it.
    Presence,
    /// Saying something in it.
    Publish,
}

impl Principal {
    /// Whether it may do something in a topic. Asked at each subscription and again at each event.
    #[must_use]
    pub fn may(&self, action: Action, topic: &TopicName) -> bool {
        match &self.capabilities {
            _ if self.is_app => true,
            Some(capabilities) => capabilities.allow(action, topic),
            None => self.app.is_open(topic),
        }
    }

    /// The same in every dialect but the one that sends users their own news in topics of this name: those are nobody else's,
    /// not even an app's.
    #[must_use]
    pub fn may_share(&self, action: Action, topic: &TopicName) -> bool {
        !topic.as_str().starts_with(USERS_OWN) && self.may(action, topic)
    }
}

/// Which actions are allowed in which topics. What no grant names is denied.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Capabilities {
    grants: Vec<(Pattern, Vec<Action>)>,
}

impl Capabilities {
    /// Adds the actions of these names in the topics of a pattern. `*` is every action; unknown names grant nothing.
    pub fn grant<'a>(&mut self, pattern: &str, actions: impl Iterator<Item = &'a str>) {
        let named = |name: &'a str| match name {
            "subscribe" => &[Action::Subscribe][..],
            "presence" => &[Action::Presence],
            "publish" => &[Action::Publish],
            "*" => &[Action::Subscribe, Action::Presence, Action::Publish],
            _ => &[],
        };
        self.grants.push((Pattern::new(pattern), actions.flat_map(named).copied().collect()));
    }

    /// Whether some grant allows an action in a topic.
    #[must_use]
    pub fn allow(&self, action: Action, topic: &TopicName) -> bool {
        let allows = |(pattern, actions): &(Pattern, Vec<Action>)| {
            actions.contains(&action) && pattern.matches(topic.as_str())
        };
        self.grants.iter().any(allows)
    }
}

/// A name fit to be shown to others: composed, without control characters and without those that turn the direction of text,
/// trimmed, and not too long.
#[must_use]
pub fn shown_name(name: &str) -> String {
    let is_shown = |shown: &char| !shown.is_control() && !turns_text(*shown);
    let shown: String = name.trim().chars().filter(is_shown).nfc().take(MAX_NAME).collect();
    shown.trim().into()
}

fn turns_text(shown: char) -> bool {
    matches!(shown,
        '\u{61c}' | '\u{200e}' | '\u{200f}' | '\u{2028}'..='\u{202e}' | '\u{2066}'..='\u{2069}' | '\u{feff}')
}

/// The address of a picture, if a page may load it: `http`, `https`, or a path on the page's own site. Otherwise empty.
#[must_use]
pub fn shown_picture(url: &str) -> &str {
    let is_path = url.starts_with('/') && !url.starts_with("//");
    let is_web = url.starts_with("https://") || url.starts_with("http://");
    let is_fit = url.len() <= MAX_URL && !url.chars().any(|shown| shown.is_control() || shown == '\\');
    if is_fit && (is_path || is_web) { url } else { "" }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    fn topic(name: &str) -> TopicName {
        TopicName::new(name).unwrap()
    }

    #[test]
    fn what_is_not_granted_is_denied() {
        let mut capabilities = Capabilities::default();
        assert!(!capabilities.allow(Action::Subscribe, &topic("room:1")));
        capabilities.grant("room:*", ["subscribe", "presence", "fly"].into_iter());
        capabilities.grant("private-a", ["*"].into_iter());
        for (name, action, is_allowed) in [
            ("room:1", Action::Subscribe, true),
            ("room:1", Action::Presence, true),
            ("room:1", Action::Publish, false),
            ("room:1:2", Action::Subscribe, false),
            ("private-a", Action::Publish, true),
            ("private-ab", Action::Publish, false),
        ] {
            assert_eq!(capabilities.allow(action, &topic(name)), is_allowed, "{name} {action:?}");
        }
    }

    #[test]
    fn names_are_made_fit_to_be_shown() {
        for (name, shown) in [
            ("  Ann \u{7}\r\n", "Ann"),
            ("e\u{301}", "\u{e9}"),
            ("a\u{202e}b\u{2066}c\u{200f}", "abc"),
            ("<img onerror>", "<img onerror>"),
            ("\u{1f468}\u{200d}\u{1f469}", "\u{1f468}\u{200d}\u{1f469}"),
        ] {
            assert_eq!(shown_name(name), shown);
        }
        assert_eq!(shown_name(&"\u{e4}".repeat(200)).chars().count(), 128);
    }

    #[test]
    fn pictures_come_from_the_web_only() {
        for url in ["https://a/b", "http://a", "/p/1.png"] {
            assert_eq!(shown_picture(url), url);
        }
        for url in
            ["javascript:x()", "data:image/png;base64,", "//evil/x", "/\\evil/x", "https://a\n", "x", ""]
        {
            assert_eq!(shown_picture(url), "", "{url}");
        }
    }

    proptest! {
        #[test]
        fn any_name_can_be_shown(name in any::<String>()) {
            let shown = shown_name(&name);
            prop_assert!(shown.chars().count() <= MAX_NAME && !shown.chars().any(char::is_control));
            prop_assert!(shown.nfc().eq(shown.chars()));
        }
    }
}
