//! An echo server over the hub's own transports, for a conformance tester. It prints its port and serves until killed.

#![expect(clippy::unwrap_used, clippy::print_stdout, reason = "it is a test")]

#[path = "../websocket/echo.rs"]
mod echo;

use std::sync::Arc;

use axum::Router;
use axum::routing::get;
use presence_hub::broker::{Bounds, Clock, Outbox};
use presence_hub::gateway::http;
use presence_hub::gateway::limits::{Caps, Limits};
use presence_hub::gateway::upgrade::Upgrade;
use presence_hub::gateway::websocket;
use tokio::net::TcpListener;
use tokio::sync::watch;

#[tokio::main]
async fn main() {
    let clock = Clock::system();
    let mut settings = websocket::Settings::new(clock.clone());
    if std::env::args().nth(1).as_deref() == Some("--raised-caps") {
        settings.frame_bytes = 64 << 20;
        settings.fragments = u32::MAX;
        settings.control_frames = 0;
    }
    let settings = Arc::new(settings);
    let open = async move |upgrade: Upgrade| {
        upgrade.admission().authenticate();
        upgrade.accept(async move |socket, leftover| {
            let outbox = Arc::new(Outbox::new(Bounds::default()));
            websocket::serve(socket, leftover, outbox, echo::Echo::default(), &settings).await;
        })
    };
    let router = Router::new().route("/", get(open));
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    println!("{}", listener.local_addr().unwrap().port());
    let http = http::Settings::new(clock, Limits::new(Caps::for_files(1024)));
    let (_run, shutdown) = watch::channel(false);
    http::serve(listener, router, None, http, shutdown).await;
}
