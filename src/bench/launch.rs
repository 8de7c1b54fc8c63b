//! Starts this program a second time, on a core of its own if wanted, and makes sure that it ends with the bench.

use std::env;
use std::process::Stdio;

use tokio::process::{Child, Command};

use super::error::BenchError;
use super::process::Process;

/// Which core the measured process gets when cores are assigned; the bench itself gets the next.
const MEASURED_CORE: &str = "0";
const OWN_CORE: &str = "1";

/// How processes share the machine.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Cores {
    /// As the kernel likes.
    Shared,
    /// The measured process on one core, the bench on another, by `taskset`.
    Apart,
}

impl Cores {
    /// Moves the bench itself to its core.
    pub(super) fn settle(self) -> Result<(), BenchError> {
        match self {
            Self::Shared => Ok(()),
            Self::Apart => taskset(&["-cp", OWN_CORE, &std::process::id().to_string()]),
        }
    }

    /// Moves a process that already runs, with all its threads, to the measured core.
    pub(super) fn assign(self, process: Process) -> Result<(), BenchError> {
        match self {
            Self::Shared => Ok(()),
            Self::Apart => taskset(&["-acp", MEASURED_CORE, &process.0.to_string()]),
        }
    }
}

fn taskset(arguments: &[&str]) -> Result<(), BenchError> {
    let mut command = std::process::Command::new("taskset");
    let output = command.args(arguments).output().map_err(BenchError::io("running taskset for --pin"))?;
    if output.status.success() {
        return Ok(());
    }
    let why = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    Err(BenchError::Option(format!("--pin needs a second core: {why}")))
}

/// Starts this very program with these arguments. It is killed, by its id, when the returned value is dropped.
pub(super) fn again(
    cores: Cores,
    arguments: &[String],
    output: Stdio,
) -> Result<(Child, Process), BenchError> {
    let program = env::current_exe().map_err(BenchError::io("finding this program"))?;
    let mut command = match cores {
        Cores::Shared => Command::new(program),
        Cores::Apart => {
            let mut command = Command::new("taskset");
            command.args(["-c", MEASURED_CORE]).arg(program);
            command
        }
    };
    command.args(arguments).stdin(Stdio::null()).stdout(output).kill_on_drop(true);
    let child = command.spawn().map_err(BenchError::io("starting this program a second time"))?;
    let id = child.id().ok_or_else(|| BenchError::HubStart("it ended at once".to_owned()))?;
    Ok((child, Process(id)))
}
