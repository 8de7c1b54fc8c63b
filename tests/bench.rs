//! The bench, as a person starts it, against hubs of its own: its settings exist, its checks pass, and nothing stays behind.
#![expect(clippy::expect_used, reason = "a test that cannot go on fails")]

use std::process::{Command, Output};

use serde_json::Value;

fn bench(arguments: &[&str]) -> Output {
    let program = env!("CARGO_BIN_EXE_presence-hub");
    Command::new(program).arg("bench").args(arguments).output().expect("the program starts")
}

/// The report of a scenario that succeeds.
fn report(arguments: &[&str]) -> Value {
    let output = bench(&[arguments, &["--json"]].concat());
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{arguments:?}: {said}");
    serde_json::from_slice(&output.stdout).expect("the report is JSON")
}

#[test]
fn a_fanout_loses_nothing_and_stands_beside_its_floor() {
    let short = ["--connections=20", "--seconds=0.2", "--warmup=0.1", "--floor-seconds=0.1", "--window=1,4"];
    for kind in ["message", "presence"] {
        let report = report(&[&["fanout", "--kind", kind], &short[..]].concat());
        let results = report["results"].as_array().expect("a result for each window");
        assert_eq!(results.len(), 2);
        for result in results {
            let count = |name: &str| result[name].as_u64().expect("a count");
            assert_eq!((count("lost"), count("repeated")), (0, 0), "{result}");
            assert_eq!(count("deliveries") + count("merged"), count("publications") * 20, "{result}");
            assert!(result["floor_us_per_delivery"].is_number(), "{result}");
        }
    }
}

#[test]
fn a_rate_is_measured_to_the_last_delivery() {
    let report = report(&["rate", "--connections=10", "--per-second=100", "--seconds=0.3", "--warmup=0.1"]);
    assert_eq!(report["results"][0]["latencies"], 300);
}

#[test]
fn a_storm_ends_with_everybody_knowing_everybody() {
    let report = report(&["storm", "--connections=60"]);
    assert!(report["results"][0]["member_tokens"].as_u64().expect("a count") >= 3_600);
}

#[test]
fn idle_connections_take_memory() {
    let report = report(&["idle", "--connections=300", "--settle=0.1"]);
    assert!(report["results"][0]["bytes_per_connection"].as_f64().expect("a number") > 0.0);
}

#[test]
fn every_scenario_is_played_over_socket_io() {
    let brief = ["--connections=20", "--seconds=0.2", "--warmup=0.1"];
    let fanout = ["fanout", "--kind=presence", "--floor-seconds=0.1", "--window=4"];
    let storm = ["storm", "--connections=60"];
    let idle = ["idle", "--connections=100", "--settle=0.1"];
    for scenario in [&[&fanout[..], &brief].concat(), &[&["rate"], &brief[..]].concat(), &storm[..], &idle] {
        let report = report(&[scenario, &["--dialect=socketio"]].concat());
        assert_eq!(report["conditions"]["dialect"], "socketio");
        let result = &report["results"][0];
        match scenario[0] {
            "storm" => assert!(result["member_tokens"].as_u64().expect("a count") >= 3_600),
            "idle" => assert!(result["bytes_per_connection"].as_f64().expect("a number") > 0.0),
            _ => assert_eq!(result["lost"], 0, "{result}"),
        }
    }
}

#[test]
fn every_scenario_is_played_over_pusher_channels() {
    let brief = ["--connections=20", "--seconds=0.2", "--warmup=0.1"];
    let fanout = [&["fanout", "--floor-seconds=0.1", "--window=1,32"][..], &brief].concat();
    let private = [&fanout[..], &["--channels=private"]].concat();
    let rate = [&["rate", "--per-second=100"][..], &brief].concat();
    let storm = ["storm", "--connections=60"];
    let idle = ["idle", "--connections=100", "--settle=0.1"];
    let apart = [&idle[..], &["--topics=0"]].concat();
    for scenario in [&fanout[..], &private, &rate, &storm, &idle, &apart] {
        let report = report(&[scenario, &["--dialect=pusher"]].concat());
        assert_eq!(report["conditions"]["dialect"], "pusher");
        for result in report["results"].as_array().expect("results") {
            let count = |name: &str| result[name].as_u64().expect("a count");
            match scenario[0] {
                "storm" => assert!(count("member_tokens") >= 3_600, "{result}"),
                "idle" => assert!(result["bytes_per_connection"].as_f64().expect("a number") > 0.0),
                _ => {
                    assert_eq!((count("lost"), count("repeated")), (0, 0), "{result}");
                    assert_eq!(count("deliveries"), count("publications") * 20, "{result}");
                }
            }
        }
    }
}

#[test]
fn what_pusher_channels_cannot_do_is_told() {
    let presence = bench(&["fanout", "--connections=2", "--kind=presence", "--dialect=pusher"]);
    let private = bench(&["storm", "--connections=2", "--channels=private", "--dialect=pusher"]);
    let unsigned = bench(&["storm", "--connections=2", "--app-secret=wrong", "--dialect=pusher"]);
    for (output, why) in
        [(presence, "--kind message"), (private, "no members"), (unsigned, "Invalid signature")]
    {
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(why), "{said}");
    }
}

#[test]
fn what_pubnub_can_do_is_played() {
    let brief = ["--connections=20", "--seconds=0.2", "--warmup=0.1"];
    let fanout = [&["fanout", "--floor-seconds=0.1", "--window=1,32"][..], &brief].concat();
    let rate = [&["rate", "--per-second=100"][..], &brief].concat();
    let idle = ["idle", "--connections=300", "--settle=0.1"];
    for scenario in [&fanout[..], &rate, &idle] {
        let report = report(&[scenario, &["--dialect=pubnub"]].concat());
        assert_eq!(report["conditions"]["dialect"], "pubnub");
        for result in report["results"].as_array().expect("results") {
            let count = |name: &str| result[name].as_u64().expect("a count");
            match scenario[0] {
                "idle" => assert!(result["bytes_per_connection"].as_f64().expect("a number") > 0.0),
                _ => {
                    assert_eq!((count("lost"), count("repeated")), (0, 0), "{result}");
                    assert_eq!(count("deliveries"), count("publications") * 20, "{result}");
                }
            }
        }
    }
}

#[test]
fn what_pubnub_cannot_do_is_told() {
    let presence = bench(&["fanout", "--connections=2", "--kind=presence", "--dialect=pubnub"]);
    let storm = bench(&["storm", "--connections=2", "--dialect=pubnub"]);
    let unknown = bench(&["idle", "--connections=2", "--app-key=wrong", "--dialect=pubnub"]);
    let pollless = bench(&["idle", "--connections=2", "--topics=0", "--dialect=pubnub"]);
    for (output, why) in [
        (presence, "--kind message"),
        (storm, "do not name who joins"),
        (pollless, "polls nothing"),
        (unknown, "Invalid Subscribe Key"),
    ] {
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(!output.status.success() && said.contains(why), "{said}");
    }
}

#[test]
fn a_setting_reaches_the_hub_and_a_wrong_one_is_told() {
    report(&["storm", "--connections=2", "--set", "presence.announce_max=500"]);
    let output = bench(&["storm", "--connections=2", "--set", "presence.nonsense=1"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("presence.nonsense"), "{said}");
}

#[test]
fn what_the_hub_refuses_ends_the_run_with_its_words() {
    let output = bench(&["storm", "--connections=2", "--app-secret=wrong"]);
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(!output.status.success() && said.contains("401"), "{said}");
}
