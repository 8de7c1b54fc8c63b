//! Whatever ends takes a call with it that is still being tried.

use std::time::Duration;

use crate::client::{Answer, Client};
use crate::hub::Hub;
use crate::receiver::Receiver;

const FAILED: &str = "hub_cisco_callbacks_failed_total";

/// A subscription whose endpoint does not take the call about it.
struct Scene {
    hub: Hub,
    receiver: Receiver,
    anybody: Client,
    app: Client,
    owner: Client,
    failed: usize,
}

impl Scene {
    /// Sessions last so long; endpoint and subscription end after as many seconds.
    async fn start(session: &str, endpoint: &str, subscription: &str) -> Self {
        let hub = Hub::start(&[&format!("apps.0.cisco.session_lasts={session}")]).await;
        let mut receiver = Receiver::start().await;
        receiver.answer(500);
        let anybody = Client::new(&hub);
        let app = anybody.app("app").await;
        let owner = app.user("owner").await;
        let body = format!("<endpoint><url>{}</url></endpoint>", receiver.url());
        let request = app.request("POST", "/endpoints").header("Presence-Expiry", endpoint);
        app.send(request.body(body)).await.id();
        let request = owner.request("POST", "/users/owner/subscriptions");
        let request = request.header("Presence-Expiry", subscription);
        owner.send(request.body(crate::client::subscription(1, &["joe"]))).await.id();
        receiver.next().await;
        hub.until(FAILED, 1).await;
        Self { hub, receiver, anybody, app, owner, failed: 1 }
    }

    /// One that lasts, unless it is ended.
    async fn lasting() -> Self {
        Self::start("48h", "86400", "86400").await
    }

    /// Lets time pass, in which another try is made, and fails.
    async fn again(&mut self, seconds: u64) {
        self.hub.advance(Duration::from_secs(seconds)).await;
        self.receiver.next().await;
        self.failed += 1;
        self.hub.until(FAILED, self.failed).await;
    }

    /// Lets an hour pass but for its last second, after which no try is due for five seconds.
    async fn last_second(&mut self) {
        for _ in 0..5 {
            self.again(10).await;
        }
        self.again(3_599 - 50).await;
    }

    /// What is tried in another minute.
    async fn tries(mut self) -> usize {
        self.hub.pass(60).await;
        self.receiver.waiting().len()
    }

    /// Nothing is tried after something was ended.
    async fn ends_with(self, answer: Answer) {
        assert!([200, 201].contains(&answer.status), "{answer:?}");
        assert_eq!(self.tries().await, 0);
    }

    /// It is tried in an hour's last second, and not after it.
    async fn ends_after_an_hour(mut self) {
        self.last_second().await;
        self.hub.advance(Duration::from_secs(1)).await;
        assert_eq!(self.tries().await, 0);
    }
}

#[tokio::test]
async fn a_call_that_fails_goes_on_while_nothing_ends() {
    let scene = Scene::lasting().await;
    assert!(scene.tries().await > 5);
    let mut scene = Scene::lasting().await;
    scene.last_second().await;
    scene.hub.advance(Duration::from_secs(1)).await;
    assert!(scene.tries().await > 5);
}

#[tokio::test]
async fn w13_w28_a_call_that_fails_ends_with_its_subscription_and_its_endpoint() {
    let scene = Scene::lasting().await;
    let answer = scene.owner.delete("/users/owner/subscriptions/1").await;
    scene.ends_with(answer).await;
    let scene = Scene::lasting().await;
    let answer = scene.app.delete("/endpoints/1").await;
    scene.ends_with(answer).await;
}

#[tokio::test]
async fn w6_w7_a_call_that_fails_ends_with_a_logout() {
    let scene = Scene::lasting().await;
    let answer = scene.owner.delete("/users/owner/session").await;
    scene.ends_with(answer).await;
    let scene = Scene::lasting().await;
    let answer = scene.app.delete("/users/app/session").await;
    scene.ends_with(answer).await;
}

#[tokio::test]
async fn w4_a_call_that_fails_ends_with_a_forced_login() {
    let scene = Scene::lasting().await;
    let answer = scene.app.put("/users/owner/session", "").await;
    scene.ends_with(answer).await;
    let scene = Scene::lasting().await;
    let answer = scene.anybody.app("app2").await.put("/users/owner/session", "").await;
    scene.ends_with(answer).await;
    let scene = Scene::lasting().await;
    let password = "<session><password>app-password</password></session>";
    let answer = scene.anybody.put("/users/app/session", password).await;
    scene.ends_with(answer).await;
}

#[tokio::test]
async fn w14_a_call_that_fails_ends_when_its_endpoint_does() {
    Scene::start("48h", "3600", "86400").await.ends_after_an_hour().await;
}

#[tokio::test]
async fn a_call_that_fails_ends_when_its_subscription_does() {
    Scene::start("48h", "86400", "3600").await.ends_after_an_hour().await;
}

#[tokio::test]
async fn w7_a_call_that_fails_ends_when_its_session_does() {
    Scene::start("1h", "86400", "86400").await.ends_after_an_hour().await;
    // That of its application user goes on.
    let mut scene = Scene::start("1h", "86400", "86400").await;
    let rita = scene.app.user("rita").await;
    scene.last_second().await;
    assert_eq!(rita.poll("rita", "joe").await, "UNAVAILABLE");
    scene.hub.advance(Duration::from_secs(1)).await;
    assert_eq!(scene.owner.fetch("owner", 1).await.fault(), (401, 101));
    assert_eq!(app_endpoint(&scene.app).await, 201);
    assert_eq!(scene.tries().await, 0);
}

/// The status of prolonging the endpoint, which has to be there.
async fn app_endpoint(app: &Client) -> u16 {
    app.put("/endpoints/1", "").await.status
}
