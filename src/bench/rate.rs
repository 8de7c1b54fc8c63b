//! The scenario `rate`: one publisher at a fixed rate, an open loop.

use std::time::Duration;

use super::error::BenchError;
use super::options::RateOptions;
use super::publisher::Publisher;
use super::report::{Figures, Report, each, micros_each, per_second};
use super::stage::Ground;

/// Measures latencies from when a publication was due, so that a hub which delays the publisher cannot hide it.
pub(super) async fn run(ground: &Ground, options: &RateOptions) -> Result<Report, BenchError> {
    let RateOptions { connections, kind, frame_bytes, .. } = *options;
    let mut publisher = Publisher::prepare(ground, connections, kind, frame_bytes).await?;
    let warmup = publisher.open(options.per_second, Duration::from_secs_f64(options.warmup)).await?;
    let stretch = match warmup.fault(kind) {
        None => publisher.open(options.per_second, Duration::from_secs_f64(options.seconds)).await?,
        Some(_) => warmup,
    };
    let count = &stretch.count;
    let millis = |share: f64| count.latency.quantile(share) as f64 / 1e6;
    let figures = Figures::default()
        .count("publications", count.published)
        .count("deliveries", count.deliveries)
        .count("lost", stretch.lost)
        .count("merged", count.skipped)
        .count("repeated", count.repeated)
        .number("bytes_per_delivery", each(count.bytes as f64, count.deliveries), 1)
        .number("deliveries_per_s", per_second(count.deliveries, stretch.elapsed), 0)
        .count("latencies", count.latency.total())
        .number("p50_ms", millis(0.5), 3)
        .number("p99_ms", millis(0.99), 3)
        .number("p999_ms", millis(0.999), 3)
        .number("max_ms", count.latency.max() as f64 / 1e6, 3)
        .number("hub_us_per_delivery", micros_each(stretch.hub, count.deliveries), 3)
        .number("bench_us_per_delivery", micros_each(stretch.bench, count.deliveries), 3);
    let conditions = Figures::default()
        .count("connections", connections as u64)
        .word("kind", format!("{kind:?}").to_lowercase())
        .number("per_second", options.per_second, 2)
        .number("seconds", options.seconds, 1);
    Ok(Report { scenario: "rate", conditions, results: vec![figures], fault: stretch.fault(kind) })
}
