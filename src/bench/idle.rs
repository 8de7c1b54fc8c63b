//! The scenario `idle`: many connections that watch a topic, or none, and do nothing else.

use std::time::Duration;

use super::error::BenchError;
use super::options::IdleOptions;
use super::protocol::Heard;
use super::publisher::topic;
use super::report::{Figures, Report, micros_each};
use super::stage::{Audience, Crowd, Ground};
use super::stopwatch::{Stopwatch, wait_until};

/// Measures how much the hub grows, right after the last connection and once more when it has settled.
pub(super) async fn run(ground: &Ground, options: &IdleOptions) -> Result<Report, BenchError> {
    let hub = ground.process;
    let pause = |seconds| wait_until(Stopwatch::start(), Duration::from_secs_f64(seconds));
    let prefix = topic("idle");
    pause(EMPTY_SECONDS).await;
    let (empty, cpu) = (hub.resident()?, hub.cpu()?);
    let watch = Stopwatch::start();
    let crowd = if options.topics > 0 {
        let topic = |seat| format!("{prefix}-{}", seat % options.topics);
        Crowd::gather_watching(ground, options.connections, Deaf, topic).await?
    } else {
        Crowd::gather(ground, options.connections, Deaf).await?
    };
    let (elapsed, cpu) = (watch.elapsed(), hub.cpu()? - cpu);
    let full = hub.resident()?;
    let settling = hub.cpu()?;
    pause(options.settle).await;
    let settling = hub.cpu()? - settling;
    crowd.check()?;
    let settled = hub.resident()?;
    let many = options.connections as u64;
    let each = |resident: u64| (resident as f64 - empty as f64) / options.connections as f64;
    let figures = Figures::default()
        .number("connect_s", elapsed.as_secs_f64(), 2)
        .number("hub_us_per_connect", micros_each(cpu, many), 1)
        .number("empty_mib", mebibytes(empty), 1)
        .number("full_mib", mebibytes(full), 1)
        .number("settled_mib", mebibytes(settled), 1)
        .number("bytes_per_connection", each(full), 0)
        .number("settled_bytes_per_connection", each(settled), 0)
        .number("settling_cpu_s", settling.as_secs_f64(), 2);
    let conditions = Figures::default()
        .count("connections", many)
        .count("topics", options.topics as u64)
        .number("settle_s", options.settle, 1);
    Ok(Report { scenario: "idle", conditions, results: vec![figures], fault: None })
}

/// How long an empty hub is left alone before its memory is read.
const EMPTY_SECONDS: f64 = 1.0;

fn mebibytes(bytes: u64) -> f64 {
    bytes as f64 / 1_048_576.0
}

/// Listens to nothing.
#[derive(Debug)]
struct Deaf;

impl Audience for Deaf {
    fn hear(&mut self, _seat: usize, _heard: Heard, _text: &[u8], _wire: usize) -> bool {
        false
    }
}
