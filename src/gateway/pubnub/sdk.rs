//! Which client library asks, and what it must be told otherwise: the only place that knows their names.

/// A client library, by the `pnsdk` of its requests.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(super) struct Sdk {
    /// The version of the library in Rust; `None` for all others.
    rust: Option<Version>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Version {
    Known(u32, u32),
    Unknown,
}

/// When a presence event that is no change of state carries `data`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum Data {
    /// Always, `{}` if there is no state; without it the library takes the event for a message.
    Always,
    /// Never; with it the library takes the event for a change of state.
    Never,
    /// If there is state; never in intervals.
    IfState,
}

impl Sdk {
    /// Reads a decoded `pnsdk`, such as `PubNub-Rust/0.9.0`.
    pub(super) fn parse(pnsdk: &str) -> Self {
        let version = pnsdk.strip_prefix("PubNub-Rust/");
        let version = version.or_else(|| (pnsdk == "PubNub-Rust").then_some(""));
        Self { rust: version.map(Version::parse) }
    }

    /// When presence events carry `data`.
    pub(super) fn data(self) -> Data {
        match self.rust {
            Some(Version::Known(0, 3 | 4)) => Data::Always,
            None | Some(Version::Known(0, 5 | 6)) => Data::IfState,
            Some(_) => Data::Never,
        }
    }

    /// Whether the state of one channel is asked for in the shape of that of many, and a single channel that is named beside
    /// groups must be in the answer to who is here.
    pub(super) fn wants_channels(self) -> bool {
        self.rust.is_some()
    }

    /// Whether it takes a refusal for a success that has a `payload`, where it sets a state.
    pub(super) fn trusts_payloads(self) -> bool {
        self.rust.is_some()
    }

    /// Whether groups and filters are percent-encoded twice.
    pub(super) fn encodes_twice(self) -> bool {
        self.rust.is_some()
    }

    /// Whether it sends no leave of its own, so that the end of a held request may have to stand for one.
    pub(super) fn is_silent_on_leave(self) -> bool {
        self.rust.is_some()
    }

    /// Whether it can be told to come back later. The others ask again at once, ever faster: they are held for a while and told
    /// that nothing happened.
    pub(super) fn can_wait(self) -> bool {
        !matches!(self.rust, Some(Version::Known(0, 3 | 4)))
    }
}

impl Version {
    fn parse(text: &str) -> Self {
        let mut parts = text.split('.').map(str::parse);
        match (parts.next(), parts.next()) {
            (Some(Ok(major)), Some(Ok(minor))) => Self::Known(major, minor),
            _ => Self::Unknown,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_library_has_its_branches() {
        for (pnsdk, data, is_rust, can_wait) in [
            ("PubNub-Rust/0.3.0", Data::Always, true, false),
            ("PubNub-Rust/0.4.1", Data::Always, true, false),
            ("PubNub-Rust/0.5.0", Data::IfState, true, true),
            ("PubNub-Rust/0.6.0", Data::IfState, true, true),
            ("PubNub-Rust/0.7.0", Data::Never, true, true),
            ("PubNub-Rust/0.30.0", Data::Never, true, true),
            ("PubNub-Rust/1.3", Data::Never, true, true),
            ("PubNub-Rust/new", Data::Never, true, true),
            ("PubNub-Rust", Data::Never, true, true),
            ("PubNub-Python/7.0.0", Data::IfState, false, true),
            ("PubNub-JS-Nodejs/7.3.3", Data::IfState, false, true),
            ("PubNub-Rusty/0.3.0", Data::IfState, false, true),
            ("", Data::IfState, false, true),
        ] {
            let sdk = Sdk::parse(pnsdk);
            assert_eq!((sdk.data(), sdk.can_wait()), (data, can_wait), "{pnsdk}");
            let branches = [sdk.wants_channels(), sdk.encodes_twice(), sdk.is_silent_on_leave()];
            assert_eq!(branches, [is_rust; 3], "{pnsdk}");
        }
    }
}
