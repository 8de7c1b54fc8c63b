//! Filters of subscribers: which messages and presence events they want, by what was said about them.

mod parser;
#[cfg(test)]
mod tests;

use std::borrow::Cow;
use std::cmp::Ordering;

use serde_json::Value;

use super::fault::Fault;

/// The name of the message itself.
const DATA: &str = "data";

/// The longest filter, in bytes.
const MAX_BYTES: usize = 4096;

/// A filter that was understood.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Filter {
    node: Node,
    asks_data: bool,
}

/// What filters ask about.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Facts<'a> {
    /// What the publisher said about a message, or the hub about a presence event (`u`).
    pub(super) meta: Option<&'a Value>,
    /// The message itself (`d`).
    pub(super) data: Option<&'a Value>,
}

impl Filter {
    /// Reads a decoded filter.
    ///
    /// # Errors
    /// Says where it is not understood.
    pub(super) fn parse(text: &str) -> Result<Self, Fault> {
        if text.len() > MAX_BYTES {
            return Err(Fault::bad_filter("it is too long"));
        }
        let node = parser::parse(text).map_err(|wrong| Fault::bad_filter(&wrong.to_string()))?;
        Ok(Self { asks_data: node.names(DATA), node })
    }

    /// Whether it may ask anything of the message itself.
    pub(super) fn asks_data(&self) -> bool {
        self.asks_data
    }

    /// Whether something is wanted. Where a field is missing, or of another kind than is asked for, it is not known whether; what
    /// is not known in the end is not wanted.
    pub(super) fn wants(&self, facts: Facts<'_>) -> bool {
        truth(self.node.value(facts)) == Some(true)
    }
}

#[derive(Debug, Clone, PartialEq)]
enum Node {
    Text(Box<str>),
    Number(f64),
    Bool(bool),
    Field(Box<str>),
    /// What lies in something by its key or place.
    Inside(Box<(Self, Self)>),
    Not(Box<Self>),
    Negative(Box<Self>),
    Two(Two, Box<(Self, Self)>),
}

/// What is done with two values.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Two {
    Or,
    And,
    Compare(Comparison),
    Like,
    Contains,
    Calculate(Sum),
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Comparison {
    Equal,
    NotEqual,
    Less,
    AtMost,
    Greater,
    AtLeast,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sum {
    Plus,
    Minus,
    Times,
    Over,
    Modulo,
}

/// What a part of a filter comes to.
#[derive(Debug, Clone)]
enum Found<'a> {
    Text(Cow<'a, str>),
    Number(f64),
    Bool(bool),
    /// A list or an object, or null.
    Json(&'a Value),
}

impl Node {
    /// `None` is what is not known. What is asked of both sides is known if one is enough.
    fn value<'a>(&'a self, facts: Facts<'a>) -> Option<Found<'a>> {
        Some(match self {
            Self::Text(text) => Found::Text(Cow::Borrowed(text)),
            Self::Number(number) => Found::Number(*number),
            Self::Bool(bool) => Found::Bool(*bool),
            Self::Field(name) => field(facts, name)?,
            Self::Inside(both) => inside(facts, both)?,
            Self::Not(node) => Found::Bool(!truth(node.value(facts))?),
            Self::Negative(node) => Found::Number(-node.value(facts)?.number()?),
            Self::Two(two, both) => return two.of(&both.0, &both.1, facts),
        })
    }
}

impl Node {
    /// Whether a field of this name is asked for.
    fn names(&self, field: &str) -> bool {
        match self {
            Self::Text(_) | Self::Number(_) | Self::Bool(_) => false,
            Self::Field(name) => name.as_ref() == field,
            Self::Inside(both) | Self::Two(_, both) => both.0.names(field) || both.1.names(field),
            Self::Not(node) | Self::Negative(node) => node.names(field),
        }
    }
}

/// A key of what was said about it; `meta` and `data` alone mean the whole, unless there is such a key.
fn field<'a>(facts: Facts<'a>, name: &str) -> Option<Found<'a>> {
    let own = facts.meta.and_then(|meta| meta.get(name));
    let whole = match name {
        "meta" => facts.meta,
        DATA => facts.data,
        _ => None,
    };
    own.or(whole).map(Found::of)
}

fn inside<'a>(facts: Facts<'a>, (whole, place): &'a (Node, Node)) -> Option<Found<'a>> {
    let Found::Json(json) = whole.value(facts)? else { return None };
    let part = match place.value(facts)? {
        Found::Text(key) => json.get(key.as_ref()),
        Found::Number(place) if place >= 0.0 && place.fract() == 0.0 => json.get(place as usize),
        Found::Number(_) | Found::Bool(_) | Found::Json(_) => None,
    };
    part.map(Found::of)
}

impl<'a> Found<'a> {
    fn of(value: &'a Value) -> Self {
        match value {
            Value::String(text) => Self::Text(Cow::Borrowed(text)),
            Value::Number(number) => Self::Number(number.as_f64().unwrap_or(f64::NAN)),
            Value::Bool(bool) => Self::Bool(*bool),
            Value::Null | Value::Array(_) | Value::Object(_) => Self::Json(value),
        }
    }

    fn number(&self) -> Option<f64> {
        if let Self::Number(number) = self { Some(*number) } else { None }
    }

    /// How two of one kind are to one another. Different kinds are neither equal nor in any order.
    fn compare(&self, other: &Self) -> Option<Ordering> {
        match (self, other) {
            (Self::Text(one), Self::Text(other)) => Some(one.cmp(other)),
            (Self::Number(one), Self::Number(other)) => one.partial_cmp(other),
            (Self::Bool(one), Self::Bool(other)) => (one == other).then_some(Ordering::Equal),
            (Self::Json(one), Self::Json(other)) => (one == other).then_some(Ordering::Equal),
            _ => None,
        }
    }
}

/// What is true or false by itself: numbers are true unless 0, texts unless empty.
fn truth(found: Option<Found<'_>>) -> Option<bool> {
    match found? {
        Found::Bool(bool) => Some(bool),
        Found::Number(number) => Some(number != 0.0),
        Found::Text(text) => Some(!text.is_empty()),
        Found::Json(_) => None,
    }
}

impl Two {
    fn of<'a>(self, one: &'a Node, other: &'a Node, facts: Facts<'a>) -> Option<Found<'a>> {
        match self {
            Self::Or => return either(true, one, other, facts).map(Found::Bool),
            Self::And => return either(false, one, other, facts).map(Found::Bool),
            _ => {}
        }
        let (one, other) = (one.value(facts)?, other.value(facts)?);
        match self {
            Self::Compare(comparison) => comparison.of(&one, &other).map(Found::Bool),
            Self::Calculate(sum) => sum.of(one.number()?, other.number()?).map(Found::Number),
            Self::Like => like(&one, &other).map(Found::Bool),
            _ => contains(&one, &other).map(Found::Bool),
        }
    }
}

/// What comes of two sides of which one alone can decide it. Each side is looked at once, or what stands in brackets would take twice
/// as long with each pair of them.
fn either(decides: bool, one: &Node, other: &Node, facts: Facts<'_>) -> Option<bool> {
    let one = truth(one.value(facts));
    if one == Some(decides) {
        return one;
    }
    let other = truth(other.value(facts));
    // Neither side decides it: if both are known, both are the opposite.
    if other == Some(decides) { other } else { one.and(other) }
}

impl Comparison {
    fn of(self, one: &Found<'_>, other: &Found<'_>) -> Option<bool> {
        let order = one.compare(other);
        match self {
            Self::Equal => Some(order == Some(Ordering::Equal)),
            Self::NotEqual => Some(order != Some(Ordering::Equal)),
            Self::Less => order.map(Ordering::is_lt),
            Self::AtMost => order.map(Ordering::is_le),
            Self::Greater => order.map(Ordering::is_gt),
            Self::AtLeast => order.map(Ordering::is_ge),
        }
    }
}

impl Sum {
    /// Nobody knows what comes of a division by 0.
    fn of(self, one: f64, other: f64) -> Option<f64> {
        let sum = match self {
            Self::Plus => one + other,
            Self::Minus => one - other,
            Self::Times => one * other,
            Self::Over => one / other,
            Self::Modulo => one % other,
        };
        Some(sum).filter(|sum| sum.is_finite())
    }
}

/// Whether a text has the form of another, in which `*` stands for anything, whatever the case of letters. One look at each byte
/// is enough.
fn like(text: &Found<'_>, form: &Found<'_>) -> Option<bool> {
    let (Found::Text(text), Found::Text(form)) = (text, form) else { return None };
    let (text, form) = (text.to_lowercase(), form.to_lowercase());
    let Some((head, rest)) = form.split_once('*') else { return Some(text == form) };
    let (middle, tail) = rest.rsplit_once('*').unwrap_or(("", rest));
    let Some(text) = text.strip_prefix(head).and_then(|text| text.strip_suffix(tail)) else {
        return Some(false);
    };
    let mut left = Some(text);
    for part in middle.split('*') {
        left = left.and_then(|left| left.find(part).map(|at| &left[at + part.len()..]));
    }
    Some(left.is_some())
}

/// Whether a text has another in it, or a list a value.
fn contains(whole: &Found<'_>, part: &Found<'_>) -> Option<bool> {
    match (whole, part) {
        (Found::Text(whole), Found::Text(part)) => Some(whole.contains(part.as_ref())),
        (Found::Json(Value::Array(items)), part) => {
            Some(items.iter().any(|item| Found::of(item).compare(part) == Some(Ordering::Equal)))
        }
        _ => None,
    }
}
