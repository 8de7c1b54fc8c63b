//! Patterns of topic names: in capabilities, and in rules per topic.

/// What ends a segment of a topic name. A separator in a pattern matches only itself.
const SEPARATORS: [char; 3] = ['/', ':', '.'];

/// A pattern of topic names.
///
/// Names and patterns are split into segments at `/`, `:` and `.`. A segment of a pattern that is `*` matches any one segment
/// that is not empty; one that is `**`, at the very end, matches all that is left, of which there must be something; any other
/// matches only itself, stars inside it included. So `room:*` matches `room:1` but neither `room:1:a` nor `rooms`, and `**`
/// matches every name.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Pattern(Box<str>);

impl Pattern {
    /// Any text is a pattern.
    #[must_use]
    pub fn new(pattern: &str) -> Self {
        Self(pattern.into())
    }

    /// The pattern as text.
    #[must_use]
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Whether a name has this form. Takes time linear in both.
    #[must_use]
    pub fn matches(&self, name: &str) -> bool {
        let mut pattern = self.0.as_ref();
        let mut name = name;
        loop {
            if pattern == "**" {
                return !name.is_empty();
            }
            let (wanted, pattern_rest) = first_segment(pattern);
            let (segment, name_rest) = first_segment(name);
            let is_match = if wanted == "*" { !segment.is_empty() } else { wanted == segment };
            if !is_match {
                return false;
            }
            match (separated(pattern_rest), separated(name_rest)) {
                (None, None) => return true,
                (Some((wanted, pattern_after)), Some((found, name_after))) if wanted == found => {
                    pattern = pattern_after;
                    name = name_after;
                }
                _ => return false,
            }
        }
    }
}

fn first_segment(text: &str) -> (&str, &str) {
    text.split_at(text.find(SEPARATORS).unwrap_or(text.len()))
}

/// The separator that a rest begins with, and what follows it.
fn separated(rest: &str) -> Option<(char, &str)> {
    let mut chars = rest.chars();
    chars.next().map(|separator| (separator, chars.as_str()))
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;

    #[test]
    fn patterns_match_whole_segments() {
        for (pattern, yes, no) in [
            ("lobby", &["lobby"][..], &["lobby2", "lobb", "lobby/1", ""][..]),
            ("*", &["lobby", "presence-room-1"], &["a/b", "a.b", ""]),
            ("**", &["lobby", "a/b", "a:b.c", "/"], &[""]),
            ("room:*", &["room:1"], &["room:", "room:1:2", "room/1", "rooms:1", "room"]),
            ("room:**", &["room:1", "room:1:2", "room:a/b"], &["room:", "room", "rooms:1"]),
            ("*/chat", &["a/chat"], &["a/b/chat", "/chat", "a/chats"]),
            ("presence-*", &["presence-*"], &["presence-1", "presence-"]),
            ("**/x", &["**/x"], &["a/x"]),
            ("a//b", &["a//b"], &["a/b", "a/x/b"]),
            ("", &[""], &["a"]),
        ] {
            let known = Pattern::new(pattern);
            for name in yes {
                assert!(known.matches(name), "{pattern} should match {name}");
            }
            for name in no {
                assert!(!known.matches(name), "{pattern} should not match {name}");
            }
        }
    }

    /// The same by splitting everything first.
    fn reference(pattern: &str, name: &str) -> bool {
        fn split(text: &str) -> (Vec<String>, Vec<char>) {
            let segments = text.split(SEPARATORS).map(str::to_owned).collect();
            (segments, text.chars().filter(|found| SEPARATORS.contains(found)).collect())
        }
        let (wanted, wanted_separators) = split(pattern);
        let (found, found_separators) = split(name);
        let is_open = wanted.last().is_some_and(|last| last == "**");
        let fixed = if is_open { wanted.len() - 1 } else { wanted.len() };
        let rest: String =
            name.chars().skip(found.iter().take(fixed).map(|s| s.chars().count() + 1).sum()).collect();
        if is_open && (found.len() <= fixed || rest.is_empty()) || !is_open && found.len() != fixed {
            return false;
        }
        let separators = fixed.min(wanted_separators.len());
        wanted_separators[..separators] == found_separators[..separators]
            && (0..fixed).all(|n| if wanted[n] == "*" { !found[n].is_empty() } else { wanted[n] == found[n] })
    }

    proptest! {
        #[test]
        fn it_agrees_with_the_reference(pattern in "([ab*]{0,2}[/:.]?){0,4}", name in "([ab]{0,2}[/:.]?){0,4}") {
            prop_assert_eq!(Pattern::new(&pattern).matches(&name), reference(&pattern, &name), "{} {}", pattern, name);
        }

        #[test]
        fn a_name_matches_itself(name in "[^*]{0,32}") {
            prop_assert!(Pattern::new(&name).matches(&name));
        }
    }
}
