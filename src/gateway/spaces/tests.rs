//! Spaces as values: who may enter, what everybody may do, and what is kept of it.

use std::collections::BTreeMap;
use std::sync::Arc;

use presence_protocol::native::Role;
use proptest::prelude::*;
use secrecy::SecretString;

use super::{Kind, MAX_PASSWORD, Need, Space, Wrong};
use crate::broker::AppSlot;
use crate::core::{Party, PartyId, PartyKind, TopicName, Wall};
use crate::gateway::apps::App;
use crate::gateway::principal::Principal;

fn topic(name: &str) -> TopicName {
    TopicName::new(name).unwrap()
}

fn id(name: &str) -> PartyId {
    PartyId::new(name).unwrap()
}

fn principal(name: &str, kind: PartyKind, role: Role) -> Principal {
    let secret = SecretString::from("secret");
    Principal {
        app: Arc::new(App::new(AppSlot(0), "1", "key", secret)),
        party: Arc::new(Party { kind, ..Party::new(id(name)) }),
        role,
        expires: None,
        capabilities: None,
        is_app: false,
    }
}

fn user(name: &str) -> Principal {
    principal(name, PartyKind::User, Role::Guest)
}

/// A space with a password, of which ann is an admin.
fn guarded() -> Space {
    let mut space = Space::open(&topic("a"));
    space.create(&user("ann"), Wall(7));
    space.set_password(&SecretString::from("secret"), &topic("a"), "sesame").unwrap();
    space.appoint(&id("ann"), Role::Admin, Wall(7)).unwrap();
    space
}

#[test]
fn members_and_admins_of_the_app_need_no_password_and_nobody_else_does_without() {
    let space = guarded();
    let mut direct = guarded();
    direct.kind = Kind::Direct;
    let open = Space::open(&topic("a"));
    for (who, in_group, in_direct) in [
        (user("ann"), Need::Nothing, Need::Nothing),
        (user("bob"), Need::Password, Need::Belonging),
        (principal("boss", PartyKind::User, Role::Admin), Need::Nothing, Need::Nothing),
        (principal("ann", PartyKind::Anonymous, Role::Guest), Need::Password, Need::Belonging),
        (principal("x", PartyKind::Anonymous, Role::Admin), Need::Password, Need::Belonging),
    ] {
        assert_eq!((space.need_of(&who), direct.need_of(&who)), (in_group, in_direct), "{who:?}");
        assert_eq!(open.need_of(&who), Need::Nothing);
    }
}

#[test]
fn the_role_is_the_higher_one_and_a_guest_stays_one() {
    let mut space = guarded();
    space.appoint(&id("gil"), Role::Guest, Wall(8)).unwrap();
    for (who, role) in [
        (principal("ann", PartyKind::User, Role::Member), Role::Admin),
        (principal("bob", PartyKind::User, Role::Member), Role::Member),
        (principal("gil", PartyKind::User, Role::Member), Role::Member),
        (principal("ann", PartyKind::Anonymous, Role::Guest), Role::Guest),
        (principal("ann", PartyKind::Anonymous, Role::Admin), Role::Guest),
    ] {
        assert_eq!(space.role_of(&who), role, "{who:?}");
    }
}

#[test]
fn a_password_is_right_only_in_its_own_space_and_app() {
    let (space, secret) = (guarded(), SecretString::from("secret"));
    assert!(space.is_password(&secret, &topic("a"), "sesame"));
    for wrong in ["", "Sesame", "sesame ", "a\u{1f}sesame"] {
        assert!(!space.is_password(&secret, &topic("a"), wrong), "{wrong:?}");
    }
    assert!(!space.is_password(&secret, &topic("b"), "sesame"));
    assert!(!space.is_password(&SecretString::from("other"), &topic("a"), "sesame"));
    assert!(!Space::open(&topic("a")).is_password(&secret, &topic("a"), ""));
    let mut space = space;
    let long = "x".repeat(MAX_PASSWORD + 1);
    assert_eq!(space.set_password(&secret, &topic("a"), &long), Err(Wrong::LongPassword));
    space.set_password(&secret, &topic("a"), "").unwrap();
    assert_eq!(space.need_of(&user("bob")), Need::Nothing);
}

#[test]
fn a_password_is_neither_kept_nor_shown() {
    let space = guarded();
    let kept = String::from_utf8(space.written()).unwrap();
    assert!(!kept.contains("sesame") && !format!("{space:?}").contains("sesame"), "{kept}");
    assert_eq!(Space::read(kept.as_bytes()).as_ref(), Some(&space));
    let seal = kept.split("\"password\":").nth(1).unwrap().split(']').next().unwrap();
    assert!(!format!("{space:?}").contains(&seal[1..8]), "nor is what it is compared with");
}

#[test]
fn titles_are_made_fit_to_be_shown_or_refused() {
    let mut space = guarded();
    for (title, shown) in [("  Team \u{202e}A\u{7}", "Team A"), ("<b>", "<b>"), ("e\u{301}", "\u{e9}")] {
        assert_eq!(space.set_title(title), Ok(()));
        assert_eq!(&*space.title, shown);
    }
    for title in ["", " ", "\u{200f}\n"] {
        assert_eq!(space.set_title(title), Err(Wrong::Title), "{title:?}");
        assert_eq!(&*space.title, "\u{e9}", "and changes nothing");
    }
    assert!(space.set_title(&"\u{e4}".repeat(128)).is_ok());
    assert_eq!(space.set_title(&"\u{e4}".repeat(129)), Err(Wrong::Title));
}

#[test]
fn a_direct_space_keeps_its_two_users() {
    let mut space = guarded();
    space.appoint(&id("bob"), Role::Member, Wall(8)).unwrap();
    space.kind = Kind::Direct;
    assert!(space.appoint(&id("bob"), Role::Admin, Wall(9)).is_ok(), "roles may change");
    assert_eq!(space.appoint(&id("eve"), Role::Guest, Wall(9)).err(), Some(Wrong::Direct));
    assert_eq!(space.dismiss(&id("ann")), Err(Wrong::Direct));
    assert_eq!(space.dismiss(&id("eve")), Ok(()), "who is none cannot leave");
}

#[test]
fn what_is_damaged_is_not_read() {
    let kept = guarded().written();
    for damaged in [&b""[..], b"{}", b"[]", b"null", &kept[..kept.len() - 1], b"{\"title\":\"x\"}"] {
        assert_eq!(Space::read(damaged), None);
    }
}

#[derive(Debug, Clone)]
enum Act {
    Appoint(u8, Role),
    Dismiss(u8),
}

fn acts() -> impl Strategy<Value = Vec<Act>> {
    let role = prop_oneof![Just(Role::Guest), Just(Role::Member), Just(Role::Admin)];
    let act = prop_oneof![
        (0..6_u8, role).prop_map(|(who, role)| Act::Appoint(who, role)),
        (0..6_u8).prop_map(Act::Dismiss)
    ];
    proptest::collection::vec(act, 0..40)
}

proptest! {
    /// The members are those of a map from ids to roles, and their order is that of their coming.
    #[test]
    fn members_are_who_was_appointed_and_not_dismissed(acts in acts()) {
        let mut space = Space::open(&topic("a"));
        let mut model: BTreeMap<u8, (Role, u64)> = BTreeMap::new();
        for (at, act) in (1_u64..).zip(acts) {
            match act {
                Act::Appoint(who, role) => {
                    space.appoint(&id(&who.to_string()), role, Wall(at)).unwrap();
                    model.entry(who).and_modify(|known| known.0 = role).or_insert((role, at));
                }
                Act::Dismiss(who) => {
                    space.dismiss(&id(&who.to_string())).unwrap();
                    model.remove(&who);
                }
            }
            let mut expected: Vec<_> = model.iter().map(|(who, (role, at))| (*at, who.to_string(), *role)).collect();
            expected.sort_unstable();
            let found: Vec<_> = space
                .members
                .iter()
                .map(|member| (member.since.0, member.id.to_string(), member.role))
                .collect();
            prop_assert_eq!(found, expected);
            prop_assert_eq!(Space::read(&space.written()), Some(space.clone()));
        }
    }

    #[test]
    fn only_the_password_itself_opens(password in ".{1,20}", guess in ".{0,20}", name in "[a-z:/]{1,8}") {
        let (secret, topic) = (SecretString::from("secret"), topic(&name));
        let mut space = Space::open(&topic);
        space.set_password(&secret, &topic, &password).unwrap();
        prop_assert!(space.is_password(&secret, &topic, &password));
        prop_assert_eq!(space.is_password(&secret, &topic, &guess), guess == password);
    }
}
