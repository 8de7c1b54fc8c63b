//! The hub under test: one of the bench's own, or one that already runs.

use std::process::Stdio;
use std::time::Duration;

use tokio::io::{AsyncBufReadExt, BufReader, Lines};
use tokio::process::{Child, ChildStdout};
use tokio::time::timeout;

use super::connect::Address;
use super::error::BenchError;
use super::launch::{Cores, again};
use super::options::{Dialect, Options};
use super::process::Process;

/// A hub gets this long to say where it listens.
const PATIENCE: Duration = Duration::from_secs(20);
/// How that line begins.
const GREETING: &str = "presence-hub listens on http://";

/// What the hub of the bench's own is told beyond its defaults: a port of its choice, less to say, and no limit on how much
/// one publisher may send, or how many connections a machine may have, since that is what is measured.
const SETTINGS: [&str; 5] = [
    "admin.listen=127.0.0.1:0",
    "log.level=warn",
    "limits.events_per_second=1000000",
    "limits.updates_per_second=1000000",
    "limits.unauthenticated_percent=100",
];

/// The demo app, with client events as fast as they come. Whoever has a file of settings has apps of their own in it.
const PUSHER_APP: [&str; 6] = [
    "apps.0.id=1",
    "apps.0.key=demo-key",
    "apps.0.secret=demo-secret",
    "apps.0.open_topics=true",
    "apps.0.pusher.client_events=true",
    "apps.0.pusher.client_events_per_second=1000000",
];

/// Connections that the hub takes beyond those of the scenario.
const SPARE_CONNECTIONS: usize = 16;

/// A hub under test; one of the bench's own is killed when this is dropped.
#[derive(Debug)]
pub(super) struct Hub {
    address: Address,
    process: Process,
    child: Option<Child>,
}

impl Hub {
    /// A hub that somebody else started.
    pub(super) fn running(url: &str, process: Process, cores: Cores) -> Result<Self, BenchError> {
        let address = Address::parse(url)?;
        process.cpu()?;
        cores.assign(process)?;
        Ok(Self { address, process, child: None })
    }

    /// Starts a hub on a free port of the loopback and waits until it listens.
    pub(super) async fn start(options: &Options, cores: Cores) -> Result<Self, BenchError> {
        let (connections, dialect) = (options.scenario.connections(), options.dialect);
        let options = &options.hub;
        let mut arguments = vec!["--listen=127.0.0.1:0".to_owned()];
        arguments.extend(options.config.as_ref().map(|file| format!("--config={}", file.display())));
        arguments.extend(SETTINGS.map(|setting| format!("--set={setting}")));
        if dialect == Dialect::Pusher && options.config.is_none() {
            arguments.extend(PUSHER_APP.map(|setting| format!("--set={setting}")));
        }
        arguments.push(format!("--set=limits.connections={}", connections + SPARE_CONNECTIONS));
        arguments.extend(options.set.iter().map(|setting| format!("--set={setting}")));
        let (mut child, process) = again(cores, &arguments, Stdio::piped())?;
        let no_output = || BenchError::HubStart("it has no output".to_owned());
        let mut lines = BufReader::new(child.stdout.take().ok_or_else(no_output)?).lines();
        let too_long =
            |_| BenchError::HubStart(format!("it did not say where it listens within {PATIENCE:?}"));
        let address = timeout(PATIENCE, greeting(&mut lines)).await.map_err(too_long)??;
        tokio::task::spawn_local(async move { while let Ok(Some(_)) = lines.next_line().await {} });
        Ok(Self { address, process, child: Some(child) })
    }

    /// Where it listens.
    pub(super) fn address(&self) -> Address {
        self.address.clone()
    }

    /// Its process.
    pub(super) fn process(&self) -> Process {
        self.process
    }

    /// Ends a hub of the bench's own and waits until it is gone.
    pub(super) async fn end(mut self) -> Result<(), BenchError> {
        match self.child.take() {
            Some(mut child) => child.kill().await.map_err(BenchError::io("ending the hub")),
            None => Ok(()),
        }
    }
}

async fn greeting(lines: &mut Lines<BufReader<ChildStdout>>) -> Result<Address, BenchError> {
    loop {
        let line = lines.next_line().await.map_err(BenchError::io("reading what the hub says"))?;
        let Some(line) = line else {
            return Err(BenchError::HubStart("it ended before it listened".to_owned()));
        };
        if let Some(url) = listening(&line) {
            return Address::parse(url);
        }
    }
}

fn listening(line: &str) -> Option<&str> {
    let (_, rest) = line.split_once(GREETING)?;
    rest.split_ascii_whitespace().next()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_greeting_is_found_with_anything_around_it() {
        assert_eq!(listening("presence-hub listens on http://127.0.0.1:40123"), Some("127.0.0.1:40123"));
        assert_eq!(listening("> presence-hub listens on http://127.0.0.1:1 (demo)"), Some("127.0.0.1:1"));
        assert_eq!(listening("presence-hub 0.1.0"), None);
    }
}
