//! Why somebody is online: a party's status, the rule behind it, and every session that it follows from.

use axum::extract::{Path, State};
use axum::http::StatusCode;
use axum::response::{IntoResponse, Json, Response};
use chrono::{DateTime, SecondsFormat};
use serde_json::{Value, json};

use super::server::Console;
use crate::core::{Lease, Leases, Mono, Now, PartyId, Roster, SessionId, Status, Topic, TopicName, Wall};

/// `GET /admin/apps/{app}/parties/{party}`: who is nowhere gets an answer too, with empty lists.
pub(super) async fn party(
    State(console): State<Console>,
    Path((app, party)): Path<(String, String)>,
) -> Response {
    let (handle, party) = match console.whose(&app, &party) {
        Ok(known) => known,
        Err(wrong) => return wrong,
    };
    match handle.read(move |roster, leases, now| explain(roster, leases, now, &party)).await {
        Some(explained) => Json(explained).into_response(),
        None => StatusCode::SERVICE_UNAVAILABLE.into_response(),
    }
}

fn explain(roster: &Roster, leases: &Leases, now: Now, party: &PartyId) -> Value {
    let topics: Vec<_> = roster.whereabouts(party).map(TopicName::as_str).collect();
    let everywhere = roster.everywhere(party).filter_map(|name| Some((name, roster.topic(name)?)));
    let memberships: Vec<_> = everywhere
        .flat_map(|(name, topic)| {
            let sessions = topic.member(party).map_or(&[][..], |member| &member.sessions);
            sessions.iter().filter_map(move |session| membership(leases, now, (name, topic), *session))
        })
        .collect();
    let status = roster.status(party, now.wall);
    let by_hand = roster.by_hand(party, now.wall);
    json!({
        "party": party.as_str(),
        "status": word(status),
        "because": if by_hand.is_some() { "it was set by hand" } else { reason(status) },
        "byHand": by_hand.map(|set| json!({"status": word(set.status), "until": set.until.map(time)})),
        "topics": topics,
        "memberships": memberships,
    })
}

fn membership(
    leases: &Leases,
    now: Now,
    (name, topic): (&TopicName, &Topic),
    session: SessionId,
) -> Option<Value> {
    let known = topic.membership(session)?;
    let facts = known.entry.content.facts;
    let lease = leases.get(session);
    let at = |at: Mono| time(Wall(now.wall.0 + ticks(at, now)));
    Some(json!({
        // Of the party as a whole, wherever the session is: nobody can be asked about that topic.
        "topic": (!name.is_of_party()).then(|| name.as_str()),
        "session": session.0.to_string(),
        "node": known.entry.node.0.to_string(),
        "isAttached": known.is_attached,
        "isIdle": facts.idle,
        "isInMedia": facts.in_media,
        // What follows is known only on the node that the session is on.
        "lastHeard": lease.map(|lease| time(lease.last_heard.wall)),
        "silenceEnds": lease.and_then(Lease::silence_ends).map(at),
        "graceEnds": lease.and_then(|lease| lease.grace_ends(name)).map(at),
    }))
}

/// How far ahead an instant is, in the ticks of [`Wall`].
fn ticks(at: Mono, now: Now) -> u64 {
    u64::try_from(at.0.saturating_sub(now.mono.0).as_nanos() / 100).unwrap_or(u64::MAX)
}

fn time(at: Wall) -> Option<String> {
    let at = DateTime::from_timestamp_millis(i64::try_from(at.millis()).ok()?)?;
    Some(at.to_rfc3339_opts(SecondsFormat::Millis, true))
}

fn word(status: Status) -> &'static str {
    match status {
        Status::Available => "available",
        Status::Away => "away",
        Status::Busy => "busy",
        Status::DoNotDisturb => "dnd",
        Status::Vacation => "vacation",
        Status::Unavailable => "unavailable",
    }
}

/// The rule by which sessions make a status.
fn reason(status: Status) -> &'static str {
    match status {
        Status::Busy => "a session is in a media session",
        Status::Available => "a session is active",
        Status::Away => "every session is idle",
        Status::Unavailable => "there is no session",
        Status::DoNotDisturb | Status::Vacation => "it was set by hand",
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;
    use std::time::Duration;

    use bytes::Bytes;
    use uuid::Uuid;

    use super::*;
    use crate::core::{
        Content, Entry, Facts, Fingerprint, Limits, NodeId, Op, Override, Party, Record, Stamp, Terms,
    };

    const TABLET: SessionId = SessionId(Uuid::from_u128(1));
    const POLL: SessionId = SessionId(Uuid::from_u128(2));
    const ROOM: &str = "room";

    fn at(seconds: u64) -> Now {
        Now { mono: Mono(Duration::from_secs(seconds)), wall: Wall(seconds * Wall::TICKS_PER_SECOND) }
    }

    /// Alice is in a room with an idle tablet whose connection is lost, and with a poll.
    fn hub() -> (Roster, Leases, PartyId) {
        let alice = Arc::new(Party::new(PartyId::new("alice").unwrap()));
        let topic = TopicName::new(ROOM).unwrap();
        let (mut roster, mut leases) = (Roster::new(Limits::default()), Leases::default());
        for (session, timeout, idle) in [(TABLET, None, true), (POLL, Some(Duration::from_secs(300)), false)]
        {
            leases.open(session, Arc::clone(&alice), Terms { timeout }, at(100));
            leases.enter(session, topic.clone(), Duration::from_secs(15));
            let facts = Facts { in_media: false, idle };
            let content = Content { bytes: Bytes::new(), fingerprint: Fingerprint::default(), facts };
            let (party, node) = (Arc::clone(&alice), NodeId(Uuid::nil()));
            let entry = Entry { party, node, generation: 0, content };
            let op = Op::Enter(session, Arc::new(entry));
            roster.fold(Stamp::default(), &Record { topic: topic.clone(), op });
        }
        leases.detach(TABLET, at(104));
        roster.fold(Stamp::default(), &Record { topic, op: Op::Detach(TABLET) });
        (roster, leases, alice.id.clone())
    }

    #[test]
    fn every_session_shows_what_it_says_and_how_long_it_lasts() {
        let (roster, leases, alice) = hub();
        let told = explain(&roster, &leases, at(110), &alice);
        assert_eq!((&told["status"], &told["because"]), (&json!("available"), &json!("a session is active")));
        assert_eq!((&told["topics"], &told["byHand"]), (&json!([ROOM]), &Value::Null));
        let [tablet, poll] = told["memberships"].as_array().unwrap().as_slice() else { panic!("{told}") };
        let ends = |session: &Value| {
            ["isAttached", "isIdle", "lastHeard", "silenceEnds", "graceEnds"].map(|key| session[key].clone())
        };
        let time = |text: &str| json!(format!("1970-01-01T00:0{text}.000Z"));
        assert_eq!(ends(tablet), [json!(false), json!(true), time("1:44"), Value::Null, time("1:59")]);
        assert_eq!(ends(poll), [json!(true), json!(false), time("1:40"), time("6:40"), Value::Null]);
    }

    #[test]
    fn a_status_set_by_hand_says_so_until_it_ends() {
        let (mut roster, leases, alice) = hub();
        let set = Override { status: Status::DoNotDisturb, until: Some(at(200).wall) };
        let (topic, op) = (TopicName::of_party(&alice), Op::Override(alice.clone(), Some(set)));
        roster.fold(Stamp::default(), &Record { topic, op });
        let told = explain(&roster, &leases, at(110), &alice);
        assert_eq!((&told["status"], &told["because"]), (&json!("dnd"), &json!("it was set by hand")));
        assert_eq!(told["byHand"], json!({"status": "dnd", "until": "1970-01-01T00:03:20.000Z"}));
        assert_eq!(explain(&roster, &leases, at(200), &alice)["status"], "available");
    }

    #[test]
    fn who_has_only_signed_in_is_explained_by_that() {
        let bob = Arc::new(Party::new(PartyId::new("bob").unwrap()));
        let (mut roster, mut leases) = (Roster::new(Limits::default()), Leases::default());
        leases.open(TABLET, Arc::clone(&bob), Terms { timeout: None }, at(100));
        let topic = TopicName::of_party(&bob.id);
        leases.enter(TABLET, topic.clone(), Duration::from_secs(15));
        let (party, node) = (Arc::clone(&bob), NodeId(Uuid::nil()));
        let entry = Entry { party, node, generation: 0, content: Content::default() };
        roster.fold(Stamp::default(), &Record { topic, op: Op::Enter(TABLET, Arc::new(entry)) });
        let told = explain(&roster, &leases, at(110), &bob.id);
        assert_eq!((&told["status"], &told["topics"]), (&json!("available"), &json!([])));
        let [session] = told["memberships"].as_array().unwrap().as_slice() else { panic!("{told}") };
        assert_eq!((&session["topic"], &session["session"]), (&Value::Null, &json!(TABLET.0.to_string())));
        assert_eq!(session["isAttached"], true);
    }

    #[test]
    fn who_is_nowhere_is_explained_too() {
        let (roster, leases, _) = hub();
        let told = explain(&roster, &leases, at(110), &PartyId::new("nobody").unwrap());
        assert_eq!(
            (&told["status"], &told["because"]),
            (&json!("unavailable"), &json!("there is no session"))
        );
        assert_eq!((&told["topics"], &told["memberships"]), (&json!([]), &json!([])));
    }
}
