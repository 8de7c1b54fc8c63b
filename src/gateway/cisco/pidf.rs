//! PIDF documents: what those mean that clients set, and those that describe a contact.

use presence_protocol::xml::{Element, escaped};

use super::ask::State;
use super::fault::{Code, Fault};
use crate::core::Facts;

/// The ids of the tuple that stands for the whole user; some examples spell the first otherwise.
const OVERRIDES: [&str; 3] = ["pws-override", "pws-persistent", "pws_override"];

/// What a tuple of a device says of where it comes from.
const SOURCE: &str = "Presence Web Service";

/// The most bytes of a note.
const NOTE_BYTES: usize = 1_024;

/// The activities that clients set, with the states they stand for.
const ACTIVITIES: [(&str, State); 8] = [
    ("available", State::Available),
    ("away", State::Away),
    ("busy", State::Busy),
    ("dnd", State::Dnd),
    ("meeting", State::Away),
    ("on-the-phone", State::Away),
    ("vacation", State::Vacation),
    ("unavailable", State::Unavailable),
];

/// What somebody says of itself beyond a state.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Details {
    /// One of the dialect's words.
    pub(super) activity: &'static str,
    /// For people, or empty.
    pub(super) note: Box<str>,
}

impl Details {
    /// The state as which watchers see the activity.
    pub(super) fn state(&self) -> State {
        let said = ACTIVITIES.into_iter().find(|(name, _)| *name == self.activity);
        said.map_or(State::Unknown, |(_, state)| as_kept(state))
    }
}

/// A state as the service keeps it: who is busy or on leave is away.
pub(super) fn as_kept(state: State) -> State {
    match state {
        State::Busy | State::Vacation => State::Away,
        State::Available | State::Dnd | State::Away | State::Unavailable | State::Unknown => state,
    }
}

/// The activity of somebody of whom only the state is known.
pub(super) fn activity_of(state: State) -> &'static str {
    let said = ACTIVITIES.into_iter().find(|(_, known)| *known == state);
    said.map_or("unknown", |(name, _)| name)
}

/// What a document asks for.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum Wish {
    /// That the override ends.
    Clear,
    /// A state, with its details.
    Set(State, Details),
}

/// Reads a document that somebody sets, by local names: clients leave its namespaces out.
///
/// # Errors
/// It is no PIDF, its tuple is not one for what it is to do, or it says no state.
pub(super) fn read(document: &Element, is_override: bool) -> Result<Wish, Fault> {
    if document.name() != "presence" {
        return Err(Code::WrongRoot.into());
    }
    let mut tuples = document.children().iter().filter(|child| child.name() == "tuple");
    if is_override {
        let is_right = |tuple: &Element| tuple.attribute("id").is_some_and(|id| OVERRIDES.contains(&id));
        tuples.find(|tuple| is_right(tuple)).ok_or(Code::TupleId)?;
    } else {
        let is_right = |tuple: &Element| find(tuple, "source").is_some_and(|source| source.text() == SOURCE);
        tuples.find(|tuple| is_right(tuple)).ok_or(Code::TupleSource)?;
    }
    let note = find(document, "note").map_or("", Element::text);
    if note.len() > NOTE_BYTES {
        return Err(Fault::with(Code::SetFailed, "The note is too long"));
    }
    let said = find(document, "activities").map(Element::children).unwrap_or_default();
    if is_override && said.iter().any(|activity| activity.name() == "clear") {
        return Ok(Wish::Clear);
    }
    let named = |element: &Element| ACTIVITIES.into_iter().find(|(name, _)| *name == element.name());
    let (activity, state) = said.iter().find_map(named).or_else(|| basic(document)).ok_or(Code::SetFailed)?;
    Ok(Wish::Set(state, Details { activity, note: note.into() }))
}

/// What a document without activities says.
fn basic(document: &Element) -> Option<(&'static str, State)> {
    match find(document, "basic")?.text() {
        "open" => Some(ACTIVITIES[0]),
        "closed" => Some(ACTIVITIES[7]),
        _ => None,
    }
}

/// The first element of a name within an element; reading has bounded how deep they nest.
fn find<'a>(within: &'a Element, name: &str) -> Option<&'a Element> {
    within.children().iter().find_map(
        |child| {
            if child.name() == name { Some(child) } else { find(child, name) }
        },
    )
}

/// A contact to be described.
#[derive(Debug)]
pub(super) struct Portrait<'a> {
    pub(super) uri: &'a str,
    pub(super) state: State,
    pub(super) details: Option<&'a Details>,
    /// The name that people see, or empty.
    pub(super) name: &'a str,
    pub(super) sessions: &'a [Facts],
}

impl Portrait<'_> {
    /// The document: a person, and a tuple for each session.
    pub(super) fn document(&self) -> String {
        let uri = escaped(self.uri);
        let id = escaped(self.uri.split_once('@').map_or(self.uri, |(name, _)| name));
        let activity = self.details.map_or(activity_of(self.state), |details| details.activity);
        let note = self.details.map(|details| &*details.note).filter(|note| !note.is_empty());
        let note = note.map(|note| format!("<note>{}</note>", escaped(note))).unwrap_or_default();
        let name = match self.name {
            "" => String::new(),
            name => format!(
                "<display-name xmlns=\"urn:ietf:params:xml:ns:pidf:cipid\">{}</display-name>",
                escaped(name)
            ),
        };
        let tuples: String =
            (1_u32..).zip(self.sessions).map(|(number, facts)| tuple(number, *facts)).collect();
        format!(
            "<presence xmlns=\"urn:ietf:params:xml:ns:pidf\" entity=\"sip:{uri}\">\
             <person xmlns=\"urn:cisco:params:xml:ns:pidf:rpid\" id=\"{id}\">\
             <activities><{activity}/></activities>{note}</person>{name}{tuples}</presence>"
        )
    }
}

fn tuple(number: u32, facts: Facts) -> String {
    let input = if facts.idle { "idle" } else { "active" };
    let phone = if facts.in_media {
        "<activities xmlns=\"urn:cisco:params:xml:ns:pidf:rpid\"><on-the-phone/></activities>"
    } else {
        ""
    };
    format!(
        "<tuple id=\"hub-{number}\">{phone}<user-input>{input}</user-input>\
         <status><basic>open</basic></status></tuple>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;
    use presence_protocol::xml::{self, Caps};

    const CAPS: Caps = Caps { bytes: 4_096, depth: 16, elements: 100, attributes: 8 };

    fn wish(text: &str, is_override: bool) -> Result<Wish, u16> {
        let document = xml::read(text.as_bytes(), &CAPS).unwrap();
        read(&document, is_override).map_err(|fault| fault.code.number())
    }

    fn set(state: State, activity: &'static str, note: &str) -> Result<Wish, u16> {
        Ok(Wish::Set(state, Details { activity, note: note.into() }))
    }

    #[test]
    fn documents_without_a_namespace_say_what_they_mean() {
        let person =
            |activity: &str| format!("<person id='joe'><activities><{activity}/></activities></person>");
        let device = "<tuple id='d'><source>Presence Web Service</source></tuple>";
        let over = "<tuple id='pws-override'><source>Human</source><note>lunch</note></tuple>";
        let presence = |inner: &str| format!("<presence entity='sip:joe@x'>{inner}</presence>");
        let both = |activity: &str, tuple: &str| presence(&(person(activity) + tuple));
        assert_eq!(wish(&both("meeting", device), false), set(State::Away, "meeting", ""));
        assert_eq!(wish(&both("dnd", over), true), set(State::Dnd, "dnd", "lunch"));
        assert_eq!(wish(&both("clear", over), true), Ok(Wish::Clear));
        let closed = "<tuple id='d'><status><basic>closed</basic></status><source>Presence Web Service</source></tuple>";
        assert_eq!(wish(&presence(closed), false), set(State::Unavailable, "unavailable", ""));
        for (document, is_override, code) in [
            (both("dnd", device), true, 161),
            (both("away", over), false, 162),
            (presence(&person("away")), false, 162),
            (both("asleep", device), false, 120),
            (presence(device), false, 120),
            ("<session/>".to_owned(), false, 103),
        ] {
            assert_eq!(wish(&document, is_override), Err(code), "{document}");
        }
    }

    #[test]
    fn a_portrait_is_well_formed_whatever_is_in_it() {
        let details = Details { activity: "meeting", note: "<&\">".into() };
        let facts = [Facts { in_media: true, idle: false }, Facts { in_media: false, idle: true }];
        let portrait = Portrait {
            uri: "j&e@x",
            state: State::Away,
            details: Some(&details),
            name: "Joe \"J\" <Doe>",
            sessions: &facts,
        };
        let document = xml::read(portrait.document().as_bytes(), &CAPS).unwrap();
        assert_eq!(document.attribute("entity"), Some("sip:j&e@x"));
        assert_eq!(find(&document, "note").map(Element::text), Some("<&\">"));
        assert!(find(&document, "meeting").is_some() && find(&document, "on-the-phone").is_some());
        assert_eq!(document.text_of("display-name"), Some("Joe \"J\" <Doe>"));
    }
}
