//! A hub in this process with an app that has everything switched on, and with a clock that the test moves.

use std::net::SocketAddr;
use std::time::Duration;

use presence_hub::app::{App, Running};
use presence_hub::broker::{Clock, Hand};
use presence_hub::config::{Config, ConfigArgs};
use serde_json::Value;

/// The key of the app, and its secret.
pub(crate) const KEY: &str = "app-key";
pub(crate) const SECRET: &str = "app-secret";

/// A running hub.
pub(crate) struct Hub {
    pub(crate) address: SocketAddr,
    pub(crate) clock: Clock,
    hand: Hand,
    running: Running,
}

impl Hub {
    /// A hub with these settings beside its own, written as `key=value`.
    pub(crate) async fn start(settings: &[&str]) -> Self {
        let own = [
            "apps.0.id=1",
            "apps.0.key=app-key",
            "apps.0.secret=app-secret",
            "apps.0.open_topics=true",
            "apps.0.pusher.client_events=true",
            "apps.0.pusher.watchlist=true",
        ];
        Self::with(&[&own, settings].concat()).await
    }

    /// A hub with the demo app.
    pub(crate) async fn start_demo() -> Self {
        Self::with(&[]).await
    }

    async fn with(settings: &[&str]) -> Self {
        let (clock, hand) = Clock::manual();
        let own = [
            "admin.listen=127.0.0.1:0",
            "log.level=off",
            "limits.ping_interval=1h",
            "limits.subscribes_per_second=10000",
            "limits.events_per_second=10000",
        ];
        let set = own.iter().chain(settings).map(|setting| (*setting).to_owned()).collect();
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

    /// A token of the native dialect.
    pub(crate) fn token(&self, claims: &Value) -> String {
        let mut claims = claims.clone();
        claims["exp"] = (self.clock.now().wall.seconds() + 3600).into();
        let header = jsonwebtoken::Header { kid: Some(KEY.to_owned()), ..jsonwebtoken::Header::default() };
        let key = jsonwebtoken::EncodingKey::from_secret(SECRET.as_bytes());
        jsonwebtoken::encode(&header, &claims, &key).unwrap()
    }
}
