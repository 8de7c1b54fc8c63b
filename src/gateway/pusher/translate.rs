//! Where the words of the dialect and those of the core meet: users are parties, and what is shown of them is content.

use bytes::Bytes;
use presence_protocol::Object;

use crate::core::{Content, Facts, MemberView, Party, PartyId, PartyKind};
use crate::gateway::json;
use crate::gateway::principal::{shown_name, shown_picture};

/// A user as a party; `None` if the id cannot be one. What is shown of it is kept as it was written.
pub(super) fn user(id: &str, info: Option<&str>) -> Option<Party> {
    let mut party = Party::new(PartyId::new(id).ok()?);
    let Some(info) = info else { return Some(party) };
    party.info = Bytes::copy_from_slice(info.as_bytes());
    let Some(object) = Object::parse(info) else { return Some(party) };
    let first = |keys: &[&str]| keys.iter().find_map(|key| object.text(key)).unwrap_or_default();
    party.displayname = shown_name(&first(&["name", "displayname", "display_name"])).into();
    party.username = shown_name(&first(&["username", "email"])).into();
    party.picture_url = shown_picture(&first(&["picture_url", "picture", "avatar"])).into();
    Some(party)
}

/// What a user says by being there: what is shown of it.
pub(super) fn content(party: &Party) -> Content {
    let text = std::str::from_utf8(&party.info).unwrap_or_default();
    let fingerprint = json::fingerprint(text, &[]).unwrap_or_default();
    Content { bytes: party.info.clone(), fingerprint, facts: Facts::default() }
}

/// The connection itself, as long as it is nobody's.
pub(super) fn guest(socket_id: &str) -> Option<Party> {
    Some(Party { kind: PartyKind::Anonymous, ..Party::new(PartyId::new(socket_id).ok()?) })
}

/// Appends what is shown of a member, as JSON: what the app said of it, or what the hub knows of a party of another dialect, or `null`.
pub(super) fn user_info(member: &MemberView, out: &mut Vec<u8>) {
    let party = &member.party;
    if !party.info.is_empty() {
        return out.extend_from_slice(&party.info);
    }
    let names = [&party.displayname, &party.username];
    let name = names.into_iter().find(|name| !name.is_empty());
    if name.is_none() && member.content.bytes.is_empty() {
        return out.extend_from_slice(b"null");
    }
    let kind = match party.kind {
        PartyKind::User => "user",
        PartyKind::Anonymous => "anonymous",
        PartyKind::Phone => "phone",
        PartyKind::Bot => "bot",
    };
    json::object(out, |info| {
        info.text("name", name.map_or(party.id.as_str(), |name| name));
        for (key, text) in [("username", &party.username), ("picture_url", &party.picture_url)] {
            if !text.is_empty() {
                info.text(key, text);
            }
        }
        info.text("type", kind);
    });
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::core::{SessionId, Timetoken};
    use std::sync::Arc;

    fn info(party: Party, content: Content) -> String {
        let session = SessionId(uuid::Uuid::nil());
        let member =
            MemberView { party: Arc::new(party), session, content, attached: 1, joined: Timetoken(1) };
        let mut out = Vec::new();
        user_info(&member, &mut out);
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn what_the_app_said_is_shown_as_it_was_written() {
        for said in [r#"{"name": "A", "x":1.50}"#, "[1]", "\"x\"", "7", "{}"] {
            let party = user("1", Some(said)).unwrap();
            let content = content(&party);
            assert_eq!(info(party, content), said);
        }
        let party = user("1", None).unwrap();
        let content = content(&party);
        assert_eq!(info(party, content), "null");
    }

    #[test]
    fn members_of_other_dialects_have_names() {
        let party = Party { displayname: "Ann".into(), ..Party::new(PartyId::new("a").unwrap()) };
        assert_eq!(info(party, Content::default()), r#"{"name":"Ann","type":"user"}"#);
        let said = Content { bytes: Bytes::from_static(b"{\"mediaSession\":{}}"), ..Content::default() };
        let party = Party { kind: PartyKind::Anonymous, ..Party::new(PartyId::new("a").unwrap()) };
        assert_eq!(info(party, said), r#"{"name":"a","type":"anonymous"}"#);
    }

    #[test]
    fn other_dialects_see_names() {
        let party =
            user("1", Some(r#"{"name":" Ann\u0007 ","avatar":"https://a/b","email":"a@b"}"#)).unwrap();
        assert_eq!(
            (&*party.displayname, &*party.username, &*party.picture_url),
            ("Ann", "a@b", "https://a/b")
        );
        assert!(user("", None).is_none() && user("a\u{1f}", None).is_none());
    }
}
