//! A hub in this process, on ports of its own, with a clock that the test moves.

use std::net::SocketAddr;
use std::time::Duration;

use presence_hub::app::{App, Running};
use presence_hub::broker::{Clock, Hand};
use presence_hub::config::{Config, ConfigArgs};

/// A running hub.
pub(crate) struct Hub {
    pub(crate) address: SocketAddr,
    pub(crate) admin: SocketAddr,
    pub(crate) clock: Clock,
    hand: Hand,
    _running: Running,
}

impl Hub {
    /// A hub with the demo app and these settings beside, written as `key=value`.
    pub(crate) async fn start(settings: &[&str]) -> Self {
        let (clock, hand) = Clock::manual();
        let own = [
            "admin.listen=127.0.0.1:0",
            "admin.token=admin-token",
            "log.level=off",
            "limits.ping_interval=1h",
            "limits.subscribes_per_second=10000",
        ];
        let set = own.iter().chain(settings).map(|setting| (*setting).to_owned()).collect();
        let args = ConfigArgs { config: None, listen: Some("127.0.0.1:0".to_owned()), set };
        let config = Config::load(&args, std::iter::empty()).expect("the settings are right").config;
        let running = App::start(config, clock.clone()).await.expect("the hub starts");
        let (address, admin) =
            (running.address(), running.admin_address().expect("there is an admin listener"));
        Self { address, admin, clock, hand, _running: running }
    }

    /// Moves the clock, and lets those run whose time has come.
    pub(crate) async fn advance(&self, span: Duration) {
        self.hand.advance(span);
        tokio::task::yield_now().await;
    }

    pub(crate) fn http(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// A token of the demo app, valid for an hour of the hub's time, with these claims.
    pub(crate) fn token(&self, claims: &serde_json::Value) -> String {
        self.token_for(claims, Duration::from_secs(3600))
    }

    /// A token that lives so long.
    pub(crate) fn token_for(&self, claims: &serde_json::Value, life: Duration) -> String {
        let mut claims = claims.clone();
        let now = self.clock.now().wall.seconds();
        let members = claims.as_object_mut().expect("claims are an object");
        members.entry("exp").or_insert_with(|| (now + life.as_secs()).into());
        mint(&claims, "demo-key", b"demo-secret")
    }
}

/// A signed token with exactly these claims.
pub(crate) fn mint(claims: &serde_json::Value, key: &str, secret: &[u8]) -> String {
    let header = jsonwebtoken::Header { kid: Some(key.to_owned()), ..jsonwebtoken::Header::default() };
    jsonwebtoken::encode(&header, claims, &jsonwebtoken::EncodingKey::from_secret(secret)).unwrap()
}
