//! Parses the command line, starts what it names, waits, and turns the outcome into an exit code.

use std::io::{self, Write};
use std::process::ExitCode;

use clap::{Parser, Subcommand};
use presence_hub::app::App;
use presence_hub::broker::Clock;
use presence_hub::config::{Config, ConfigArgs, Loaded, environment, print};
use presence_hub::{admin, bench};

/// A self-hosted realtime presence hub: one roster, every dialect.
#[derive(Debug, Parser)]
#[command(version, about)]
struct Args {
    #[command(flatten)]
    config: ConfigArgs,
    #[command(subcommand)]
    command: Option<Command>,
}

#[derive(Debug, Subcommand)]
enum Command {
    /// Runs the hub; the same as no command.
    Serve,
    /// Shows the configuration.
    Config {
        #[command(subcommand)]
        command: ConfigCommand,
    },
    /// Measures a hub: fan-out, latency at a rate, memory, join storms.
    Bench(bench::Options),
}

#[derive(Debug, Subcommand)]
enum ConfigCommand {
    /// Prints every key, its value and where it was written.
    Print,
}

fn main() -> ExitCode {
    match run(Args::parse()) {
        Ok(()) => ExitCode::SUCCESS,
        Err(why) => {
            // Where standard error is gone, nobody is left to tell.
            drop(writeln!(io::stderr(), "presence-hub: {why}"));
            ExitCode::FAILURE
        }
    }
}

fn run(args: Args) -> Result<(), String> {
    if let Some(Command::Bench(options)) = args.command {
        return bench::run(options).map_err(|error| error.to_string());
    }
    let loaded = Config::load(&args.config, environment()).map_err(|error| error.to_string())?;
    match args.command {
        Some(Command::Config { command: ConfigCommand::Print }) => {
            print(&loaded, &mut io::stdout().lock()).map_err(|error| error.to_string())
        }
        _ => serve(loaded),
    }
}

fn serve(loaded: Loaded) -> Result<(), String> {
    admin::start_logs(&loaded.config.log)?;
    admin::panics::watch();
    for warning in &loaded.warnings {
        tracing::warn!("{warning}");
    }
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| format!("cannot start the runtime: {error}"))?;
    runtime.block_on(async {
        let running = App::start(loaded.config, Clock::system()).await?;
        running.greet(&mut io::stdout().lock()).map_err(|error| error.to_string())?;
        running.until_stopped().await;
        Ok(())
    })
}
