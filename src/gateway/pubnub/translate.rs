//! Where the words of the dialect and those of the core meet: a user's state is a member's content.

use axum::body::Bytes;

use crate::core::{Content, Facts};
use crate::gateway::json;

/// How contents begin that clients of the native dialect take for their own.
const NATIVE: &str = "{\"mediaSession\":{";

/// A state as the core keeps it; `None` if it is no object.
pub(super) fn content(text: &str) -> Option<Content> {
    let text = text.trim();
    let rest = text.strip_prefix('{')?;
    let fingerprint = json::fingerprint(text, &[])?;
    // It must not be taken for what only clients of another dialect may say.
    let is_alike = text.starts_with(NATIVE);
    let bytes = if is_alike { format!("{{ {rest}").into() } else { Bytes::copy_from_slice(text.as_bytes()) };
    Some(Content { bytes, fingerprint, facts: Facts::default() })
}

/// The state that a content is, if it can be shown as one: whatever dialect said it.
pub(super) fn state(content: &Content) -> Option<Bytes> {
    let said = content.bytes.trim_ascii();
    (said.starts_with(b"{") && said != b"{}").then(|| content.bytes.clone())
}
