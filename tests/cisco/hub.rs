//! A hub in this process with two application users, some people, and a clock that the test moves.

use std::net::SocketAddr;
use std::time::Duration;

use presence_hub::app::{App, Running};
use presence_hub::broker::{Clock, Hand};
use presence_hub::config::{Config, ConfigArgs};
use presence_hub::gateway::cisco::load::{Gauge, Measured};
use serde_json::{Value, json};
use tokio::sync::watch;
use tokio::task::JoinHandle;

/// The key of the app.
pub(crate) const KEY: &str = "app-key";
/// Its secret.
pub(crate) const SECRET: &str = "app-secret";

/// A running hub.
pub(crate) struct Hub {
    pub(crate) address: SocketAddr,
    clock: Clock,
    hand: Hand,
    load: watch::Sender<Measured>,
    admin: SocketAddr,
    /// Until it stops.
    running: Option<Running>,
}

/// Measures what it is told, for the machine that runs the tests is busy.
#[derive(Debug)]
struct Told(watch::Receiver<Measured>);

impl Gauge for Told {
    fn measure(&mut self) -> Measured {
        *self.0.borrow()
    }
}

impl Hub {
    /// A hub with these settings beside its own, written as `key=value`.
    pub(crate) async fn start(settings: &[&str]) -> Self {
        let (clock, hand) = Clock::manual();
        let own = [
            "admin.listen=127.0.0.1:0",
            "admin.token=an-admin-token-of-the-tests",
            "log.level=off",
            "limits.ping_interval=24h",
            "limits.subscribes_per_second=10000",
            "limits.events_per_second=10000",
            "http.keep_alive=48h",
            "http.head_timeout=48h",
            "http.body_timeout=48h",
            "egress.allow=127.0.0.0/8",
            "apps.0.id=1",
            "apps.0.key=app-key",
            "apps.0.secret=app-secret",
            "apps.0.open_topics=true",
            "apps.0.grace=0s",
            "apps.0.cisco.app_users.0.name=app",
            "apps.0.cisco.app_users.0.password=app-password",
            "apps.0.cisco.app_users.1.name=app2",
            "apps.0.cisco.app_users.1.password=app2-password",
            "apps.0.cisco.end_users=owner,owner2,joe,rita,carlotta",
            "apps.0.cisco.callback_timeout=48h",
        ];
        let set = own.iter().chain(settings).map(|setting| (*setting).to_owned()).collect();
        let args = ConfigArgs { config: None, listen: Some("127.0.0.1:0".to_owned()), set };
        let config = Config::load(&args, std::iter::empty()).expect("the settings are right").config;
        let load = watch::Sender::new(Measured::default());
        let gauge = Box::new(Told(load.subscribe()));
        let running = App::start_measured(config, clock.clone(), Some(gauge)).await.expect("the hub starts");
        let (address, admin) = (running.address(), running.admin_address());
        let admin = admin.expect("there is an admin listener");
        Self { address, clock, hand, load, admin, running: Some(running) }
    }

    /// From the next measurement on, so many hundredths of the machine are in use.
    pub(crate) fn load(&self, processors: usize) {
        self.load.send_modify(|load| load.processors = processors);
    }

    /// From the next measurement on, so many hundredths of the broker's inbox are full.
    pub(crate) fn inbox(&self, full: usize) {
        self.load.send_modify(|load| load.inbox = full);
    }

    /// Where the dialect's own listeners are.
    pub(crate) fn listeners(&self) -> &[(&'static str, SocketAddr)] {
        self.running.as_ref().expect("the hub runs").cisco_listeners()
    }

    /// What operators are told at a path of the admin listener.
    pub(crate) async fn ask_admin(&self, path: &str) -> String {
        let request = reqwest::Client::new().get(format!("http://{}{path}", self.admin));
        request.bearer_auth("an-admin-token-of-the-tests").send().await.unwrap().text().await.unwrap()
    }

    /// What operators are told of a party.
    pub(crate) async fn explain(&self, party: &str) -> Value {
        let text = self.ask_admin(&format!("/admin/apps/1/parties/{party}")).await;
        serde_json::from_str(&text).unwrap_or_else(|_| panic!("this is no explanation: {text}"))
    }

    /// Moves the clock, and lets those run whose time has come.
    pub(crate) async fn advance(&self, span: Duration) {
        self.hand.advance(span);
        tokio::task::yield_now().await;
    }

    /// Lets so many seconds pass, in each of which the hub has time to do whatever it means to.
    pub(crate) async fn pass(&self, seconds: u32) {
        for _ in 0..seconds {
            self.advance(Duration::from_secs(1)).await;
            self.explain("nobody").await;
        }
    }

    /// Sets the wall side of the clock back.
    pub(crate) fn set_back(&self, span: Duration) {
        self.hand.set_back(span);
    }

    /// Waits until operators are told this of a metric, counters with their suffix.
    pub(crate) async fn until(&self, metric: &str, value: usize) {
        let line = format!("{metric} {value}");
        let wait = async { while !self.ask_admin("/metrics").await.lines().any(|known| known == line) {} };
        let waited = tokio::time::timeout(Duration::from_secs(10), wait).await;
        waited.unwrap_or_else(|_| panic!("nobody was told that {line}"));
    }

    /// Waits until the hub has stopped while the clock goes on.
    pub(crate) async fn stopped(&self, stopping: JoinHandle<()>) {
        let going = async {
            while !stopping.is_finished() {
                self.advance(Duration::from_secs(1)).await;
            }
        };
        tokio::time::timeout(Duration::from_secs(10), going).await.expect("the hub stops");
    }

    /// Lets the hub begin to stop.
    pub(crate) fn stop(&mut self) -> JoinHandle<()> {
        tokio::spawn(self.running.take().expect("the hub runs").stop())
    }

    /// A token of the native dialect.
    pub(crate) fn token(&self, user: &str) -> String {
        let claims: Value = json!({"sub": user, "displayname": format!("{user} Doe"), "exp": self.clock.now().wall.seconds() + 30 * 86_400});
        let header = jsonwebtoken::Header { kid: Some(KEY.to_owned()), ..jsonwebtoken::Header::default() };
        let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
        jsonwebtoken::encode(&header, &claims, &key).unwrap()
    }
}
