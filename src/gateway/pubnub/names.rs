//! The dialect's names: of channels, of their presence streams, of patterns and groups, and how lists of them are written.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use percent_encoding::percent_decode_str;

use super::answer::Service;
use super::fault::Fault;
use super::sdk::Sdk;
use crate::core::{PartyId, TopicName};

/// What the name of a presence stream ends in.
pub(super) const PRESENCE: &str = "-pnpres";

/// The longest name of anything, in characters.
const MAX_NAME: usize = 92;

/// How many dots there may be in a pattern.
const PATTERN_DOTS: usize = 2;

/// One name of a list of channels.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Name {
    /// The channel that is meant; of a pattern the channel whose name the pattern is.
    pub(super) topic: TopicName,
    /// Whether its presence stream is meant.
    pub(super) is_presence: bool,
    /// Whether it stands for all channels that begin so.
    pub(super) is_pattern: bool,
}

impl Name {
    /// The name of a channel.
    pub(super) fn of_channel(topic: &TopicName) -> Self {
        let is_pattern = topic.as_str().ends_with(".*");
        Self { topic: topic.clone(), is_presence: false, is_pattern }
    }

    /// As it is written.
    pub(super) fn written(&self) -> String {
        format!("{}{}", self.topic, if self.is_presence { PRESENCE } else { "" })
    }

    /// What the channels of a pattern begin with; `None` if it is none.
    pub(super) fn prefix(&self) -> Option<&str> {
        self.topic.as_str().strip_suffix('*').filter(|_| self.is_pattern)
    }
}

/// A channel group of a list.
#[derive(Debug, Clone, PartialEq, Eq, Hash)]
pub(super) struct Group {
    /// Its name.
    pub(super) name: Arc<str>,
    /// Whether its presence streams are meant.
    pub(super) is_presence: bool,
}

impl Group {
    /// As it is written.
    pub(super) fn written(&self) -> String {
        format!("{}{}", self.name, if self.is_presence { PRESENCE } else { "" })
    }
}

/// A list of names, each once, in the order in which they came.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct List<T> {
    /// The names.
    pub(super) names: Vec<T>,
    /// How many there were, also those that came twice or mean nothing.
    pub(super) count: usize,
}

impl<T> Default for List<T> {
    fn default() -> Self {
        Self { names: Vec::new(), count: 0 }
    }
}

/// The segments of a path that has not been decoded, without the empty one before its first slash.
pub(super) fn segments(path: &str) -> impl Iterator<Item = &str> {
    path.strip_prefix('/').unwrap_or(path).split('/')
}

/// Text whose percent escapes are resolved; a `+` is itself.
///
/// # Errors
/// It is no text.
pub(super) fn decoded(text: &str, service: Service) -> Result<Cow<'_, str>, Fault> {
    percent_decode_str(text).decode_utf8().map_err(|_| Fault::not_text(service))
}

/// The channels of a segment of a path that has not been decoded. The comma may be escaped; alone it stands for none.
///
/// # Errors
/// A name is none, or there are more than `most`.
pub(super) fn channels(segment: &str, most: usize, service: Service) -> Result<List<Name>, Fault> {
    let text = decoded(segment, service)?;
    list(text.split(',').map(Cow::Borrowed), most, service, |name| channel_or_stream(name, service))
}

/// The groups of a parameter that has not been decoded. Some libraries escape each name twice, but not the comma.
///
/// # Errors
/// A name is none, or there are more than `most`.
pub(super) fn groups(value: &str, sdk: Sdk, most: usize, service: Service) -> Result<List<Group>, Fault> {
    let text = decoded(value, service)?;
    let items = text.split(',').map(|item| match sdk.encodes_twice() {
        true => percent_decode_str(item).decode_utf8_lossy(),
        false => Cow::Borrowed(item),
    });
    list(items, most, service, |name| group(name, service))
}

/// Whether there are as many different names as there may be is asked of what was understood.
fn list<'a, T: Clone + Eq + std::hash::Hash>(
    items: impl Iterator<Item = Cow<'a, str>>,
    most: usize,
    service: Service,
    read: impl Fn(&str) -> Result<Option<T>, Fault>,
) -> Result<List<T>, Fault> {
    let mut list = List::default();
    let mut seen = HashSet::new();
    for item in items.filter(|item| !item.is_empty()) {
        list.count += 1;
        if let Some(name) = read(&item)?
            && seen.insert(name.clone())
        {
            list.names.push(name);
        }
        if list.names.len() > most || list.count > most.saturating_mul(4) {
            return Err(Fault::too_many_names(most, service));
        }
    }
    Ok(list)
}

/// `None` for the presence stream of a presence stream, which some libraries ask for and nobody means.
fn channel_or_stream(name: &str, service: Service) -> Result<Option<Name>, Fault> {
    let (base, is_presence) = parted(name);
    if base.ends_with(PRESENCE) || base.is_empty() {
        return Ok(None);
    }
    let topic = channel(base, service)?;
    let is_pattern = base.ends_with(".*");
    if is_pattern && base.matches('.').count() > PATTERN_DOTS {
        return Err(Fault::deep_pattern(service));
    }
    Ok(Some(Name { topic, is_presence, is_pattern }))
}

fn group(name: &str, service: Service) -> Result<Option<Group>, Fault> {
    let (base, is_presence) = parted(name);
    if base.ends_with(PRESENCE) || base.is_empty() {
        return Ok(None);
    }
    if !is_fit(base) {
        return Err(Fault::bad_group(service));
    }
    Ok(Some(Group { name: base.into(), is_presence }))
}

fn parted(name: &str) -> (&str, bool) {
    name.strip_suffix(PRESENCE).map_or((name, false), |base| (base, true))
}

fn is_fit(name: &str) -> bool {
    !name.is_empty() && name.chars().count() <= MAX_NAME && !name.chars().any(char::is_control)
}

/// One decoded name of a channel that is neither a presence stream nor part of a list. A pattern is the channel of its name.
///
/// # Errors
/// It is none: empty, too long, with control characters or a comma, or reserved for presence streams.
pub(super) fn channel(name: &str, service: Service) -> Result<TopicName, Fault> {
    let topic = TopicName::new(name).ok().filter(|_| is_fit(name) && !name.contains(','));
    topic.ok_or_else(|| Fault::bad_channel(service))
}

/// The name under which a group is kept.
///
/// # Errors
/// It has a character that means something else, or is none at all.
pub(super) fn group_to_keep(name: &str) -> Result<Arc<str>, Fault> {
    let is_reserved = name.contains([',', '*']) || name.ends_with(PRESENCE);
    if is_reserved || !is_fit(name) { Err(Fault::reserved_character()) } else { Ok(name.into()) }
}

/// The channels that a group is to have or to lose, from a parameter that has not been decoded.
///
/// # Errors
/// A name is none, or a pattern, or a presence stream; there are too many.
pub(super) fn members(value: &str, most: usize) -> Result<Vec<TopicName>, Fault> {
    let list = channels(value, most, Service::Registry)?;
    let is_plain = |name: &Name| !name.is_presence && !name.is_pattern;
    if !list.names.iter().all(is_plain) {
        return Err(Fault::reserved_character());
    }
    Ok(list.names.into_iter().map(|name| name.topic).collect())
}

/// Whom a uuid names.
///
/// # Errors
/// It is too long, or has control characters.
pub(super) fn uuid(text: &str, service: Service) -> Result<PartyId, Fault> {
    // What the hub keeps has fewer bytes than so many characters may have.
    let party = PartyId::new(text).ok().filter(|_| text.chars().count() <= MAX_NAME);
    party.ok_or_else(|| Fault::bad_uuid(service))
}

#[cfg(test)]
mod tests {
    use super::*;
    use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
    use proptest::prelude::*;

    const PUBSUB: Service = Service::PubSub;

    fn written(segment: &str) -> Vec<String> {
        let list = channels(segment, 100, PUBSUB).unwrap();
        list.names.iter().map(Name::written).collect()
    }

    #[test]
    fn lists_are_read_as_every_library_writes_them() {
        for (segment, names, count) in [
            ("room-a,room-a-pnpres", &["room-a", "room-a-pnpres"][..], 2),
            ("room%2Croom-pnpres", &["room", "room-pnpres"], 2),
            (",", &[], 0),
            ("%2C", &[], 0),
            ("", &[], 0),
            ("room,room", &["room"], 2),
            ("room-pnpres-pnpres,room", &["room"], 2),
            ("w.%2A,w.*-pnpres", &["w.*", "w.*-pnpres"], 2),
            ("bo%27b%20(1)~*!", &["bo'b (1)~*!"], 1),
            ("za%C5%BC%C3%B3%C5%82%C4%87", &["zażółć"], 1),
            ("a+b", &["a+b"], 1),
            ("-pnpres", &[], 1),
        ] {
            assert_eq!(written(segment), names, "{segment}");
            assert_eq!(channels(segment, 100, PUBSUB).unwrap().count, count, "{segment}");
        }
        for bad in ["a%00", "%ff", "a%0ab", &"x".repeat(93), "a.b.c.*"] {
            assert!(channels(bad, 100, PUBSUB).is_err(), "{bad}");
        }
        assert!(channels("a,b,c", 2, PUBSUB).is_err() && channels("a,a-pnpres", 2, PUBSUB).is_ok());
        assert!(channels(&"a,".repeat(9), 2, PUBSUB).is_err(), "not even the same one too often");
    }

    #[test]
    fn groups_are_decoded_as_often_as_they_were_encoded() {
        let of = |value: &str, pnsdk: &str| {
            let list = groups(value, Sdk::parse(pnsdk), 10, PUBSUB).unwrap();
            list.names.iter().map(Group::written).collect::<Vec<_>>()
        };
        assert_eq!(of("g%2520one%253Ax,b-pnpres", "PubNub-Rust/0.9.0"), ["g one:x", "b-pnpres"]);
        assert_eq!(of("g%2520one", "PubNub-Python/7.0.0"), ["g%20one"]);
        assert_eq!(of("grp-1%2Cgrp-1-pnpres,grp-pnpres-pnpres", "x"), ["grp-1", "grp-1-pnpres"]);
    }

    #[test]
    fn patterns_mean_what_begins_so() {
        let names = channels("sport.*,a.b.*,odd*", 10, PUBSUB).unwrap().names;
        assert_eq!(names[0].prefix(), Some("sport."));
        assert_eq!((names[1].prefix(), names[2].prefix()), (Some("a.b."), None));
    }

    #[test]
    fn groups_keep_plain_channels_only() {
        assert_eq!(members("room-a%2Croom-b,", 10).unwrap().len(), 2);
        for bad in ["w.*", "room-pnpres", "%00"] {
            assert!(members(bad, 10).is_err(), "{bad}");
        }
        assert!(group_to_keep("my group:x").is_ok());
        for bad in ["", "a,b", "a*", "a-pnpres", "a\u{7}"] {
            assert!(group_to_keep(bad).is_err(), "{bad}");
        }
    }

    #[test]
    fn a_uuid_has_92_characters_in_128_bytes() {
        for (text, is_one) in
            [("x".repeat(92), true), ("x".repeat(93), false), ("ż".repeat(64), true), ("ż".repeat(65), false)]
        {
            assert_eq!(uuid(&text, PUBSUB).is_ok(), is_one, "{text}");
        }
        assert!(uuid("", PUBSUB).is_err() && uuid("a\0", PUBSUB).is_err());
    }

    /// The list by hand: decoded, split, and each name looked at by itself.
    fn model(segment: &str) -> Option<Vec<String>> {
        let bytes: Vec<u8> = percent_encoding::percent_decode(segment.as_bytes()).collect();
        let text = String::from_utf8(bytes).ok()?;
        let mut names: Vec<String> = Vec::new();
        for name in text.split(',') {
            let base = name.strip_suffix("-pnpres").unwrap_or(name);
            if base.is_empty() || base.ends_with("-pnpres") || names.contains(&name.to_owned()) {
                continue;
            }
            let is_deep = base.ends_with(".*") && base.chars().filter(|letter| *letter == '.').count() > 2;
            if is_deep || base.chars().any(char::is_control) || base.chars().count() > 92 || base.len() > 256
            {
                return None;
            }
            names.push(name.to_owned());
        }
        Some(names)
    }

    proptest! {
        #[test]
        fn it_agrees_with_a_list_made_by_hand(segment in "([ab.*,ż]|-pnpres|%2C|%2A|%00|%ff|,){0,12}") {
            let read = channels(&segment, 1000, PUBSUB).ok();
            let read = read.map(|list| list.names.iter().map(Name::written).collect::<Vec<_>>());
            prop_assert_eq!(read, model(&segment));
        }

        #[test]
        fn any_text_is_read_or_refused(text in any::<String>(), pnsdk in "(PubNub-Rust/0.9.0|x)") {
            drop(channels(&text, 10, PUBSUB));
            drop(groups(&text, Sdk::parse(&pnsdk), 10, PUBSUB));
            prop_assert_eq!(segments(&text).count(), text.strip_prefix('/').unwrap_or(&text).matches('/').count() + 1);
        }

        #[test]
        fn a_channel_comes_out_as_it_went_in(name in "[^,\\p{Cc}]{1,20}[a-z]") {
            let escaped = utf8_percent_encode(&name, NON_ALPHANUMERIC).to_string();
            prop_assert_eq!(written(&escaped), [name]);
        }
    }
}
