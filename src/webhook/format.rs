//! What a format of webhooks provides: which hooks it knows, and what a post looks like.

use std::fmt;

use bytes::Bytes;
use reqwest::header::{HeaderMap, HeaderName, HeaderValue};

use super::hook::{Hook, What};
use super::queue::Queued;
use crate::core::{TopicName, Wall};

/// What is posted, whatever its form.
#[derive(Debug, Clone, Copy)]
pub struct Post<'a> {
    /// The same for every try of this post.
    pub id: &'a str,
    /// When this try is made.
    pub now: Wall,
    /// In order; none in the post that says that the hub has started.
    pub hooks: &'a [Queued],
    /// How many hooks were given up for this endpoint since the hub started.
    pub lost: u64,
}

/// A post as it goes out.
#[derive(Debug, Clone)]
pub struct Rendered {
    /// Its headers.
    pub headers: HeaderMap,
    /// Its body.
    pub body: Bytes,
}

/// One form of webhooks, with the secret of one endpoint.
pub trait Format: Send + Sync + fmt::Debug {
    /// Whether such a thing is told of such a topic at all.
    fn tells(&self, what: What, topic: &TopicName) -> bool;

    /// Whether such a hook is never posted together with others.
    fn is_alone(&self, what: What) -> bool;

    /// What a hook that an endpoint wants is told as, in order: usually itself.
    fn told(&self, hook: Hook) -> Vec<Hook> {
        vec![hook]
    }

    /// Makes a post, stamped and signed for now.
    fn render(&self, post: &Post<'_>) -> Rendered;
}

/// JSON with some headers more. What no header can hold is left out.
pub(super) fn json(body: Vec<u8>, headers: &[(&'static str, &str)]) -> Rendered {
    let of_json = ("content-type", "application/json");
    let header = |(name, value): &(&'static str, &str)| {
        Some((HeaderName::from_static(name), HeaderValue::from_str(value).ok()?))
    };
    let headers = std::iter::once(&of_json).chain(headers).filter_map(header).collect();
    Rendered { headers, body: body.into() }
}
