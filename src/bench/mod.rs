//! `presence-hub bench`: a load generator and yardstick. It measures a hub from outside, over real connections.
//!
//! One thread holds all connections, so that a machine with two cores gives one to the hub. What the hub costs is what the
//! kernel says its process has used; what no hub could avoid is measured beside it as the *floor*.

mod answer;
mod connect;
mod error;
mod fanout;
mod fleet;
mod floor;
mod frame;
mod gathering;
mod histogram;
mod hub;
mod idle;
mod interrupt;
mod launch;
mod line;
mod marker;
mod native;
mod options;
mod process;
mod protocol;
mod publisher;
mod pubnub;
mod pusher;
mod rate;
mod report;
mod socketio;
mod stage;
mod stopwatch;
mod storm;
mod tally;
mod token;
mod transport;

#[cfg(test)]
mod rehearsal;

use std::rc::Rc;
use std::time::Duration;

use tokio::task::LocalSet;

pub use error::BenchError;
pub use options::Options;

use hub::Hub;
use interrupt::Interrupt;
use launch::Cores;
use native::Native;
use options::{Channels, Dialect, Scenario};
use process::Process;
use protocol::Protocol;
use pubnub::PubNub;
use pusher::Pusher;
use report::Report;
use socketio::SocketIo;
use stage::Ground;
use token::Mint;

/// Open files beyond one for each connection.
const SPARE_FILES: u64 = 64;

/// Runs a scenario and writes its report to the standard output. Must not be called from within a runtime.
///
/// # Errors
/// When the scenario could not be carried through, and when its own checks say that the figures must not be believed; in the
/// latter case the report is written all the same.
pub fn run(options: Options) -> Result<(), BenchError> {
    if let Scenario::FloorWriter(options) = &options.scenario {
        return floor::write(options);
    }
    let is_json = options.json;
    make_room(options.scenario.connections())?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build();
    let runtime = runtime.map_err(BenchError::io("starting the runtime"))?;
    let circumstances = [
        ("bench", if options.busy { "busy" } else { "sleeps" }),
        ("cores", if options.pin { "apart" } else { "shared" }),
    ];
    let mut report = LocalSet::new().block_on(&runtime, measure(options))?;
    for (name, word) in circumstances {
        report.conditions = report.conditions.word(name, word);
    }
    let mut out = std::io::stdout().lock();
    if is_json {
        report.write_json(&mut out)?;
    } else {
        report.write_text(&mut out)?;
    }
    report.fault.map_or(Ok(()), Err)
}

async fn measure(options: Options) -> Result<Report, BenchError> {
    let cores = if options.pin { Cores::Apart } else { Cores::Shared };
    cores.settle()?;
    let mut interrupt = Interrupt::listen()?;
    if options.busy {
        tokio::task::spawn_local(spin());
    }
    if let Scenario::Floor(floor) = &options.scenario {
        return interrupt.or(floor::run(floor, cores)).await;
    }
    if let Some(why) = unplayable(options.dialect, options.channels, &options.scenario) {
        return Err(BenchError::Option(why.to_owned()));
    }
    let hub = interrupt.or(bring_up(&options, cores)).await?;
    let app = (options.hub.app_key.as_str(), options.hub.app_secret.as_str());
    let ground = Ground {
        address: hub.address(),
        process: hub.process(),
        mint: Mint::new(app.0, app.1),
        protocol: options.dialect.protocol(app, options.channels),
        patience: Duration::from_secs_f64(options.hub.patience),
    };
    let report = interrupt.or(play(&options.scenario, &ground, cores)).await;
    hub.end().await?;
    let mut report = report?;
    report.conditions = report.conditions.word("dialect", options.dialect.name());
    Ok(report)
}

/// Why a dialect cannot play a scenario, if it cannot.
fn unplayable(dialect: Dialect, channels: Channels, scenario: &Scenario) -> Option<&'static str> {
    match (dialect, scenario) {
        (_, Scenario::Storm(_)) if channels == Channels::Private => {
            Some("private channels have no members to know of")
        }
        (Dialect::PubNub, Scenario::Storm(_)) => {
            Some("large channels do not name who joins in this dialect: use fanout, rate or idle")
        }
        (Dialect::PubNub, Scenario::Idle(idle)) if idle.topics == 0 => {
            Some("a connection that polls nothing is closed in this dialect: give it --topics")
        }
        _ => None,
    }
}

async fn play(scenario: &Scenario, ground: &Ground, cores: Cores) -> Result<Report, BenchError> {
    match scenario {
        Scenario::Fanout(options) => fanout::run(ground, options, cores).await,
        Scenario::Rate(options) => rate::run(ground, options).await,
        Scenario::Idle(options) => idle::run(ground, options).await,
        Scenario::Storm(options) => storm::run(ground, options).await,
        Scenario::Floor(options) => floor::run(options, cores).await,
        Scenario::FloorWriter(_) => Err(BenchError::Option("floor-writer is a part of floor".to_owned())),
    }
}

async fn bring_up(options: &Options, cores: Cores) -> Result<Hub, BenchError> {
    match (&options.hub.url, options.hub.pid) {
        (Some(url), Some(pid)) => Hub::running(url, Process(pid), cores),
        (None, None) => Hub::start(options, cores).await,
        (Some(_), None) | (None, Some(_)) => {
            Err(BenchError::Option("--url and --pid go together".to_owned()))
        }
    }
}

/// Keeps the thread from sleeping: whenever nothing else is to be done, the runtime asks the kernel again at once.
async fn spin() {
    loop {
        tokio::task::yield_now().await;
    }
}

/// Raises the limit of open files as far as it goes, which the hub of the bench's own inherits.
fn make_room(connections: usize) -> Result<(), BenchError> {
    let limit = rlimit::increase_nofile_limit(rlimit::INFINITY)
        .map_err(BenchError::io("raising the limit of open files"))?;
    let needed = connections as u64 + SPARE_FILES;
    if needed > limit {
        let most = limit.saturating_sub(SPARE_FILES);
        return Err(BenchError::OpenFiles { wanted: connections, needed, limit, most });
    }
    Ok(())
}

impl Dialect {
    fn name(self) -> &'static str {
        match self {
            Self::Native => "native",
            Self::SocketIo => "socketio",
            Self::Pusher => "pusher",
            Self::PubNub => "pubnub",
        }
    }

    fn protocol(self, (key, secret): (&str, &str), channels: Channels) -> Rc<dyn Protocol> {
        match self {
            Self::Native => Rc::new(Native),
            Self::SocketIo => Rc::new(SocketIo),
            Self::Pusher => Rc::new(Pusher::new(key, secret, channels.prefix())),
            Self::PubNub => Rc::new(PubNub::new(key)),
        }
    }
}

impl Channels {
    fn prefix(self) -> &'static str {
        match self {
            Self::Presence => "presence-",
            Self::Private => "private-",
        }
    }
}

impl Scenario {
    pub(super) fn connections(&self) -> usize {
        match self {
            Self::Fanout(options) => options.connections,
            Self::Rate(options) => options.connections,
            Self::Idle(options) => options.connections,
            Self::Storm(options) => options.connections,
            Self::Floor(options) => options.connections,
            Self::FloorWriter(options) => options.connections,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn more_connections_than_open_files_is_an_error_that_says_how_many_fit() {
        let refused = make_room(usize::MAX / 2);
        assert!(matches!(&refused, Err(BenchError::OpenFiles { .. })), "{refused:?}");
        let text = refused.map_err(|error| error.to_string()).unwrap_err();
        assert!(text.contains("ask for at most"), "{text}");
        assert!(make_room(1).is_ok());
    }
}
