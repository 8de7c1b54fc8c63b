//! The scenario `fanout`: one publisher, many watchers, a closed loop.

use std::time::Duration;

use super::error::BenchError;
use super::floor::{self, Load};
use super::launch::Cores;
use super::options::FanoutOptions;
use super::publisher::{Publisher, Stretch};
use super::report::{Figures, Report, each, micros_each, per_second};
use super::stage::Ground;

/// Measures every window that was asked for.
pub(super) async fn run(
    ground: &Ground,
    options: &FanoutOptions,
    cores: Cores,
) -> Result<Report, BenchError> {
    let FanoutOptions { connections, kind, frame_bytes, .. } = *options;
    let mut publisher = Publisher::prepare(ground, connections, kind, frame_bytes).await?;
    let mut results = Vec::new();
    let mut fault = None;
    for &window in &options.window {
        let warmup = publisher.closed(window, Duration::from_secs_f64(options.warmup)).await?;
        let stretch = match warmup.fault(kind) {
            None => publisher.closed(window, Duration::from_secs_f64(options.seconds)).await?,
            Some(_) => warmup,
        };
        fault = fault.or(stretch.fault(kind));
        let figures = figures(window, &stretch);
        if fault.is_some() {
            results.push(figures);
            break;
        }
        results.push(beside_floor(figures, window, &stretch, options, cores).await?);
    }
    let conditions = Figures::default()
        .count("connections", connections as u64)
        .word("kind", format!("{kind:?}").to_lowercase())
        .number("seconds", options.seconds, 1);
    Ok(Report { scenario: "fanout", conditions, results, fault })
}

fn figures(window: usize, stretch: &Stretch) -> Figures {
    let count = &stretch.count;
    Figures::default()
        .count("window", window as u64)
        .count("publications", count.published)
        .count("deliveries", count.deliveries)
        .count("lost", stretch.lost)
        .count("merged", count.skipped)
        .count("repeated", count.repeated)
        .number("bytes_per_delivery", each(count.bytes as f64, count.deliveries), 1)
        .number("deliveries_per_s", per_second(count.deliveries, stretch.elapsed), 0)
        .number("hub_us_per_delivery", micros_each(stretch.hub, count.deliveries), 3)
        .number("bench_us_per_delivery", micros_each(stretch.bench, count.deliveries), 3)
        .number("hub_cores_used", stretch.hub.as_secs_f64() / stretch.elapsed.as_secs_f64().max(1e-9), 2)
        .number("p50_ms", count.latency.quantile(0.5) as f64 / 1e6, 3)
        .number("p99_ms", count.latency.quantile(0.99) as f64 / 1e6, 3)
}

/// Adds what a bare loop needs for frames of the same size, and how many times as much the hub needs.
async fn beside_floor(
    figures: Figures,
    window: usize,
    stretch: &Stretch,
    options: &FanoutOptions,
    cores: Cores,
) -> Result<Figures, BenchError> {
    if options.floor_seconds <= 0.0 {
        return Ok(figures);
    }
    let load = Load {
        connections: options.connections,
        window,
        frame_bytes: each(stretch.count.bytes as f64, stretch.count.deliveries).round() as usize,
        duration: Duration::from_secs_f64(options.floor_seconds),
        warmup: Duration::from_secs_f64(options.floor_seconds / 8.0),
    };
    let cost = floor::measure(load, cores).await?;
    let hub = micros_each(stretch.hub, stretch.count.deliveries);
    let ratio = if cost.writer.is_zero() { 0.0 } else { hub / cost.micros() };
    Ok(figures.number("floor_us_per_delivery", cost.micros(), 3).number("hub_to_floor", ratio, 2))
}
