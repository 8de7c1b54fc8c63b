//! The scenario `storm`: everybody joins one topic at once.

use std::rc::Rc;
use std::time::Duration;

use super::error::BenchError;
use super::gathering::Gathering;
use super::options::StormOptions;
use super::process::Process;
use super::protocol::Saying;
use super::publisher::topic;
use super::report::{Figures, Report, micros_each};
use super::stage::{Crowd, Ground};
use super::stopwatch::{Stopwatch, wait_until};

/// What the hub still sends this long after everybody knows everybody belongs to the storm.
const AFTERMATH: Duration = Duration::from_millis(200);

/// Measures the time until every connection has been told of every member, and what that took.
pub(super) async fn run(ground: &Ground, options: &StormOptions) -> Result<Report, BenchError> {
    let members = options.connections;
    let hub = ground.process;
    let crowd = Crowd::gather(ground, members, Gathering::new(members, Rc::clone(&ground.protocol))).await?;
    let topic = topic("storm");
    let shows_roster = ground.protocol.habits().shows_roster;
    let (cpu, bench, before) = (hub.cpu()?, Process::own().cpu()?, crowd.volume());
    let watch = Stopwatch::start();
    for seat in 0..members {
        let topic = topic.as_str();
        let mut sayings = vec![Saying::Watch { topic }, Saying::Online { topic, text: "here" }];
        sayings.extend((!shows_roster).then_some(Saying::Roster { topic }));
        crowd.say_all(seat, &sayings);
    }
    crowd.flush().await?;
    let converged = crowd.until("everybody to know everybody", |gathering| gathering.is_converged()).await;
    let elapsed = watch.elapsed();
    explain(converged, &crowd, members)?;
    wait_until(watch, elapsed + AFTERMATH).await;
    crowd.check()?;
    let (cpu, bench) = (hub.cpu()? - cpu, Process::own().cpu()? - bench);
    let (frames, bytes) = crowd.volume();
    let (frames, bytes) = (frames - before.0, bytes - before.1);
    let tokens = crowd.with(|gathering| gathering.tokens());
    let checked = verify(&crowd, &topic).await?;
    let figures = Figures::default()
        .number("converge_s", elapsed.as_secs_f64(), 3)
        .count("member_tokens", tokens)
        .count("frames", frames)
        .number("megabytes", bytes as f64 / 1e6, 1)
        .number("hub_cpu_s", cpu.as_secs_f64(), 2)
        .number("bench_cpu_s", bench.as_secs_f64(), 2)
        .number("hub_us_per_token", micros_each(cpu, tokens), 3)
        .count("frames_checked_by_full_parse", checked);
    let conditions = Figures::default().count("members", members as u64);
    Ok(Report { scenario: "storm", conditions, results: vec![figures], fault: None })
}

fn explain(
    converged: Result<(), BenchError>,
    crowd: &Crowd<Gathering>,
    members: usize,
) -> Result<(), BenchError> {
    match converged {
        Err(BenchError::Stalled { patience, .. }) => {
            let full = crowd.with(|gathering| gathering.full());
            let what = format!("everybody to know everybody: {full} of {members} rosters are full");
            Err(BenchError::Stalled { what, patience })
        }
        other => other,
    }
}

/// Asks for the roster afresh on the connection whose frames are all parsed in full: it alone must name everybody.
async fn verify(crowd: &Crowd<Gathering>, topic: &str) -> Result<u64, BenchError> {
    if !crowd.with(|gathering| gathering.is_converged()) {
        return Err(BenchError::Untrue(
            "members were taken away again after the rosters were full".to_owned(),
        ));
    }
    crowd.with(|gathering| gathering.forget(0));
    crowd.say(0, Saying::Roster { topic });
    crowd.until("a last roster to name everybody", |gathering| gathering.is_converged()).await?;
    let (checked, fault) =
        crowd.with(|gathering| (gathering.checked(), gathering.fault().map(str::to_owned)));
    fault.map_or(Ok(checked), |fault| Err(BenchError::Untrue(fault)))
}
