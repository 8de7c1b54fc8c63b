//! What a connection costs while nothing happens on it.

use std::sync::Arc;

use bytes::Bytes;
use presence_hub::broker::{Bounds, Clock, Outbox};
use presence_hub::gateway::io::Socket;
use presence_hub::gateway::websocket::{Settings, serve};
use tokio::net::{TcpListener, TcpStream};

use crate::echo::Echo;

#[tokio::test]
async fn the_driver_of_one_connection_is_small() {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let stream = TcpStream::connect(listener.local_addr().unwrap()).await.unwrap();
    let outbox = Arc::new(Outbox::new(Bounds::default()));
    let settings = Settings::new(Clock::system());
    let serving = serve(Socket::plain(stream, None), Bytes::new(), outbox, Echo::default(), &settings);
    let size = size_of_val(&serving);
    assert!(size <= 1536, "{size} bytes");
    assert!(size_of::<Outbox>() <= 192, "{} bytes", size_of::<Outbox>());
}
