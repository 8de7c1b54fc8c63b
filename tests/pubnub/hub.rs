//! A hub in this process with an app without an access manager, and with a clock that the test moves.

use std::net::SocketAddr;
use std::time::Duration;

use presence_hub::app::{App, Running};
use presence_hub::broker::{Clock, Hand};
use presence_hub::config::{Config, ConfigArgs};

/// A running hub.
pub(crate) struct Hub {
    pub(crate) address: SocketAddr,
    pub(crate) clock: Clock,
    hand: Hand,
    running: Running,
}

impl Hub {
    /// A hub with these settings beside its own, written as `key=value`; `pubnub.` stands for those of its app.
    pub(crate) async fn start(settings: &[&str]) -> Self {
        let (clock, hand) = Clock::manual();
        let own = [
            "apps.0.id=1",
            "apps.0.key=app-key",
            "apps.0.secret=app-secret",
            "apps.0.pubnub.publish_key=pub",
            "apps.0.pubnub.subscribe_key=sub",
            "admin.listen=127.0.0.1:0",
            "admin.token=admin-token",
            "log.level=off",
        ];
        let full = |setting: &&str| match setting.starts_with("pubnub.") {
            true => format!("apps.0.{setting}"),
            false => (*setting).to_owned(),
        };
        let is_guarded = settings.iter().any(|setting| setting.starts_with("pubnub.access_manager"));
        let open = ["pubnub.access_manager=false"];
        let open = open.iter().filter(|_| !is_guarded);
        let set = own.iter().chain(open).chain(settings).map(full).collect();
        let args = ConfigArgs { config: None, listen: Some("127.0.0.1:0".to_owned()), set };
        let config = Config::load(&args, std::iter::empty()).expect("the settings are right").config;
        let running = App::start(config, clock.clone()).await.expect("the hub starts");
        Self { address: running.address(), clock, hand, running }
    }

    /// Moves the clock, and lets those run whose time has come.
    pub(crate) async fn advance(&self, span: Duration) {
        self.hand.advance(span);
        tokio::task::yield_now().await;
    }

    /// What the admin listener tells at a path.
    pub(crate) async fn admin(&self, path: &str) -> serde_json::Value {
        let admin = self.running.admin_address().expect("there is an admin listener");
        let asked = reqwest::Client::new().get(format!("http://{admin}{path}")).bearer_auth("admin-token");
        asked.send().await.unwrap().json().await.unwrap()
    }

    /// A token of the native dialect with these claims, good for an hour of the hub's time.
    pub(crate) fn token(&self, claims: &serde_json::Value) -> String {
        let mut claims = claims.clone();
        claims["exp"] = (self.clock.now().wall.seconds() + 3600).into();
        let header =
            jsonwebtoken::Header { kid: Some("app-key".to_owned()), ..jsonwebtoken::Header::default() };
        let key = jsonwebtoken::EncodingKey::from_secret(b"app-secret");
        jsonwebtoken::encode(&header, &claims, &key).unwrap()
    }

    /// Makes the space of a topic, with a password.
    pub(crate) async fn guard(&self, topic: &str) {
        let token = self.token(&serde_json::json!({"sub": "boss", "role": "admin"}));
        let url = format!("http://{}/api/spaces/{topic}", self.address);
        let body = serde_json::json!({"title": "T", "password": "sesame"});
        let made = reqwest::Client::new().post(url).bearer_auth(token).json(&body).send().await.unwrap();
        assert!(made.status().is_success(), "{made:?}");
    }

    /// Waits until so many requests are held.
    pub(crate) async fn holds(&self, count: usize) {
        let admin = self.running.admin_address().expect("there is an admin listener");
        let line = format!("hub_pubnub_polls {count}");
        for _ in 0..2_000 {
            let metrics =
                reqwest::get(format!("http://{admin}/metrics")).await.unwrap().text().await.unwrap();
            if metrics.lines().any(|found| found == line) {
                return;
            }
            tokio::task::yield_now().await;
        }
        panic!("never are {count} requests held");
    }

    /// Lets the hub stop while the clock goes on.
    pub(crate) async fn stop(self) {
        let Self { hand, running, .. } = self;
        let mut stopping = std::pin::pin!(running.stop());
        loop {
            tokio::select! {
                () = &mut stopping => return,
                () = tokio::time::sleep(Duration::from_millis(1)) => hand.advance(Duration::from_millis(20)),
            }
        }
    }
}
