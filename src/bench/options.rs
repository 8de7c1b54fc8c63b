//! The command line of the bench.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::{Args, Subcommand, ValueEnum};

/// Measures a hub: starts one, or takes one that runs, and reports what it costs.
#[derive(Debug, Args)]
pub struct Options {
    #[command(subcommand)]
    pub(super) scenario: Scenario,
    /// The wire language that is spoken.
    #[arg(long, global = true, value_enum, default_value = "native")]
    pub(super) dialect: Dialect,
    /// In the Pusher dialect: the sort of channel that is subscribed to.
    #[arg(long, global = true, value_enum, default_value = "presence")]
    pub(super) channels: Channels,
    /// Report as one line of JSON instead of a table.
    #[arg(long, global = true)]
    pub(super) json: bool,
    /// Never sleep: the hub then does not pay for waking the bench.
    #[arg(long, global = true)]
    pub(super) busy: bool,
    /// Give the hub (or the floor's writer) core 0 and the bench core 1, by `taskset`.
    #[arg(long, global = true)]
    pub(super) pin: bool,
    #[command(flatten)]
    pub(super) hub: Box<HubOptions>,
}

/// The wire languages that the bench speaks.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Dialect {
    /// The native dialect over a plain WebSocket.
    Native,
    /// The native dialect over Socket.IO: Engine.IO 4 over a WebSocket, in the namespace `/chat`.
    #[value(name = "socketio")]
    SocketIo,
    /// Pusher Channels, protocol 7: members of presence channels, who send client events.
    Pusher,
    /// PubNub: everybody holds a poll, and the first connection publishes.
    #[value(name = "pubnub")]
    PubNub,
}

/// The sorts of channels of the Pusher dialect that take client events.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Channels {
    /// Whoever subscribes is a member.
    Presence,
    /// Nobody is: as where other dialects only watch.
    Private,
}

/// Which hub is measured.
#[derive(Debug, Args)]
pub(super) struct HubOptions {
    /// Measure the hub that listens here, such as ws://127.0.0.1:8080, instead of starting one.
    #[arg(long, global = true, value_name = "URL")]
    pub(super) url: Option<String>,
    /// The process of the hub at --url, for its CPU time and memory.
    #[arg(long, global = true, value_name = "PID")]
    pub(super) pid: Option<u32>,
    /// A TOML file with settings for the hub that is started.
    #[arg(long, global = true, value_name = "FILE")]
    pub(super) config: Option<PathBuf>,
    /// A setting for the hub that is started; may be repeated.
    #[arg(long, global = true, value_name = "KEY=VALUE")]
    pub(super) set: Vec<String>,
    /// The key of the app that signs the tokens or, in the Pusher dialect, subscriptions.
    #[arg(long, global = true, default_value = "demo-key")]
    pub(super) app_key: String,
    /// Its secret.
    #[arg(long, global = true, default_value = "demo-secret")]
    pub(super) app_secret: String,
    /// Seconds without any progress after which a scenario gives up.
    #[arg(long, global = true, default_value_t = 10.0, value_parser = span)]
    pub(super) patience: f64,
}

/// What is measured.
#[derive(Debug, Subcommand)]
pub(super) enum Scenario {
    /// One publisher, many watchers, closed loop: deliveries per second and CPU per delivery, beside the floor.
    Fanout(FanoutOptions),
    /// One publisher at a fixed rate, open loop: latency percentiles from when a publication was due.
    Rate(RateOptions),
    /// Many connections that do nothing: memory per connection, CPU per connect and subscribe.
    Idle(IdleOptions),
    /// Everybody joins one topic at once: time and CPU until everybody knows everybody.
    Storm(StormOptions),
    /// No hub: a bare send loop to as many connections, the yardstick.
    Floor(FloorOptions),
    /// The writing side of `floor`.
    #[command(hide = true)]
    FloorWriter(WriterOptions),
}

/// What a publication is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub(super) enum Kind {
    /// A message to all watchers.
    Message,
    /// A member's presence with new content. The hub may merge updates that follow each other closely.
    Presence,
}

/// Options of `fanout`.
#[derive(Debug, Args)]
pub(super) struct FanoutOptions {
    /// Connections that watch the topic; the first of them publishes.
    #[arg(long, default_value_t = 1_000, value_parser = size)]
    pub(super) connections: usize,
    /// Publications that may be on their way at once; a list is measured one after the other.
    #[arg(long, default_value = "1,32", value_delimiter = ',', value_parser = size)]
    pub(super) window: Vec<usize>,
    /// What is published.
    #[arg(long, value_enum, default_value = "message")]
    pub(super) kind: Kind,
    /// Seconds measured for each window.
    #[arg(long, default_value_t = 5.0, value_parser = span)]
    pub(super) seconds: f64,
    /// Seconds before that which do not count.
    #[arg(long, default_value_t = 1.0, value_parser = span)]
    pub(super) warmup: f64,
    /// The size of a delivery on the wire, if the hub's own part leaves room for it.
    #[arg(long, default_value_t = 504)]
    pub(super) frame_bytes: usize,
    /// Seconds for which the floor is measured beside each window; 0 leaves it out.
    #[arg(long, default_value_t = 2.0, value_parser = span)]
    pub(super) floor_seconds: f64,
}

/// Options of `rate`.
#[derive(Debug, Args)]
pub(super) struct RateOptions {
    /// Connections that watch the topic; the first of them publishes.
    #[arg(long, default_value_t = 1_000, value_parser = size)]
    pub(super) connections: usize,
    /// Publications a second.
    #[arg(long, default_value_t = 20.0, value_parser = rate)]
    pub(super) per_second: f64,
    /// What is published.
    #[arg(long, value_enum, default_value = "message")]
    pub(super) kind: Kind,
    /// Seconds measured.
    #[arg(long, default_value_t = 10.0, value_parser = span)]
    pub(super) seconds: f64,
    /// Seconds before that which do not count.
    #[arg(long, default_value_t = 1.0, value_parser = span)]
    pub(super) warmup: f64,
    /// The size of a delivery on the wire, if the hub's own part leaves room for it.
    #[arg(long, default_value_t = 504)]
    pub(super) frame_bytes: usize,
}

/// Options of `idle`.
#[derive(Debug, Args)]
pub(super) struct IdleOptions {
    /// Connections, each watching one topic, unless there is none.
    #[arg(long, default_value_t = 10_000, value_parser = size)]
    pub(super) connections: usize,
    /// Topics, watched in turn; with 0, connections watch nothing.
    #[arg(long, default_value_t = 100, value_parser = size_or_none)]
    pub(super) topics: usize,
    /// Seconds after which memory is read once more.
    #[arg(long, default_value_t = 5.0, value_parser = span)]
    pub(super) settle: f64,
}

/// Options of `storm`.
#[derive(Debug, Args)]
pub(super) struct StormOptions {
    /// Members, each on a connection of its own.
    #[arg(long, default_value_t = 1_000, value_parser = size)]
    pub(super) connections: usize,
}

/// Options of `floor`.
#[derive(Debug, Args)]
pub(super) struct FloorOptions {
    /// Connections written to.
    #[arg(long, default_value_t = 1_000, value_parser = size)]
    pub(super) connections: usize,
    /// Frames in one write; a list is measured one after the other.
    #[arg(long, default_value = "1,32", value_delimiter = ',', value_parser = size)]
    pub(super) window: Vec<usize>,
    /// Seconds measured for each window.
    #[arg(long, default_value_t = 4.0, value_parser = span)]
    pub(super) seconds: f64,
    /// Seconds before that which do not count.
    #[arg(long, default_value_t = 0.5, value_parser = span)]
    pub(super) warmup: f64,
    /// The size of a frame on the wire.
    #[arg(long, default_value_t = 504)]
    pub(super) frame_bytes: usize,
}

/// Options of the floor's writer.
#[derive(Debug, Args)]
pub(super) struct WriterOptions {
    /// Where the reader listens.
    #[arg(long)]
    pub(super) connect: SocketAddr,
    /// Connections written to.
    #[arg(long)]
    pub(super) connections: usize,
    /// Frames in one write.
    #[arg(long)]
    pub(super) window: usize,
    /// The size of a frame on the wire.
    #[arg(long)]
    pub(super) frame_bytes: usize,
}

/// Seats have six digits.
const MOST_SEATS: usize = 1_000_000;
/// Whatever is asked for, a run ends.
const LONGEST_SECONDS: f64 = 3_600.0;
const HIGHEST_RATE: f64 = 100_000.0;

fn size(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(size @ 1..=MOST_SEATS) => Ok(size),
        _ => Err(format!("not a number from 1 to {MOST_SEATS}")),
    }
}

fn size_or_none(text: &str) -> Result<usize, String> {
    match text.parse() {
        Ok(size @ 0..=MOST_SEATS) => Ok(size),
        _ => Err(format!("not a number from 0 to {MOST_SEATS}")),
    }
}

fn span(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(seconds) if (0.0..=LONGEST_SECONDS).contains(&seconds) => Ok(seconds),
        _ => Err(format!("not a number of seconds from 0 to {LONGEST_SECONDS}")),
    }
}

fn rate(text: &str) -> Result<f64, String> {
    match text.parse() {
        Ok(rate) if (0.01..=HIGHEST_RATE).contains(&rate) => Ok(rate),
        _ => Err(format!("not a rate from 0.01 to {HIGHEST_RATE} a second")),
    }
}

#[cfg(test)]
mod tests {
    use clap::{CommandFactory, Parser};

    use super::*;

    #[derive(Debug, Parser)]
    struct Whole {
        #[command(flatten)]
        options: Options,
    }

    #[test]
    fn the_command_line_is_sound() {
        Whole::command().debug_assert();
    }

    #[test]
    fn lists_and_common_options_are_read() {
        let whole = Whole::parse_from([
            "bench", "fanout", "--window", "1,8,32", "--kind", "presence", "--json", "--set", "a=1",
        ]);
        let Scenario::Fanout(fanout) = whole.options.scenario else { panic!("not a fanout") };
        assert_eq!((fanout.window, fanout.kind, fanout.connections), (vec![1, 8, 32], Kind::Presence, 1_000));
        assert_eq!((whole.options.json, whole.options.hub.set), (true, vec!["a=1".to_owned()]));
    }

    #[test]
    fn nonsense_is_refused() {
        for arguments in [
            ["bench", "storm", "--connections", "0"],
            ["bench", "rate", "--seconds", "-1"],
            ["bench", "rate", "--seconds", "NaN"],
            ["bench", "rate", "--per-second", "0"],
            ["bench", "fanout", "--window", "1,x"],
        ] {
            assert!(Whole::try_parse_from(arguments).is_err(), "{arguments:?}");
        }
    }
}
