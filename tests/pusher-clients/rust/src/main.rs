//! A backend with the crate `pusher`: `HOST ID KEY SECRET CHANNEL...` triggers three events on the channels, and writes a line with what
//! each returns.

use std::error::Error;

use pusher::PusherBuilder;

#[tokio::main(flavor = "current_thread")]
async fn main() -> Result<(), Box<dyn Error>> {
    let given: Vec<String> = std::env::args().skip(1).collect();
    let [host, id, key, secret, channels @ ..] = given.as_slice() else {
        return Err("HOST ID KEY SECRET CHANNEL...".into());
    };
    let pusher = PusherBuilder::new(id, key, secret).host(host).finalize();
    let channels: Vec<&str> = channels.iter().map(String::as_str).collect();
    for n in 0..3 {
        let triggered = pusher.trigger_multi(&channels, "an_event", n).await?;
        println!("{}", serde_json::to_string(&triggered.event_ids)?);
    }
    Ok(())
}
