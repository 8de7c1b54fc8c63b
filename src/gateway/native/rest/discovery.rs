//! Where the hub is, for clients that ask.

use axum::extract::State;
use axum::http::StatusCode;
use axum::response::{IntoResponse, Response};
use axum::{Extension, Json};
use presence_protocol::native::{ServiceConfigurations, SpacesConfiguration};

use super::Here;
use super::failure::Failure;
use crate::gateway::hosts::is_known;
use crate::gateway::native::fault::Fault;
use crate::gateway::peer::Front;

/// The hub's address as this client reached it, unless the client named a host that is not the hub's.
pub(super) fn own_url(front: &Front, hosts: &[String]) -> Option<String> {
    let scheme = if front.is_secure { "https" } else { "http" };
    is_known(&front.host, hosts).then(|| format!("{scheme}://{}", front.host))
}

/// `GET /api/service-configurations`.
pub(super) async fn services(
    State(rest): Here,
    Extension(front): Extension<Front>,
) -> Result<Response, Failure> {
    let unknown =
        Fault::new("unknown.host", "the hub does not know this host name as its own; see http.hosts");
    let url = own_url(&front, &rest.shared.hosts).ok_or(Failure(StatusCode::MISDIRECTED_REQUEST, unknown))?;
    let spaces = SpacesConfiguration { socketio_server_url: format!("{url}/chat").into() };
    Ok(Json(ServiceConfigurations { spaces }).into_response())
}
