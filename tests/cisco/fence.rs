//! A fence: who was not called when it has been crossed has not been called.

use crate::client::Client;
use crate::hub::Hub;
use crate::receiver::Receiver;

/// A subscription of the second application user to somebody who changes after everything else.
struct Fence {
    carlotta: Client,
    receiver: Receiver,
    id: u32,
}

/// Fails if an endpoint was called for what has changed until now. It takes `carlotta` of the hub's people.
pub(crate) async fn nobody_called(hub: &Hub, receiver: &mut Receiver) {
    let mut fence = Fence::new(hub).await;
    // The second round is for what was on its way in the first.
    for state in ["AVAILABLE", "UNAVAILABLE"] {
        fence.round(state).await;
    }
    assert_eq!(receiver.waiting(), Vec::<String>::new(), "nobody is called");
}

impl Fence {
    async fn new(hub: &Hub) -> Self {
        let app = Client::new(hub).app("app2").await;
        let carlotta = app.user("carlotta").await;
        let mut receiver = Receiver::start().await;
        let endpoint = app.endpoint(&receiver).await;
        let id = carlotta.subscribe("carlotta", endpoint, &["carlotta"]).await;
        receiver.next().await;
        carlotta.fetch("carlotta", id).await;
        Self { carlotta, receiver, id }
    }

    /// One change, its call and its fetch.
    async fn round(&mut self, state: &str) {
        self.carlotta.set("carlotta", state, "false").await;
        self.receiver.next().await;
        let told = self.carlotta.fetch("carlotta", self.id).await;
        assert_eq!(told.states(), [("carlotta@example.com", state)]);
    }
}
