//! The spaces that all gateways share, over a real broker: who is let in, writers that meet, and what other nodes change.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use futures::future::join_all;
use presence_hub::broker::{AppSlot, Broker, Clock, Hand, Handle, Parts, Policy};
use presence_hub::core::{Limits, NodeId, Party, PartyId, PartyKind, Timetoken, TopicName, Wall};
use presence_hub::engine::{DocumentLimits, Engine, Memory};
use presence_hub::gateway::apps::App;
use presence_hub::gateway::keys::{KeyPair, KeyPairs};
use presence_hub::gateway::principal::Principal;
use presence_hub::gateway::spaces::{SpaceLimits, Spaces, Wrong};
use presence_hub::telemetry::Metrics;
use presence_protocol::native::Role;
use secrecy::SecretString;
use uuid::Uuid;

use super::late::Late;

const LIMITS: SpaceLimits = SpaceLimits { tries_per_minute: 3, creations_per_minute: 2, per_party: 3 };

struct Stage {
    spaces: Arc<Spaces>,
    broker: Handle,
    hand: Hand,
    app: Arc<App>,
    topic: TopicName,
}

fn stage(engine: fn(Memory) -> Box<dyn Engine>) -> Stage {
    let (clock, hand) = Clock::manual();
    let documents = DocumentLimits { count: 8, bytes: 4096, total: 64 * 1024 };
    let memory = Memory::new(clock.now(), Timetoken(0), Duration::from_secs(60)).with_documents(documents);
    let parts = Parts {
        node: NodeId(Uuid::from_u128(1)),
        clock: clock.clone(),
        engine: engine(memory),
        encoders: Vec::new(),
        apps: vec![(Limits::default(), Policy::default())],
        inbox: 64,
        metrics: Metrics::new(),
    };
    let (actor, broker) = Broker::new(parts);
    tokio::spawn(actor.run());
    let app = Arc::new(App::new(AppSlot(0), "1", "key", SecretString::from("secret")));
    let spaces = Arc::new(Spaces::new(broker.clone(), clock, LIMITS));
    Stage { spaces, broker, hand, app, topic: TopicName::new("a").unwrap() }
}

fn on_memory() -> Stage {
    stage(|memory| Box::new(memory))
}

fn id(name: &str) -> PartyId {
    PartyId::new(name).unwrap()
}

impl Stage {
    fn principal(&self, name: &str, kind: PartyKind) -> Principal {
        let party = Arc::new(Party { kind, ..Party::new(id(name)) });
        let app = Arc::clone(&self.app);
        Principal { app, party, role: Role::Guest, expires: None, capabilities: None, is_app: false }
    }

    async fn guard(&self, password: &str) {
        let (secret, topic) = (&self.app.keys.signer().secret, &self.topic);
        let changed =
            self.spaces.change(AppSlot(0), topic, |space| space.set_password(secret, topic, password));
        changed.await.unwrap();
    }

    async fn admit(&self, who: &Principal, password: &str, address: Option<&str>) -> Result<(), Wrong> {
        let address = address.map(|address| address.parse::<IpAddr>().unwrap());
        self.spaces.admit(who, &self.topic, Some(password), address).await.map(drop)
    }
}

#[tokio::test]
async fn guessing_is_slow_for_each_party_and_for_all_guests_of_an_address() {
    let stage = on_memory();
    stage.guard("sesame").await;
    let (bob, eve) = (stage.principal("bob", PartyKind::User), stage.principal("eve", PartyKind::User));
    let guest = |n: u32| stage.principal(&format!("guest {n}"), PartyKind::Anonymous);
    let (near, far) = (Some("192.0.2.1"), Some("192.0.2.2"));
    for n in 0..3 {
        assert_eq!(stage.admit(&bob, "guess", near).await, Err(Wrong::Password));
        assert_eq!(stage.admit(&guest(n), "guess", near).await, Err(Wrong::Password));
        assert_eq!(stage.admit(&guest(n), "", near).await, Err(Wrong::Password), "asking costs nothing");
    }
    for address in [near, far, None] {
        assert_eq!(stage.admit(&bob, "sesame", address).await, Err(Wrong::TooManyTries), "from anywhere");
    }
    assert_eq!(stage.admit(&guest(9), "sesame", near).await, Err(Wrong::TooManyTries), "by any name");
    for (who, address) in [(&guest(9), far), (&guest(9), None), (&eve, near)] {
        assert_eq!(stage.admit(who, "sesame", address).await, Ok(()), "others are not concerned");
    }
    stage.hand.advance(Duration::from_secs(20));
    assert_eq!(stage.admit(&bob, "sesame", near).await, Ok(()));
    assert_eq!(stage.admit(&guest(9), "sesame", near).await, Ok(()));
}

async fn writers_meet(stage: Stage) {
    let names: Vec<String> = (0..12).map(|n| format!("user {n}")).collect();
    let appoint = async |name: &String| {
        let appoint = |space: &mut presence_hub::gateway::spaces::Space| {
            space.appoint(&id(name), Role::Member, Wall(1)).map(drop)
        };
        stage.spaces.change(AppSlot(0), &stage.topic, appoint).await
    };
    for outcome in join_all(names.iter().map(appoint)).await {
        outcome.unwrap();
    }
    let space = stage.spaces.look(AppSlot(0), &stage.topic).await.unwrap();
    let mut members: Vec<_> = space.members.iter().map(|member| member.id.to_string()).collect();
    members.sort_unstable();
    let mut expected = names;
    expected.sort_unstable();
    assert_eq!(members, expected, "nobody's change is lost");
}

#[tokio::test]
async fn writers_of_one_space_lose_nothing() {
    writers_meet(on_memory()).await;
}

#[tokio::test]
async fn writers_of_one_space_lose_nothing_on_a_late_engine() {
    writers_meet(stage(|memory| Box::new(Late::new(memory)))).await;
}

#[tokio::test]
async fn what_another_node_changes_is_known_within_a_second() {
    let stage = on_memory();
    let (here, bob) = (&stage.spaces, stage.principal("bob", PartyKind::User));
    let (clock, _hand) = Clock::manual();
    let other = Stage {
        spaces: Arc::new(Spaces::new(stage.broker.clone(), clock, LIMITS)),
        broker: stage.broker.clone(),
        hand: stage.hand.clone(),
        app: Arc::clone(&stage.app),
        topic: stage.topic.clone(),
    };
    assert!(here.look(AppSlot(0), &stage.topic).await.unwrap().is_open());
    other.guard("sesame").await;
    assert_eq!(other.admit(&bob, "", None).await, Err(Wrong::Password), "there at once");
    assert_eq!(stage.admit(&bob, "", None).await, Ok(()), "here not yet");
    stage.hand.advance(Duration::from_secs(1));
    assert_eq!(stage.admit(&bob, "", None).await, Err(Wrong::Password));
    stage.guard("open").await;
    assert_eq!(stage.admit(&bob, "open", None).await, Ok(()), "what is changed here is known here at once");
}

#[tokio::test]
async fn a_space_that_cannot_be_read_lets_nobody_in() {
    let stage = on_memory();
    stage.broker.keep("space:a", None, Some("damaged".into())).await.unwrap();
    let bob = stage.principal("bob", PartyKind::User);
    assert_eq!(stage.admit(&bob, "sesame", None).await, Err(Wrong::Unavailable));
}

#[tokio::test]
async fn spaces_are_bounded_in_number_rate_and_size() {
    let stage = on_memory();
    let (bob, eve) = (stage.principal("bob", PartyKind::User), stage.principal("eve", PartyKind::User));
    let create = async |who: &Principal, n: u32| {
        let topic = TopicName::new(&format!("new {n}")).unwrap();
        stage.spaces.create(who, &topic, |_| Ok(())).await.map(drop)
    };
    assert_eq!((create(&bob, 1).await, create(&bob, 2).await), (Ok(()), Ok(())));
    assert_eq!(create(&bob, 3).await, Err(Wrong::TooFast));
    assert!(matches!(create(&eve, 1).await, Err(Wrong::NotKept(_))), "it is somebody's");
    stage.hand.advance(Duration::from_secs(60));
    assert_eq!((create(&eve, 3).await, create(&eve, 4).await), (Ok(()), Ok(())));
    assert_eq!(create(&bob, 5).await, Ok(()));
    assert_eq!(create(&bob, 6).await, Err(Wrong::TooMany));
    let filler = stage.broker.keep("filler", None, Some("x".into())).await.unwrap();
    stage.hand.advance(Duration::from_secs(60));
    assert!(create(&eve, 6).await.unwrap_err().to_string().contains("limits.documents"));
    stage.broker.keep("filler", filler, None).await.unwrap();
    assert_eq!(create(&eve, 6).await, Ok(()), "what was not created is not counted");
    let topic = TopicName::new("new 1").unwrap();
    let crowd = stage.spaces.change(AppSlot(0), &topic, |space| {
        (0..60).try_for_each(|n| space.appoint(&id(&format!("user {n}")), Role::Guest, Wall(1)).map(drop))
    });
    assert!(crowd.await.unwrap_err().to_string().contains("limits.document_bytes"));
    assert!(stage.spaces.look(AppSlot(0), &topic).await.unwrap().members.is_empty());
}

/// The list of a party's spaces may be behind the spaces, of which some are gone or were never made.
#[tokio::test]
async fn only_spaces_that_are_there_count() {
    let stage = on_memory();
    let bob = stage.principal("bob", PartyKind::User);
    let listed = r#"["gone","of nobody","a\u0000b"]"#;
    stage.broker.keep("spaces-of:bob", None, Some(listed.into())).await.unwrap();
    let topic = TopicName::new("new").unwrap();
    assert_eq!(stage.spaces.create(&bob, &topic, |_| Ok(())).await.map(drop), Ok(()));
    let kept = stage.broker.document("spaces-of:bob").await.unwrap().unwrap();
    assert_eq!(kept.value, r#"["new"]"#);
    let taken = stage.spaces.create(&bob, &topic, |_| Ok(())).await;
    assert!(matches!(taken, Err(Wrong::NotKept(_))), "it is there already");
    assert!(stage.broker.document("spaces-of:bob").await.unwrap().is_some(), "and stays counted");
    stage.spaces.delete(AppSlot(0), &topic, |_| Ok(())).await.unwrap();
    assert_eq!(stage.broker.document("spaces-of:bob").await, Ok(None));
    assert!(stage.spaces.look(AppSlot(0), &topic).await.unwrap().is_open());
    assert_eq!(stage.spaces.delete(AppSlot(0), &topic, |_| Ok(())).await.map(drop), Err(Wrong::Absent));
}

#[tokio::test]
async fn a_password_outlives_the_pair_of_keys_that_it_was_set_with() {
    let stage = on_memory();
    stage.guard("sesame").await;
    let pair = |key: &str, secret: &str, is_active| KeyPair {
        key: key.into(),
        secret: SecretString::from(secret.to_owned()),
        is_active,
    };
    let keys = KeyPairs::new(pair("key", "secret", false), vec![pair("next", "other", true)]);
    let app = Arc::new(App { keys, ..App::clone(&stage.app) });
    let ann = Principal { app, ..stage.principal("ann", PartyKind::User) };
    assert!(stage.admit(&ann, "sesame", None).await.is_ok());
    assert!(stage.admit(&ann, "other", None).await.is_err());
}
