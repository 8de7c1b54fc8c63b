//! The namespaces that the dialect is spoken in.

/// A namespace. Others are refused.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Namespace {
    /// `/chat`, where the dialect's clients are.
    Chat,
    /// `/`, for those that name none.
    Root,
}

impl Namespace {
    /// The namespace of this name.
    pub(super) fn named(name: &str) -> Option<Self> {
        match name {
            "/chat" => Some(Self::Chat),
            "/" => Some(Self::Root),
            _ => None,
        }
    }

    /// Its name.
    pub(super) fn name(self) -> &'static str {
        match self {
            Self::Chat => "/chat",
            Self::Root => "/",
        }
    }
}
