//! Holds the types to the example payloads.

use serde::{Deserialize, Serialize};
use serde_json::Value;

use super::*;
use crate::Object;

macro_rules! payload {
    ($name:literal) => {
        include_str!(concat!("../../payloads/", $name, ".json"))
    };
}

fn same<'a, T: Serialize + Deserialize<'a>>(name: &str, text: &'a str) -> T {
    let read: T = serde_json::from_str(text).unwrap_or_else(|error| panic!("{name}: {error}"));
    let written = serde_json::to_value(&read).unwrap();
    let given: Value = serde_json::from_str(text).unwrap();
    assert_eq!(written, given, "{name}");
    read
}

#[test]
fn what_the_hub_says_is_read_and_written_to_the_letter() {
    same::<PresenceResponse<'_>>("online", payload!("party-online"));
    same::<PresenceResponse<'_>>("leaves", payload!("party-leaves"));
    same::<PresenceResponse<'_>>("removed", payload!("party-removed"));
    same::<PresenceResponse<'_>>("request", payload!("request-parties"));
    same::<PresenceResponse<'_>>("invalid", payload!("media-session-invalid"));
    same::<PresenceResponse<'_>>("phone online", payload!("dialin-party-online"));
    same::<PresenceResponse<'_>>("phone leaves", payload!("dialin-party-leaves"));
    same::<ChannelSubscribed<'_>>("subscribed", payload!("server-channel-subscribed"));
    same::<ChannelUnsubscribed<'_>>("unsubscribed", payload!("server-channel-unsubscribed"));
    same::<SubscribeChannelFailed<'_>>("subscribe failed", payload!("server-subscribe-channel-failed"));
    same::<MessageSent<'_>>("message", payload!("server-message-sent"));
    same::<SendMessageFailed<'_>>("message failed", payload!("server-send-message-failed"));
}

#[test]
fn rest_bodies_are_read_and_written_to_the_letter() {
    same::<AnonymousAuth>("anonymous auth", payload!("client-rest-anonymous-auth"));
    same::<Token>("token", payload!("server-rest-anonymous-auth"));
    same::<Me<'_>>("me", payload!("server-rest-users-me"));
    same::<Attendee<'_>>("removed", payload!("server-rest-attendee-removed"));
    same::<AttendeeRole<'_>>("role", payload!("server-rest-attendee-role"));
    same::<SpaceJoin<'_>>("join", payload!("server-rest-space-join"));
    same::<Members<'_>>("members", payload!("server-rest-space-members"));
    same::<SpaceInvited<'_>>("invite", payload!("server-rest-invite"));
    same::<MediaToken<'_>>("media token", payload!("server-rest-mpaas-token"));
    same::<ServiceConfigurations<'_>>("services", payload!("server-rest-service-configurations"));
}

#[test]
fn requests_about_spaces_are_read_leniently() {
    same::<SpaceInvite>("invite", payload!("client-rest-invite"));
    same::<RoleChange>("role", payload!("client-rest-attendee-role"));
    same::<SpaceSettings>("settings", r#"{"title":"New","password":null}"#);
    same::<ActiveMeeting<'_>>("meeting", r#"{"topicId":"a","parties":2}"#);
    let invite: SpaceInvite = serde_json::from_str(
        r#"{"topic":{"_id":"t"},"invitees":["a",{"_id":"b"},{"member":"c","memberType":"userId","role":"admin"},
            {"invitee":"d","inviteeType":"email","more":1},{}]}"#,
    )
    .unwrap();
    assert_eq!(invite.topic.id.as_deref(), Some("t"));
    let ids: Vec<_> = invite.invitees.iter().map(|invitee| invitee.id.as_deref()).collect();
    assert_eq!(ids, [Some("a"), Some("b"), Some("c"), Some("d"), None]);
    assert_eq!(
        (invite.invitees[2].role, invite.invitees[3].kind.as_deref()),
        (Some(Role::Admin), Some("email"))
    );
    for (text, password) in [
        (r#"{"title":"x"}"#, None),
        (r#"{"password":null}"#, Some(None)),
        (r#"{"password":"s3cret"}"#, Some(Some("s3cret".to_owned()))),
    ] {
        let settings: SpaceSettings = serde_json::from_str(text).unwrap();
        assert_eq!(settings.password, password);
        assert!(!format!("{settings:?}").contains("s3cret"), "passwords are not shown");
    }
    let channel = Object::parse(r#"{"channel":{"_id":"a","password":"s3cret"}}"#).unwrap();
    let channel = SubscribeChannel::of(&channel).channel.unwrap();
    assert_eq!(channel.password.as_deref(), Some("s3cret"));
    assert!(!format!("{channel:?}").contains("s3cret"));
}

#[test]
fn what_clients_say_survives_as_an_object() {
    for text in [
        payload!("client-media-tracksstatus"),
        payload!("client-media-video-end"),
        payload!("client-presence-leaves-empty-topic"),
        payload!("client-presence-leaves"),
        payload!("client-presence-online-answer"),
        payload!("client-presence-online-nested"),
        payload!("client-presence-online-sparse"),
        payload!("client-presence-online-web"),
        payload!("client-presence-online"),
        payload!("client-presence-request-parties"),
        payload!("client-presence-typing"),
        payload!("client-send-message-full"),
        payload!("client-send-message-minimal"),
        payload!("client-subscribe-channel-malformed"),
        payload!("client-subscribe-channel-password"),
        payload!("client-subscribe-channel-version"),
        payload!("client-subscribe-channel"),
        payload!("client-unsubscribe-channel-empty-id"),
        payload!("client-unsubscribe-channel"),
        payload!("client-rest-attendee-role"),
        payload!("client-rest-invite"),
        payload!("client-rest-markread"),
        payload!("client-rest-mediastate"),
        payload!("client-state-roster-entry"),
        payload!("server-app-pairing-authorized"),
    ] {
        same::<Object<'_>>("object", text);
    }
}

fn presence(text: &str) -> SendPresence<'_> {
    SendPresence::of(&Object::parse(text).unwrap())
}

#[test]
fn presence_events_are_read_wherever_their_fields_stand() {
    for (text, topic) in [
        (payload!("client-presence-online"), Some("594140a11d108619100a7369")),
        (payload!("client-presence-online-nested"), Some("5eecfda30da7fa05033f15ef")),
        (payload!("client-presence-online-sparse"), Some("5eecfda30da7fa05033f15ef")),
        (payload!("client-presence-leaves-empty-topic"), None),
        (payload!("client-presence-request-parties"), Some("5eecfda30da7fa05033f15ef")),
    ] {
        assert_eq!(presence(text).topic_id.as_deref(), topic, "{text}");
    }
    for text in [payload!("client-presence-online"), payload!("client-presence-online-nested")] {
        assert_eq!(presence(text).loopback.map(|value| value.get()), Some("\"some metadata\""));
    }
    assert_eq!(presence(r#"{"loopbackMetadata":null}"#).loopback.map(|value| value.get()), Some("null"));
}

#[test]
fn receivers_are_named_by_their_ids() {
    assert_eq!(presence(payload!("client-presence-online-web")).receivers, Receivers::Everyone);
    let answer = presence(payload!("client-presence-online-answer"));
    assert_eq!(answer.receivers, Receivers::Named(vec!["5f04251caa4a347af9946f06".into()]));
    let mixed = presence(r#"{"receivers":["a",{"_id":"b"},{"id":"c"},7]}"#);
    assert_eq!(mixed.receivers, Receivers::Named(vec!["a".into(), "b".into()]));
    for (text, receivers) in [
        (r#"{"receivers":null}"#, Receivers::Everyone),
        (r#"{"receivers":{}}"#, Receivers::Named(Vec::new())),
    ] {
        assert_eq!(presence(text).receivers, receivers, "{text}");
    }
}

#[test]
fn channels_are_read_leniently() {
    let read = |text: &'static str| SubscribeChannel::of(&Object::parse(text).unwrap());
    for text in [
        payload!("client-subscribe-channel"),
        payload!("client-subscribe-channel-password"),
        payload!("client-subscribe-channel-version"),
        payload!("client-unsubscribe-channel"),
    ] {
        let channel = read(text).channel.unwrap();
        assert_eq!(channel.id, "594140a11d108619100a7363");
        assert!(channel.password.is_none());
    }
    assert!(read(payload!("client-subscribe-channel-malformed")).channel.is_none());
    assert_eq!(read(payload!("client-unsubscribe-channel-empty-id")).channel.unwrap().id, "");
    let since = |text| read(text).since;
    assert_eq!(since(r#"{"hub":{"since":{"epoch":"17","rev":4}}}"#), Some(Since { epoch: 17, rev: 4 }));
    assert_eq!(since(r#"{"hub":{"since":{"epoch":17,"rev":4}}}"#), None);
    assert_eq!(since(r#"{"hub":{"since":{"epoch":"17","rev":-4}}}"#), None);
}

#[test]
fn media_events_are_read_under_both_spellings() {
    let read = |text: &'static str| SendMedia::of(&Object::parse(text).unwrap());
    let tracks = read(payload!("client-media-tracksstatus"));
    assert_eq!(tracks.category.as_deref(), Some("tracksstatus"));
    assert_eq!(tracks.media_session.unwrap().flag("connected"), Some(true));
    assert_eq!(read(r#"{"category":"trackstatus"}"#).category.as_deref(), Some("tracksstatus"));
    let message = SendMessage::of(&Object::parse(payload!("client-send-message-full")).unwrap());
    assert_eq!(message.content.unwrap().text("description").as_deref(), Some("First draft"));
    assert!(SendMessage::of(&Object::parse(r#"{"content":"hi"}"#).unwrap()).content.is_none());
}
