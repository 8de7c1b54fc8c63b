//! What holds of any bytes as XML: asked by the fuzz target, and by `protocol/tests/codecs`.

use presence_protocol::xml::{Caps, Element, escaped, read};

const CAPS: Caps = Caps { bytes: 4_096, depth: 16, elements: 64, attributes: 8 };

/// Reads a document, and what was read as it is written again; whether it is one.
pub(crate) fn holds(bytes: &[u8]) -> bool {
    let Ok(root) = read(bytes, &CAPS) else { return false };
    assert!(bytes.len() <= CAPS.bytes);
    let mut elements = 0;
    let held = weigh(&root, 1, &mut elements);
    // No reference is shorter than what it stands for, so nothing grows.
    assert!(held <= bytes.len());
    assert!(elements <= CAPS.elements);
    let mut written = String::new();
    root.write(&mut written);
    let roomy = Caps { bytes: written.len(), ..CAPS };
    let again = read(written.as_bytes(), &roomy).unwrap();
    assert_eq!(again, root, "{written}");
    let text = escaped(&String::from_utf8_lossy(bytes));
    assert!(
        read(format!("<a b=\"{text}\">{text}</a>").as_bytes(), &Caps { bytes: usize::MAX, ..CAPS }).is_ok()
    );
    true
}

/// The bytes of all names and texts.
fn weigh(element: &Element, depth: usize, elements: &mut usize) -> usize {
    assert!(depth <= CAPS.depth);
    *elements += 1;
    assert!(element.attributes().count() <= CAPS.attributes);
    let attributes: usize = element.attributes().map(|(key, value)| key.len() + value.len()).sum();
    let below: usize = element.children().iter().map(|child| weigh(child, depth + 1, elements)).sum();
    element.name().len() + element.text().len() + attributes + below
}
