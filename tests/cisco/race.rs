//! Changes at any moment of many fetches: each is fetched, or announced by a call.

use std::collections::HashMap;
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};
use std::time::Duration;

use futures::future::BoxFuture;
use presence_hub::broker::{
    AppSlot, Bounds, Broker, Clock, EncoderId, Hand, Handle, Opening, Outbox, Parts, Policy,
};
use presence_hub::config::{Config, ConfigArgs};
use presence_hub::core::{
    Cause, Command, Content, Facts, Fingerprint, Limits, NodeId, Now, Override, Party, PartyId, SessionId,
    Status, Terms, Timetoken, TopicName, Wall,
};
use presence_hub::egress::{Refused, Rules, Target};
use presence_hub::engine::Memory;
use presence_hub::gateway::cisco::ask::{
    Answer, Ask, By, Contact, Credential, Form, SUBSCRIPTION_TYPE, State,
};
use presence_hub::gateway::cisco::summons::{Notifier, Place, Summons};
use presence_hub::gateway::cisco::{self, Service, Tenant};
use presence_hub::telemetry::Metrics;
use secrecy::ExposeSecret;
use tokio::sync::{Notify, watch};
use uuid::Uuid;

const FETCHES: usize = 10_000;
const PATIENCE: Duration = Duration::from_secs(20);
const NAMES: [&str; 3] = ["joe", "rita", "carlotta"];

/// Remembers whether a call is out, which is never made twice.
#[derive(Debug, Default)]
struct Out {
    is_out: AtomicBool,
    calls: Mutex<u64>,
    came: Notify,
}

impl Notifier for Out {
    fn notify(&self, _: Summons) {
        assert!(!self.is_out.swap(true, Relaxed), "there is a call already");
        *self.calls.lock().unwrap() += 1;
        self.came.notify_one();
    }

    fn judge(&self, _: AppSlot, _: Target) -> BoxFuture<'static, Result<(), Refused>> {
        Box::pin(std::future::ready(Ok(())))
    }

    fn settle(&self, _: Place) {
        self.is_out.store(false, Relaxed);
    }
}

impl Out {
    async fn wait(&self) {
        let called = async {
            while !self.is_out.load(Relaxed) {
                self.came.notified().await;
            }
        };
        tokio::time::timeout(PATIENCE, called).await.expect("nobody was called");
    }
}

fn broker(clock: Clock) -> Handle {
    let now = clock.now();
    let limits = Limits::default();
    let engine = Box::new(Memory::new(now, Timetoken(0), limits.retention * 2));
    let parts = Parts {
        node: NodeId(Uuid::new_v4()),
        clock,
        engine,
        encoders: Vec::new(),
        apps: vec![(limits, Policy::default())],
        inbox: 1_024,
        metrics: Metrics::new(),
    };
    let (broker, handle) = Broker::new(parts);
    tokio::spawn(broker.run());
    handle
}

async fn service(
    handle: &Handle,
    clock: Clock,
    notifier: Arc<Out>,
    overloaded: watch::Receiver<bool>,
) -> (Arc<Service>, cisco::Tending) {
    let set = ["apps.0.id=1", "apps.0.key=k", "apps.0.secret=s", "apps.0.cisco.end_users=any"];
    let user = ["apps.0.cisco.app_users.0.name=app", "apps.0.cisco.app_users.0.password=p"];
    let set = set.iter().chain(&user).map(|setting| (*setting).to_owned()).collect();
    let args = ConfigArgs { set, ..ConfigArgs::default() };
    let mut config = Config::load(&args, std::iter::empty()).unwrap().config;
    let parts = cisco::Parts {
        tenants: vec![Tenant::new(AppSlot(0), config.apps.remove(0).cisco).unwrap()],
        broker: handle.clone(),
        clock,
        notifier,
        rules: Rules { allow: vec!["127.0.0.0/8".parse().unwrap()], is_plain: true, ..Rules::default() },
        overloaded,
        wrong_passwords: 20,
        gone: tokio::sync::mpsc::channel(1).1,
        url_bytes: 2048,
        metrics: Metrics::new(),
    };
    Service::start(parts).await
}

fn by(key: &str) -> By {
    By { key: Some(key.to_owned().into()), ..By::default() }
}

/// The key of a session that watches everybody.
async fn watcher(service: &Arc<Service>) -> String {
    let password = Credential::Password("p".to_owned().into());
    let log_in = |user: &str, credential| Ask::Login { user: user.into(), credential, force: false };
    let key_of = |answer| match answer {
        Ok(Answer::Session(key)) => key.expose_secret().to_owned(),
        other => panic!("{other:?}"),
    };
    let app = key_of(Arc::clone(service).serve(By::default(), log_in("app", password)).await);
    let owner = key_of(Arc::clone(service).serve(by(&app), log_in("owner", Credential::Nothing)).await);
    let url = Some("http://127.0.0.1:9/pws".to_owned());
    let register = Ask::RegisterEndpoint { id: None, url, expiry: None };
    Arc::clone(service).serve(by(&app), register).await.unwrap();
    let contact = |name| Contact::new(&format!("{name}@example.com")).unwrap();
    let subscribe = Ask::Subscribe {
        id: None,
        kind: Some(SUBSCRIPTION_TYPE.to_owned()),
        contacts: Some(NAMES.map(contact).to_vec()),
        expiry: None,
        endpoint: Some(1),
    };
    Arc::clone(service).serve(by(&owner), subscribe).await.unwrap();
    owner
}

/// Somebody who comes, idles and goes, as a generator of numbers has it.
struct Person {
    session: SessionId,
    numbers: u64,
}

impl Person {
    async fn connect(handle: &Handle, name: &str, seed: u64) -> Self {
        let session = SessionId(Uuid::new_v4());
        let opening = Opening {
            session,
            party: Arc::new(Party::new(PartyId::new(name).unwrap())),
            terms: Terms { timeout: None },
            encoder: EncoderId(0),
            outbox: Arc::new(Outbox::new(Bounds::default())),
        };
        handle.open(opening).await;
        Self { session, numbers: seed }
    }

    async fn change(&mut self, handle: &Handle) {
        // Any sequence without a short period does.
        self.numbers =
            self.numbers.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let what = self.numbers >> 61;
        let (session, topic) = (self.session, TopicName::new("office").unwrap());
        let command = if what == 0 {
            Command::Leave { session, topic, cause: Cause::Left }
        } else {
            let facts = Facts { in_media: what == 1, idle: what > 4 };
            let content = Content { fingerprint: Fingerprint(what.into()), facts, ..Content::default() };
            Command::Enter { session, topic, content: Some(content), grace: Duration::ZERO }
        };
        handle.ask(command).await;
    }
}

async fn fetch(service: &Arc<Service>, key: &str, known: &mut HashMap<String, State>) -> usize {
    let answer = Arc::clone(service).serve(by(key), Ask::Subscribed { id: 1, form: Form::Basic }).await;
    let Ok(Answer::Presence { contacts, .. }) = answer else { panic!("{answer:?}") };
    let told = contacts.len();
    known.extend(contacts.into_iter().map(|(contact, shown)| (contact.name().to_owned(), shown.state)));
    told
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn w22_nothing_is_lost_between_fetches() {
    let (clock, out) = (Clock::system(), Arc::new(Out::default()));
    let handle = broker(clock.clone());
    let (service, _tending) = service(&handle, clock, Arc::clone(&out), watch::channel(false).1).await;
    let key = watcher(&service).await;
    let stop = Arc::new(AtomicBool::new(false));
    let people = NAMES.iter().zip(1..).map(|(name, seed)| {
        let (handle, stop) = (handle.clone(), Arc::clone(&stop));
        tokio::spawn(async move {
            let mut person = Person::connect(&handle, name, seed).await;
            while !stop.load(Relaxed) {
                person.change(&handle).await;
            }
        })
    });
    let people: Vec<_> = people.collect();
    let (mut known, mut told) = (HashMap::new(), 0);
    for number in 0..FETCHES {
        // Every other one comes when it is called for, and one more at any moment after it.
        if number % 2 == 0 {
            out.wait().await;
        }
        told += fetch(&service, &key, &mut known).await;
    }
    stop.store(true, Relaxed);
    for person in people {
        person.await.unwrap();
    }
    assert!(told > FETCHES / 10, "only {told} changes were told: there was no race");
    assert!(*out.calls.lock().unwrap() >= 5_000, "hardly anybody was called");
    let all_told = async {
        // The changes were made before; that they are announced may take a moment.
        while known != truth(&handle).await {
            if !out.is_out.load(Relaxed) {
                out.came.notified().await;
            }
            fetch(&service, &key, &mut known).await;
        }
    };
    tokio::time::timeout(PATIENCE, all_told).await.expect("a change was neither fetched nor announced");
}

/// What comes once joe does not want to be disturbed for ten minutes, as the broker has it, and the clock goes on.
async fn dnd_for_ten_minutes(go_on: impl FnOnce(&Hand)) {
    let ((clock, hand), out) = (Clock::manual(), Arc::new(Out::default()));
    let handle = broker(clock.clone());
    let (service, _tending) =
        service(&handle, clock.clone(), Arc::clone(&out), watch::channel(false).1).await;
    let (key, mut known) = (watcher(&service).await, HashMap::new());
    fetch(&service, &key, &mut known).await;
    let until = Wall(clock.now().wall.0 + 600 * Wall::TICKS_PER_SECOND);
    let dnd = Override { status: Status::DoNotDisturb, until: Some(until) };
    handle.ask(Command::SetOverride(PartyId::new("joe").unwrap(), Some(dnd))).await;
    out.wait().await;
    fetch(&service, &key, &mut known).await;
    assert_eq!(known["joe"], State::Dnd);
    go_on(&hand);
    out.wait().await;
    fetch(&service, &key, &mut known).await;
    assert_eq!(known["joe"], State::Unavailable);
}

#[tokio::test]
async fn w35_the_end_of_an_override_is_told_though_another_was_asked_for_last() {
    // Of two requests of one user the service took the one last and the broker the other.
    dnd_for_ten_minutes(|hand| hand.advance(Duration::from_secs(600))).await;
}

#[tokio::test]
async fn w35_the_end_of_an_override_is_told_after_a_machine_has_slept() {
    let wake = |hand: &Hand| {
        hand.set_on(Duration::from_secs(600));
        // The broker looks once a second.
        hand.advance(Duration::from_secs(1));
    };
    dnd_for_ten_minutes(wake).await;
}

/// How everybody is, as the roster has it: no watcher hears of that through this.
async fn truth(handle: &Handle) -> HashMap<String, State> {
    let look = handle.read(|roster, _, now: Now| {
        NAMES.map(|name| (name.to_owned(), roster.status(&PartyId::new(name).unwrap(), now.wall)))
    });
    let state = |status| match status {
        Status::Available => State::Available,
        Status::Away => State::Away,
        Status::Busy => State::Busy,
        _ => State::Unavailable,
    };
    look.await.unwrap().into_iter().map(|(name, status)| (name, state(status))).collect()
}
