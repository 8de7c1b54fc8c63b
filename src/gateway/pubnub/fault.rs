//! What goes wrong in the dialect, in the words and shapes that its libraries know. The one table of them.

use bytes::Bytes;
use serde_json::{Value, json};

use super::answer::{Answer, Service};
use crate::core::Timetoken;

/// Something went wrong, and this is the answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct Fault {
    service: Service,
    status: u16,
    body: Bytes,
    retry_after: Option<u32>,
}

/// What is wrong with a published message.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Unsent {
    /// The publish key is not the app's.
    Key,
    /// It is not JSON, or a parameter beside it is not.
    Json,
    /// It has too many bytes.
    TooLarge,
    /// The channel is a pattern.
    Pattern,
    /// It is a signal, and has too many bytes for one.
    LongSignal,
    /// The channel has no name that a channel can have.
    Channel,
    /// The custom type has fewer than 3 or more than 50 characters, or others than letters, digits, `-` and `_`.
    Type,
}

impl Unsent {
    fn text(self) -> &'static str {
        match self {
            Self::Key => "Invalid Key",
            Self::Json => "Invalid JSON",
            Self::TooLarge => "Message Too Large",
            Self::Pattern => "Wildcard maximum depth exceeded",
            Self::LongSignal => "Signal size too large",
            Self::Channel => "Invalid Channel",
            Self::Type => "Invalid custom_message_type",
        }
    }
}

/// What is wrong with a request to grant or to revoke, in the words of the access manager's third version.
#[derive(Debug, Clone, Copy)]
struct Detail {
    message: &'static str,
    source: &'static str,
    detail: &'static str,
    location: &'static str,
    kind: &'static str,
}

impl Fault {
    /// The answer that says so.
    pub(super) fn answer(self) -> Answer {
        Answer::refusal(self.service, self.status, self.body, self.retry_after)
    }

    /// Whether the same request may be served later.
    pub(super) fn is_later(&self) -> bool {
        self.status == 429
    }

    /// The same without the names of what is refused: one library takes whatever has a `payload` for a success where it sets a state.
    pub(super) fn without_payload(self) -> Self {
        let Ok(Value::Object(mut body)) = serde_json::from_slice(&self.body) else { return self };
        body.remove("payload");
        Self { body: Value::Object(body).to_string().into(), ..self }
    }

    fn of(service: Service, status: u16, body: &Value) -> Self {
        Self { service, status, body: body.to_string().into(), retry_after: None }
    }

    /// The usual shape. `error` is a boolean, because the library in Rust reads nothing else.
    fn plain(service: Service, status: u16, message: &str) -> Self {
        let body = json!({"status": status, "error": true, "message": message, "service": service.name()});
        Self::of(service, status, &body)
    }

    fn detailed(status: u16, what: Detail) -> Self {
        let details = json!([{"message": what.detail, "location": what.location, "locationType": what.kind}]);
        let error = json!({"message": what.message, "source": what.source, "details": details});
        let service = Service::AccessManager;
        let body = json!({"error": error, "service": service.name(), "status": status});
        Self::of(service, status, &body)
    }

    // === Requests of any service ===

    /// Something that should be text is not UTF-8.
    pub(super) fn not_text(service: Service) -> Self {
        Self::plain(service, 400, "Invalid UTF-8 in the request")
    }

    /// There are more parameters than any library sends.
    pub(super) fn too_many_parameters(service: Service) -> Self {
        Self::plain(service, 400, "Too many parameters")
    }

    /// A parameter is not what it should be.
    pub(super) fn bad_parameter(service: Service, name: &str) -> Self {
        Self::plain(service, 400, &format!("Invalid parameter: {name}"))
    }

    /// What should be the name of a function is none.
    pub(super) fn bad_callback(service: Service) -> Self {
        Self::plain(service, 400, "Invalid callback")
    }

    /// No app has this subscribe key.
    pub(super) fn bad_subscribe_key() -> Self {
        Self::plain(Service::AccessManager, 400, "Invalid Subscribe Key")
    }

    /// There is no such path.
    pub(super) fn not_found(path: &str) -> Self {
        let path: String = path.chars().filter(|letter| !letter.is_control()).take(256).collect();
        Self::plain(Service::Presence, 404, &format!("Not found: '{path}'"))
    }

    /// The address is longer than 32 KiB.
    pub(super) fn long_uri() -> Self {
        Self::plain(Service::Balancer, 414, "Request URI Too Long")
    }

    /// The body is longer than is read, or does not come. Those of messages are answered as all that is wrong with messages.
    pub(super) fn long_body(service: Service) -> Self {
        let text = "Request Entity Too Large";
        match service {
            Service::PubSub => Self::of(service, 413, &json!([0, text])),
            _ => Self::plain(service, 413, text),
        }
    }

    /// The path is not for this method.
    pub(super) fn bad_method(service: Service) -> Self {
        Self::plain(service, 405, "Method Not Allowed")
    }

    /// More requests come than the app may send.
    pub(super) fn too_many_requests(service: Service, retry_after: u32) -> Self {
        let body =
            json!({"status": 429, "error": true, "message": "Too many requests.", "service": service.name()});
        Self { retry_after: Some(retry_after), ..Self::of(service, 429, &body) }
    }

    /// The hub cannot serve this at the moment. Never on subscribe, where the library in Rust breaks on it.
    pub(super) fn unavailable(service: Service) -> Self {
        Self { retry_after: Some(1), ..Self::plain(service, 503, "Service Unavailable") }
    }

    // === Names ===

    /// The name is no channel's.
    pub(super) fn bad_channel(service: Service) -> Self {
        Self::plain(service, 400, "Invalid Channel")
    }

    /// The name is no group's.
    pub(super) fn bad_group(service: Service) -> Self {
        Self::plain(service, 400, "Invalid Channel Group")
    }

    /// The pattern has too many dots.
    pub(super) fn deep_pattern(service: Service) -> Self {
        Self::plain(service, 400, Unsent::Pattern.text())
    }

    /// More names come than are read.
    pub(super) fn too_many_names(most: usize, service: Service) -> Self {
        Self::plain(service, 400, &format!("More than {most} names in one request"))
    }

    /// The uuid is none.
    pub(super) fn bad_uuid(service: Service) -> Self {
        Self::plain(service, 400, "Invalid UUID")
    }

    /// There is no uuid where there must be one.
    pub(super) fn no_uuid() -> Self {
        Self::plain(Service::Presence, 400, "No UUID specified")
    }

    // === Presence and subscribe ===

    /// There is no state where there must be some.
    pub(super) fn no_state() -> Self {
        Self::plain(Service::Presence, 400, "No state specified.")
    }

    /// The state is not a JSON object, or too deep.
    pub(super) fn bad_state(service: Service) -> Self {
        Self::plain(service, 400, "Invalid JSON specified.")
    }

    /// The state has too many bytes.
    pub(super) fn long_state(service: Service) -> Self {
        Self::plain(service, 400, "State size too large")
    }

    /// Only groups are named, and no channel is in them.
    pub(super) fn empty_groups() -> Self {
        let message = "Channel group or groups result in empty subscription set";
        Self::plain(Service::PubSub, 400, message)
    }

    /// The filter is not one.
    pub(super) fn bad_filter(why: &str) -> Self {
        Self::plain(Service::PubSub, 481, &format!("Invalid filter expression: {why}"))
    }

    /// The app has as many occupants as it may.
    pub(super) fn full() -> Self {
        Self { retry_after: Some(10), ..Self::plain(Service::Presence, 429, "Too many occupants.") }
    }

    /// As many states are kept of users who are not present as may be.
    pub(super) fn too_many_states() -> Self {
        Self { retry_after: Some(10), ..Self::plain(Service::Presence, 429, "Too many states.") }
    }

    /// Asking for everybody everywhere is switched off.
    pub(super) fn no_global_here_now() -> Self {
        Self::plain(Service::Presence, 403, "Global here now is not enabled for this subscribe key.")
    }

    // === Publish and history ===

    /// A message was not published.
    pub(super) fn unsent(why: Unsent, now: Timetoken) -> Self {
        Self::of(Service::PubSub, 400, &json!([0, why.text(), now.to_string()]))
    }

    /// The hub does not delete what was said.
    pub(super) fn not_deletable() -> Self {
        Self::plain(Service::PubSub, 403, "Deleting from history is not enabled for this subscribe key.")
    }

    /// Messages cannot be counted so.
    pub(super) fn bad_counts() -> Self {
        let body =
            json!({"status": 400, "error": true, "error_message": "Invalid Arguments", "channels": {}});
        Self::of(Service::PubSub, 400, &body)
    }

    // === Channel groups ===

    /// A name has a character that means something else.
    pub(super) fn reserved_character() -> Self {
        Self::plain(Service::Registry, 400, "Reserved character in input parameters.")
    }

    /// There are as many groups as there may be.
    pub(super) fn too_many_groups() -> Self {
        Self::plain(Service::Registry, 400, "Maximum channel group count exceeded.")
    }

    /// A group has as many channels as it may.
    pub(super) fn full_group() -> Self {
        Self::plain(Service::Registry, 400, "Maximum channels count exceeded.")
    }

    /// The app has no presence in this dialect.
    pub(super) fn no_presence() -> Self {
        let message = "Use of the presence API requires the Presence add-on which is not enabled for this \
                       subscribe key.";
        Self::plain(Service::Presence, 403, message)
    }

    /// The app has no groups.
    pub(super) fn no_groups() -> Self {
        let message = "Use of the channel groups API requires the Stream Controller add-on which is not \
                       enabled for this subscribe key.";
        Self::plain(Service::Registry, 403, message)
    }

    // === The access manager ===

    /// Something is not granted: these channels, or else these groups.
    pub(super) fn forbidden(channels: &[String], groups: &[String]) -> Self {
        let groups: Vec<_> = groups.iter().map(|group| format!(":{group}")).collect();
        let payload = match (channels, groups.as_slice()) {
            (channels, []) => json!({"channels": channels}),
            ([], groups) => json!({"channel-groups": groups}),
            (channels, groups) => json!({"channels": channels, "channel-groups": groups}),
        };
        let service = Service::AccessManager;
        let body = json!({"message": "Forbidden", "payload": payload, "error": true, "service": service.name(), "status": 403});
        Self::of(service, 403, &body)
    }

    /// The token is not for this, whatever channel it is about: it is another uuid's, or none of the app's.
    pub(super) fn bad_token() -> Self {
        Self::plain(Service::AccessManager, 403, "Invalid token")
    }

    /// The token was good for a time that has passed.
    pub(super) fn expired() -> Self {
        Self::plain(Service::AccessManager, 403, "Token is expired")
    }

    /// The token was revoked.
    pub(super) fn revoked() -> Self {
        Self::plain(Service::AccessManager, 403, "Token is revoked")
    }

    /// A request is not signed as the app's backends sign.
    pub(super) fn unsigned() -> Self {
        Self::plain(Service::AccessManager, 403, "Signature Does Not Match")
    }

    /// A signed request has no time, or one that is too far off.
    pub(super) fn bad_timestamp() -> Self {
        Self::plain(Service::AccessManager, 400, "Invalid Timestamp")
    }

    /// A request to grant is not what it should be.
    pub(super) fn unreadable() -> Self {
        Self::plain(Service::AccessManager, 400, "Could Not Parse Request")
    }

    /// A request to `grant` or to `revoke` is not signed as the app's backends sign.
    pub(super) fn unsigned_for(source: &'static str) -> Self {
        let detail = "Client and server produced different signatures for the same inputs.";
        let message = "Invalid signature";
        Self::detailed(403, Detail { message, source, detail, location: "signature", kind: "query" })
    }

    /// A token is to be good for longer than may be, or for no time.
    pub(super) fn bad_ttl() -> Self {
        let detail = "Range should be 1 to 43200 minute(s).";
        let (message, source) = ("Invalid ttl", "grant");
        Self::detailed(400, Detail { message, source, detail, location: "ttl", kind: "body" })
    }

    /// A token is to allow nothing.
    pub(super) fn no_permissions() -> Self {
        let (message, source) = ("This grant contains no permissions", "grant");
        let detail = "What are you granting?";
        Self::detailed(400, Detail { message, source, detail, location: "permissions", kind: "body" })
    }

    /// A token is to hold something that no token can.
    pub(super) fn bad_permissions(detail: &'static str) -> Self {
        let (message, source) = ("Invalid permissions", "grant");
        Self::detailed(400, Detail { message, source, detail, location: "permissions", kind: "body" })
    }

    /// A token that has ended cannot be revoked.
    pub(super) fn revoke_expired() -> Self {
        Self::unrevoked("Token is expired.")
    }

    /// As many tokens are revoked as are remembered.
    pub(super) fn too_many_revocations() -> Self {
        Self::unrevoked("As many tokens are revoked as apps.#.pubnub.revocations allows.")
    }

    /// What is to be revoked is no token of the app.
    pub(super) fn revoke_invalid() -> Self {
        Self::unrevoked("Token is invalid.")
    }

    fn unrevoked(detail: &'static str) -> Self {
        let (message, source) = ("Invalid token", "revoke");
        Self::detailed(400, Detail { message, source, detail, location: "token", kind: "path" })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How each is made, its status and its body.
    type Known = (fn() -> Fault, u16, &'static str);

    const KNOWN: [Known; 14] = [
        (
            || Fault::forbidden(&["room-a".to_owned()], &[]),
            403,
            r#"{"message":"Forbidden","payload":{"channels":["room-a"]},"error":true,"service":"Access Manager","status":403}"#,
        ),
        (
            || Fault::forbidden(&[], &["grp-1".to_owned()]),
            403,
            r#"{"message":"Forbidden","payload":{"channel-groups":[":grp-1"]},"error":true,"service":"Access Manager","status":403}"#,
        ),
        (
            || Fault::revoked(),
            403,
            r#"{"error":true,"status":403,"service":"Access Manager","message":"Token is revoked"}"#,
        ),
        (
            || Fault::revoke_expired(),
            400,
            r#"{"error":{"details":[{"location":"token","locationType":"path","message":"Token is expired."}],"message":"Invalid token","source":"revoke"},"service":"Access Manager","status":400}"#,
        ),
        (
            || Fault::unsigned_for("grant"),
            403,
            r#"{"error":{"message":"Invalid signature","source":"grant","details":[{"message":"Client and server produced different signatures for the same inputs.","location":"signature","locationType":"query"}]},"service":"Access Manager","status":403}"#,
        ),
        (
            || Fault::bad_ttl(),
            400,
            r#"{"error":{"message":"Invalid ttl","source":"grant","details":[{"message":"Range should be 1 to 43200 minute(s).","location":"ttl","locationType":"body"}]},"service":"Access Manager","status":400}"#,
        ),
        (
            || Fault::no_permissions(),
            400,
            r#"{"error":{"message":"This grant contains no permissions","source":"grant","details":[{"message":"What are you granting?","location":"permissions","locationType":"body"}]},"service":"Access Manager","status":400}"#,
        ),
        (
            || Fault::bad_timestamp(),
            400,
            r#"{"message":"Invalid Timestamp","error":true,"service":"Access Manager","status":400}"#,
        ),
        (
            || Fault::unsent(Unsent::Key, Timetoken(17_610_000_057_712_345)),
            400,
            r#"[0,"Invalid Key","17610000057712345"]"#,
        ),
        (
            || Fault::long_uri(),
            414,
            r#"{"status":414,"service":"Balancer","error":true,"message":"Request URI Too Long"}"#,
        ),
        (
            || Fault::empty_groups(),
            400,
            r#"{"status":400,"service":"PubSub","error":true,"message":"Channel group or groups result in empty subscription set"}"#,
        ),
        (
            || Fault::no_uuid(),
            400,
            r#"{"status":400,"error":true,"message":"No UUID specified","service":"Presence"}"#,
        ),
        (
            || Fault::not_found("/v2/presence/x\u{7}"),
            404,
            r#"{"message":"Not found: '/v2/presence/x'","error":true,"service":"Presence","status":404}"#,
        ),
        (
            || Fault::bad_counts(),
            400,
            r#"{"status":400,"error":true,"error_message":"Invalid Arguments","channels":{}}"#,
        ),
    ];

    #[test]
    fn the_shapes_are_those_that_libraries_know() {
        for (fault, status, body) in KNOWN {
            let fault = fault();
            assert_eq!(fault.status, status, "{body}");
            let said: Value = serde_json::from_slice(&fault.body).unwrap();
            assert_eq!(said, serde_json::from_str::<Value>(body).unwrap());
        }
    }
}
