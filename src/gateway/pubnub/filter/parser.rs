//! Reads a filter: from text to what it asks, bounded in length, depth and size.

use std::fmt;

use super::{Comparison, Node, Sum, Two};

/// How deep brackets and signs may lie in one another.
const MAX_DEPTH: usize = 32;

/// How many parts a filter may have.
const MAX_PARTS: usize = 256;

/// Where a filter is not understood.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct Wrong {
    at: usize,
    what: &'static str,
}

impl fmt::Display for Wrong {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{} at character {}", self.what, self.at)
    }
}

struct Parser<'a> {
    text: &'a str,
    at: usize,
    depth: usize,
    parts: usize,
}

/// The operators between two values, from those that bind least; of two that begin alike the longer first.
const LEVELS: [&[(&str, Two)]; 5] = [
    &[("||", Two::Or)],
    &[("&&", Two::And)],
    &[
        ("==", Two::Compare(Comparison::Equal)),
        ("!=", Two::Compare(Comparison::NotEqual)),
        ("<=", Two::Compare(Comparison::AtMost)),
        (">=", Two::Compare(Comparison::AtLeast)),
        ("<", Two::Compare(Comparison::Less)),
        (">", Two::Compare(Comparison::Greater)),
        ("like", Two::Like),
        ("contains", Two::Contains),
    ],
    &[("+", Two::Calculate(Sum::Plus)), ("-", Two::Calculate(Sum::Minus))],
    &[
        ("*", Two::Calculate(Sum::Times)),
        ("/", Two::Calculate(Sum::Over)),
        ("%", Two::Calculate(Sum::Modulo)),
    ],
];

pub(super) fn parse(text: &str) -> Result<Node, Wrong> {
    let mut parser = Parser { text, at: 0, depth: 0, parts: 0 };
    let node = parser.level(0)?;
    parser.skip_blanks();
    if parser.at < text.len() { Err(parser.wrong("an operator is expected")) } else { Ok(node) }
}

impl<'a> Parser<'a> {
    fn rest(&self) -> &'a str {
        &self.text[self.at..]
    }

    fn wrong(&self, what: &'static str) -> Wrong {
        Wrong { at: self.text[..self.at].chars().count() + 1, what }
    }

    fn skip_blanks(&mut self) {
        self.at += self.rest().len() - self.rest().trim_start().len();
    }

    /// Takes a sign or word if it stands next, whatever the case of its letters.
    fn takes(&mut self, sign: &str) -> bool {
        self.skip_blanks();
        let rest = self.rest();
        let is_word = sign.bytes().all(|byte| byte.is_ascii_alphabetic());
        let stands = rest.get(..sign.len()).is_some_and(|next| next.eq_ignore_ascii_case(sign));
        let ends = || !rest[sign.len()..].starts_with(is_of_name);
        let is_there = stands && (!is_word || ends());
        self.at += if is_there { sign.len() } else { 0 };
        is_there
    }

    /// Counts a part, so that a filter stays small.
    fn part(&mut self, node: Node) -> Result<Node, Wrong> {
        self.parts += 1;
        if self.parts > MAX_PARTS { Err(self.wrong("the filter has too many parts")) } else { Ok(node) }
    }

    fn deeper(&mut self, read: impl FnOnce(&mut Self) -> Result<Node, Wrong>) -> Result<Node, Wrong> {
        self.depth += 1;
        if self.depth > MAX_DEPTH {
            return Err(self.wrong("the filter is too deep"));
        }
        let node = read(self);
        self.depth -= 1;
        node
    }

    /// What operators of a level, and of those that bind more, put together; from the left.
    fn level(&mut self, level: usize) -> Result<Node, Wrong> {
        let Some(operators) = LEVELS.get(level) else { return self.signed() };
        let mut node = self.level(level + 1)?;
        while let Some((_, two)) = operators.iter().find(|(sign, _)| self.takes(sign)) {
            let other = self.level(level + 1)?;
            node = self.part(Node::Two(*two, Box::new((node, other))))?;
        }
        Ok(node)
    }

    fn signed(&mut self) -> Result<Node, Wrong> {
        if self.takes("!") {
            let node = self.deeper(Self::signed)?;
            return self.part(Node::Not(Box::new(node)));
        }
        if self.takes("-") {
            let node = self.deeper(Self::signed)?;
            return self.part(Node::Negative(Box::new(node)));
        }
        self.placed()
    }

    /// A value, and what is asked for inside it.
    fn placed(&mut self) -> Result<Node, Wrong> {
        let mut node = self.value()?;
        loop {
            let place = if self.takes("[") {
                let place = self.deeper(|this| this.level(0))?;
                self.closed("]")?;
                place
            } else if self.takes(".") {
                let name = self.name().ok_or_else(|| self.wrong("a name is expected"))?;
                self.part(Node::Text(name.into()))?
            } else {
                return Ok(node);
            };
            node = self.part(Node::Inside(Box::new((node, place))))?;
        }
    }

    fn closed(&mut self, bracket: &str) -> Result<(), Wrong> {
        if self.takes(bracket) { Ok(()) } else { Err(self.wrong("a closing bracket is expected")) }
    }

    fn value(&mut self) -> Result<Node, Wrong> {
        if self.takes("(") {
            let node = self.deeper(|this| this.level(0))?;
            self.closed(")")?;
            return Ok(node);
        }
        self.skip_blanks();
        let node = match self.rest().chars().next() {
            Some(quote @ ('"' | '\'')) => self.text(quote)?,
            Some('0'..='9') => self.number()?,
            _ => match self.name().ok_or_else(|| self.wrong("a value is expected"))? {
                "true" => Node::Bool(true),
                "false" => Node::Bool(false),
                name => Node::Field(name.into()),
            },
        };
        self.part(node)
    }

    fn name(&mut self) -> Option<&'a str> {
        self.skip_blanks();
        let rest = self.rest();
        let end = rest.find(|letter| !is_of_name(letter)).unwrap_or(rest.len());
        self.at += end;
        Some(&rest[..end]).filter(|name| !name.is_empty())
    }

    fn number(&mut self) -> Result<Node, Wrong> {
        let rest = self.rest();
        let end = rest.find(|letter: char| !letter.is_ascii_digit() && letter != '.').unwrap_or(rest.len());
        let number = rest[..end].parse().map_err(|_| self.wrong("a number is expected"))?;
        self.at += end;
        Ok(Node::Number(number))
    }

    /// A text in quotes, in which a backslash takes the next character for itself.
    fn text(&mut self, quote: char) -> Result<Node, Wrong> {
        let mut text = String::new();
        let mut letters = self.rest().char_indices().skip(1);
        while let Some((at, letter)) = letters.next() {
            match letter {
                '\\' => text.extend(letters.next().map(|(_, letter)| letter)),
                letter if letter == quote => {
                    self.at += at + letter.len_utf8();
                    return Ok(Node::Text(text.into()));
                }
                letter => text.push(letter),
            }
        }
        Err(self.wrong("the text has no end"))
    }
}

fn is_of_name(letter: char) -> bool {
    letter.is_alphanumeric() || letter == '_'
}
