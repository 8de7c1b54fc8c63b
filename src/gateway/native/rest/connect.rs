//! The way to the WebSocket.

use std::sync::Arc;

use axum::extract::{Query, State};
use axum::http::HeaderMap;
use axum::response::{IntoResponse, Response};

use super::failure::Failure;
use super::visitor::credentials;
use super::{Here, Pairs};
use crate::broker::Outbox;
use crate::gateway::apps::App;
use crate::gateway::native::dialect::{Arrival, Native, Shared};
use crate::gateway::origin::ForeignOrigin;
use crate::gateway::upgrade::{NoUpgrade, Upgrade};
use crate::gateway::websocket;

/// `GET /ws`.
pub(super) async fn connect(
    State(rest): Here,
    headers: HeaderMap,
    Query(pairs): Pairs,
    upgrade: Result<Upgrade, NoUpgrade>,
) -> Response {
    let upgrade = match upgrade {
        Ok(upgrade) => upgrade,
        Err(refusal) => return refusal.into_response(),
    };
    let arrival = match arrive(&rest.shared, &headers, &pairs, &upgrade) {
        Ok(arrival) => arrival,
        Err(refusal) => return *refusal,
    };
    upgrade.accept(move |socket, leftover| {
        let outbox = Arc::new(Outbox::new(rest.shared.outbox));
        rest.shared.metrics.opened();
        let native = Native::new(Arc::clone(&rest.shared), Arc::clone(&outbox), arrival);
        async move {
            let reason = websocket::serve(socket, leftover, outbox, native, &rest.websocket).await;
            rest.shared.metrics.closed(reason.code());
            tracing::debug!(dialect = "native", %reason, "a connection ended");
        }
    })
}

/// What a handshake tells, or the response that refuses it.
fn arrive(
    shared: &Shared,
    headers: &HeaderMap,
    pairs: &[(String, String)],
    upgrade: &Upgrade,
) -> Result<Arrival, Box<Response>> {
    let admission = upgrade.admission();
    let arrival = Arrival { admission: Some(Arc::clone(admission)), ..Arrival::default() };
    let Some(credentials) = credentials(headers, pairs) else {
        let is_welcome = |app: &&Arc<App>| app.origins.check(headers).is_ok();
        let welcome: Vec<_> = shared.apps.iter().filter(is_welcome).map(|app| app.slot).collect();
        let is_foreign = welcome.is_empty();
        return if is_foreign { Err(refused(ForeignOrigin)) } else { Ok(Arrival { welcome, ..arrival }) };
    };
    let checked = credentials.check(&shared.apps, shared.clock.now().wall);
    let principal = checked.map_err(|why| {
        shared.metrics.unauthenticated();
        refused(Failure::from(why))
    })?;
    principal.app.origins.check(headers).map_err(refused)?;
    if principal.is_app {
        admission.authenticate();
    } else {
        let claimed = admission.claim(principal.app.slot, &principal.party.id);
        claimed.map_err(refused)?;
    }
    Ok(Arrival { principal: Some(principal), ..arrival })
}

fn refused(why: impl IntoResponse) -> Box<Response> {
    Box::new(why.into_response())
}
