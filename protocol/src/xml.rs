//! XML as the hub reads it: small trees of elements, without document types, without entities of anybody's own, and bounded.

use quick_xml::XmlVersion;
use quick_xml::events::{BytesRef, BytesStart, Event};
use quick_xml::reader::Reader;

/// How much one document may hold.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Caps {
    /// The most bytes.
    pub bytes: usize,
    /// How deep elements may nest; the root is at depth 1.
    pub depth: usize,
    /// The most elements.
    pub elements: usize,
    /// The most attributes of one element.
    pub attributes: usize,
}

/// Why a text is not read. Nothing in it shows what was written.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum XmlError {
    /// The bytes are no UTF-8.
    #[error("it is not UTF-8")]
    NotUtf8,
    /// It is not well-formed, or there is more or less than one root.
    #[error("it is not well-formed")]
    Malformed,
    /// It has a document type.
    #[error("it has a document type, which is not allowed")]
    Doctype,
    /// It refers to an entity that is not one of XML's own five.
    #[error("it refers to an entity of its own, which is not allowed")]
    Entity,
    /// It is longer than allowed.
    #[error("it is longer than {0} bytes")]
    Bytes(usize),
    /// It nests deeper than allowed.
    #[error("it nests deeper than {0}")]
    Depth(usize),
    /// It has more elements than allowed.
    #[error("it has more than {0} elements")]
    Elements(usize),
    /// An element has more attributes than allowed.
    #[error("an element has more than {0} attributes")]
    Attributes(usize),
}

/// One element, with all that is below it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    name: Box<str>,
    attributes: Vec<(Box<str>, Box<str>)>,
    children: Vec<Self>,
    text: String,
}

/// Reads a document.
///
/// # Errors
/// It is no XML that the hub reads, or exceeds a cap.
pub fn read(bytes: &[u8], caps: &Caps) -> Result<Element, XmlError> {
    if bytes.len() > caps.bytes {
        return Err(XmlError::Bytes(caps.bytes));
    }
    let text = std::str::from_utf8(bytes).map_err(|_| XmlError::NotUtf8)?;
    let mut reader = Reader::from_str(text.strip_prefix('\u{feff}').unwrap_or(text));
    reader.config_mut().expand_empty_elements = true;
    let mut tree = Tree { caps, open: Vec::new(), root: None, elements: 0 };
    loop {
        match reader.read_event().map_err(|_| XmlError::Malformed)? {
            Event::Start(start) => tree.start(&start)?,
            Event::End(_) => tree.end()?,
            Event::Text(text) => tree.text(&text.xml10_content())?,
            Event::CData(text) => tree.cdata(&text.xml10_content())?,
            Event::GeneralRef(reference) => tree.reference(&reference)?,
            Event::DocType(_) => return Err(XmlError::Doctype),
            Event::Eof => return tree.finish(),
            // The first two are for other readers; an empty element comes as its start and its end.
            Event::Comment(_) | Event::PI(_) | Event::Decl(_) | Event::Empty(_) => {}
        }
    }
}

/// What has been read so far.
struct Tree<'a> {
    caps: &'a Caps,
    /// From the root inwards.
    open: Vec<Element>,
    root: Option<Element>,
    elements: usize,
}

impl Tree<'_> {
    fn start(&mut self, start: &BytesStart<'_>) -> Result<(), XmlError> {
        let caps = self.caps;
        self.elements += 1;
        if self.root.is_some() {
            return Err(XmlError::Malformed);
        }
        if self.elements > caps.elements {
            return Err(XmlError::Elements(caps.elements));
        }
        if self.open.len() >= caps.depth {
            return Err(XmlError::Depth(caps.depth));
        }
        let mut element = Element::new(name(start.name().0)?);
        for attribute in start.attributes() {
            if element.attributes.len() >= caps.attributes {
                return Err(XmlError::Attributes(caps.attributes));
            }
            let attribute = attribute.map_err(|_| XmlError::Malformed)?;
            let value = attribute.normalized_value(XmlVersion::Implicit1_0).map_err(|error| match error {
                quick_xml::Error::Escape(quick_xml::escape::EscapeError::UnrecognizedEntity(..)) => {
                    XmlError::Entity
                }
                _ => XmlError::Malformed,
            })?;
            element.attributes.push((name(attribute.key.0)?.into(), legal(&value)?.into()));
        }
        self.open.push(element);
        Ok(())
    }

    fn end(&mut self) -> Result<(), XmlError> {
        let element = self.open.pop().ok_or(XmlError::Malformed)?;
        match self.open.last_mut() {
            Some(parent) => parent.children.push(element),
            None => self.root = Some(element),
        }
        Ok(())
    }

    /// Blanks may stand around the root.
    fn text(&mut self, text: &str) -> Result<(), XmlError> {
        let text = legal(text)?;
        match self.open.last_mut() {
            Some(element) => element.text.push_str(text),
            None if text.chars().all(|letter| letter.is_ascii_whitespace()) => {}
            None => return Err(XmlError::Malformed),
        }
        Ok(())
    }

    fn cdata(&mut self, text: &str) -> Result<(), XmlError> {
        if self.open.is_empty() { Err(XmlError::Malformed) } else { self.text(text) }
    }

    fn reference(&mut self, reference: &BytesRef<'_>) -> Result<(), XmlError> {
        let letter = match reference.resolve_char_ref().map_err(|_| XmlError::Malformed)? {
            Some(letter) => letter,
            None => match reference.xml10_content().as_ref() {
                "amp" => '&',
                "lt" => '<',
                "gt" => '>',
                "quot" => '"',
                "apos" => '\'',
                _ => return Err(XmlError::Entity),
            },
        };
        self.cdata(letter.encode_utf8(&mut [0; 4]))
    }

    fn finish(self) -> Result<Element, XmlError> {
        self.root.filter(|_| self.open.is_empty()).ok_or(XmlError::Malformed)
    }
}

/// A name that every reader takes for one.
fn name(text: &str) -> Result<&str, XmlError> {
    let is_part = |part: &str| {
        let is_inside = |letter: char| letter.is_alphanumeric() || "_-.".contains(letter);
        part.starts_with(|letter: char| letter.is_alphabetic() || letter == '_')
            && part.chars().all(is_inside)
    };
    let mut parts = text.splitn(3, ':');
    let is_name = parts.by_ref().take(2).all(is_part) && parts.next().is_none();
    is_name.then_some(text).ok_or(XmlError::Malformed)
}

/// A text of characters that XML allows.
fn legal(text: &str) -> Result<&str, XmlError> {
    text.chars().all(is_legal).then_some(text).ok_or(XmlError::Malformed)
}

fn is_legal(letter: char) -> bool {
    matches!(letter, '\t' | '\n' | '\r' | ' '..='\u{d7ff}' | '\u{e000}'..='\u{fffd}' | '\u{10000}'..)
}

impl Element {
    /// An element that holds nothing.
    fn new(name: &str) -> Self {
        Self { name: name.into(), attributes: Vec::new(), children: Vec::new(), text: String::new() }
    }

    /// Its name without a prefix.
    #[must_use]
    pub fn name(&self) -> &str {
        local(&self.name)
    }

    /// The namespace that it declares for itself; one that an element around it declares is not known here.
    #[must_use]
    pub fn own_namespace(&self) -> Option<&str> {
        let is_own = |key: &str| match self.name.split_once(':') {
            Some((prefix, _)) => key.strip_prefix("xmlns:") == Some(prefix),
            None => key == "xmlns",
        };
        self.attributes.iter().find(|(key, _)| is_own(key)).map(|(_, value)| &**value)
    }

    /// The value of an attribute, by its name without a prefix.
    #[must_use]
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes().find(|(key, _)| *key == name).map(|(_, value)| value)
    }

    /// The attributes, by their names without prefixes, declarations of namespaces left out.
    pub fn attributes(&self) -> impl Iterator<Item = (&str, &str)> {
        let is_plain = |key: &str| key != "xmlns" && !key.starts_with("xmlns:");
        let plain = self.attributes.iter().filter(move |(key, _)| is_plain(key));
        plain.map(|(key, value)| (local(key), &**value))
    }

    /// The first child of a name without a prefix.
    #[must_use]
    pub fn child(&self, name: &str) -> Option<&Self> {
        self.children.iter().find(|child| child.name() == name)
    }

    /// All children, in their order.
    #[must_use]
    pub fn children(&self) -> &[Self] {
        &self.children
    }

    /// Its own text, without that of its children, and without blanks around it.
    #[must_use]
    pub fn text(&self) -> &str {
        self.text.trim_ascii()
    }

    /// The text of the first child of a name.
    #[must_use]
    pub fn text_of(&self, child: &str) -> Option<&str> {
        self.child(child).map(Self::text)
    }

    /// Writes it as XML, its own text before its children.
    pub fn write(&self, out: &mut String) {
        out.push('<');
        out.push_str(&self.name);
        for (key, value) in &self.attributes {
            out.push_str(&format!(" {key}=\"{}\"", escaped(value)));
        }
        out.push('>');
        out.push_str(&escaped(&self.text));
        for child in &self.children {
            child.write(out);
        }
        out.push_str(&format!("</{}>", self.name));
    }
}

fn local(name: &str) -> &str {
    name.split_once(':').map_or(name, |(_, local)| local)
}

/// A text as it may stand between tags or in an attribute: characters that XML does not know become U+FFFD.
#[must_use]
pub fn escaped(text: &str) -> String {
    let mut out = String::with_capacity(text.len());
    for letter in text.chars() {
        match letter {
            '&' => out.push_str("&amp;"),
            '<' => out.push_str("&lt;"),
            '>' => out.push_str("&gt;"),
            '"' => out.push_str("&quot;"),
            '\'' => out.push_str("&apos;"),
            // Readers make blanks of these.
            '\t' => out.push_str("&#9;"),
            '\n' => out.push_str("&#10;"),
            '\r' => out.push_str("&#13;"),
            letter if is_legal(letter) => out.push(letter),
            _ => out.push('\u{fffd}'),
        }
    }
    out
}

#[cfg(test)]
mod tests {
    use super::*;

    const CAPS: Caps = Caps { bytes: 4_096, depth: 8, elements: 40, attributes: 4 };

    #[test]
    fn elements_are_found_by_their_local_names() {
        let text = "\u{feff}<?xml version='1.0' encoding=\"UTF-8\"?>\n<!-- a -->\n\
            <s:Envelope xmlns:s=\"urn:s\" xmlns=\"urn:d\"><s:Body><login force='tr&#117;e' xml:lang=\"en\">\
            <u:name xmlns:u=\"urn:u\"> a&amp;b<![CDATA[<c>]]>&#x64; </u:name><empty/></login></s:Body></s:Envelope>\n";
        let root = read(text.as_bytes(), &CAPS).unwrap();
        assert_eq!((root.name(), root.own_namespace()), ("Envelope", Some("urn:s")));
        let login = root.child("Body").unwrap().child("login").unwrap();
        assert_eq!(login.attributes().collect::<Vec<_>>(), [("force", "true"), ("lang", "en")]);
        assert_eq!(login.text_of("name"), Some("a&b<c>d"));
        assert_eq!(login.text_of("empty"), Some(""));
        assert_eq!(login.child("name").unwrap().own_namespace(), Some("urn:u"));
        assert_eq!(login.own_namespace(), None);
    }

    #[test]
    fn what_is_no_xml_is_refused() {
        for (text, error) in [
            ("", XmlError::Malformed),
            ("text", XmlError::Malformed),
            ("<a>", XmlError::Malformed),
            ("<a></b>", XmlError::Malformed),
            ("<a/><b/>", XmlError::Malformed),
            ("<a/>text", XmlError::Malformed),
            ("<a/>&amp;", XmlError::Malformed),
            ("<a b='1' b='2'/>", XmlError::Malformed),
            ("<a b=1/>", XmlError::Malformed),
            ("<1/>", XmlError::Malformed),
            ("<a:b:c/>", XmlError::Malformed),
            ("<a>\u{1}</a>", XmlError::Malformed),
            ("<a>&#1;</a>", XmlError::Malformed),
            ("<a b='&#0;'/>", XmlError::Malformed),
            ("<a> & </a>", XmlError::Malformed),
            ("<a>&own;</a>", XmlError::Entity),
            ("<a b='&own;'/>", XmlError::Entity),
        ] {
            assert_eq!(read(text.as_bytes(), &CAPS), Err(error), "{text:?}");
        }
        assert_eq!(read(b"<a>\xff</a>", &CAPS), Err(XmlError::NotUtf8));
    }

    #[test]
    fn bombs_are_refused() {
        let laughs = "<!DOCTYPE l [<!ENTITY a \"ha\"><!ENTITY b \"&a;&a;&a;&a;\">]><l>&b;</l>";
        assert_eq!(read(laughs.as_bytes(), &CAPS), Err(XmlError::Doctype));
        let external = "<!DOCTYPE l SYSTEM \"file:///etc/passwd\"><l/>";
        assert_eq!(read(external.as_bytes(), &CAPS), Err(XmlError::Doctype));
        let nested = |depth: usize| "<a>".repeat(depth) + &"</a>".repeat(depth);
        assert!(read(nested(8).as_bytes(), &CAPS).is_ok());
        assert_eq!(read(nested(9).as_bytes(), &CAPS), Err(XmlError::Depth(8)));
        assert_eq!(read("<a>".repeat(1_000).as_bytes(), &CAPS), Err(XmlError::Depth(8)));
        let wide = |count: usize| format!("<a>{}</a>", "<b/>".repeat(count));
        assert!(read(wide(39).as_bytes(), &CAPS).is_ok());
        assert_eq!(read(wide(40).as_bytes(), &CAPS), Err(XmlError::Elements(40)));
        assert!(read(b"<a b='' c='' d='' e=''/>", &CAPS).is_ok());
        assert_eq!(read(b"<a b='' c='' d='' e='' f=''/>", &CAPS), Err(XmlError::Attributes(4)));
        assert_eq!(read(&[b' '; 4_097], &CAPS), Err(XmlError::Bytes(4_096)));
    }

    #[test]
    fn what_xml_does_not_know_is_not_written() {
        assert_eq!(escaped("a<b>&\"'\n\u{0}\u{fffe}é"), "a&lt;b&gt;&amp;&quot;&apos;&#10;\u{fffd}\u{fffd}é");
    }
}
