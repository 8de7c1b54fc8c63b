//! The demo page, built into the binary and served under a policy that lets it run nothing but its own scripts.

use std::sync::Arc;

use axum::Router;
use axum::extract::{Request, State};
use axum::http::{HeaderValue, StatusCode, Uri, header};
use axum::middleware::{self, Next};
use axum::response::{IntoResponse, Response};
use axum::routing::get;
use rust_embed::RustEmbed;

use super::hosts::is_known_host;

#[derive(RustEmbed)]
#[folder = "web-demo/"]
struct Files;

const POLICY: &str = "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self' data: https:; \
    connect-src 'self' ws: wss:; frame-ancestors 'none'; base-uri 'none'; form-action 'none'";

/// The pages, answered only under these host names. What is no page is found under none.
pub fn router(hosts: Arc<[String]>) -> Router {
    Router::new()
        .fallback(get(|uri: Uri| async move { file(name(&uri)) }))
        .layer(middleware::from_fn_with_state(hosts, guard))
}

fn name(uri: &Uri) -> &str {
    match uri.path().trim_start_matches('/') {
        "" => "index.html",
        name => name,
    }
}

fn file(path: &str) -> Response {
    let Some(file) = Files::get(path) else { return missing() };
    let kind = HeaderValue::from_static(kind_of(path));
    ([(header::CONTENT_TYPE, kind)], file.data.into_owned()).into_response()
}

fn missing() -> Response {
    (StatusCode::NOT_FOUND, "there is no such page\n").into_response()
}

fn kind_of(path: &str) -> &'static str {
    match path.rsplit('.').next() {
        Some("html") => "text/html; charset=utf-8",
        Some("js") => "text/javascript; charset=utf-8",
        Some("css") => "text/css; charset=utf-8",
        Some("svg") => "image/svg+xml",
        _ => "application/octet-stream",
    }
}

async fn guard(State(hosts): State<Arc<[String]>>, request: Request, next: Next) -> Response {
    let is_module = request.uri().path().ends_with(".js");
    let mut response = if Files::get(name(request.uri())).is_none() {
        missing()
    } else if is_known_host(request.headers(), &hosts) {
        next.run(request).await
    } else {
        (StatusCode::MISDIRECTED_REQUEST, "unknown host; see http.hosts\n").into_response()
    };
    let headers = response.headers_mut();
    for (name, value) in [
        (header::CONTENT_SECURITY_POLICY, POLICY),
        (header::X_CONTENT_TYPE_OPTIONS, "nosniff"),
        (header::REFERRER_POLICY, "no-referrer"),
        (header::CACHE_CONTROL, "no-cache"),
    ] {
        headers.insert(name, HeaderValue::from_static(value));
    }
    if is_module {
        // Other people's pages may import the client, which is there to be reused.
        headers.insert(header::ACCESS_CONTROL_ALLOW_ORIGIN, HeaderValue::from_static("*"));
    }
    response
}
