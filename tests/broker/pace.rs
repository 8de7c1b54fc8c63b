//! How storms and big topics are paced.

use presence_hub::broker::Policy;

use super::kit::kit;

#[tokio::test]
async fn a_storm_of_joins_goes_out_in_few_frames() {
    let mut kit = kit(Policy::default());
    let mut watcher = kit.open("watcher").await;
    kit.watch(&mut watcher).await;
    let mut sessions = Vec::new();
    for n in 0..500 {
        sessions.push(kit.open(&format!("p{n}")).await);
    }
    for session in &mut sessions {
        kit.enter(session, 1).await;
    }
    kit.advance(20).await;
    let view = watcher.read();
    assert_eq!(view.members.len(), 500);
    assert!(view.frames < 60, "{} items for 500 joins", view.frames);
}

#[tokio::test]
async fn a_storm_of_flapping_leaves_only_its_net() {
    let mut kit = kit(Policy::default());
    let mut watcher = kit.open("watcher").await;
    kit.watch(&mut watcher).await;
    let mut sessions = Vec::new();
    for n in 0..20 {
        let mut session = kit.open(&format!("p{n}")).await;
        kit.enter(&mut session, 0).await;
        sessions.push(session);
    }
    kit.settle().await;
    let before = watcher.read().tape.len();
    for value in 1..=50 {
        kit.enter(&mut sessions[3], value).await;
    }
    kit.leave(&sessions[4]).await;
    kit.enter(&mut sessions[4], 0).await;
    kit.advance(20).await;
    let sent = watcher.read().tape[before..].to_vec();
    assert!(sent.contains(&"update p3".to_owned()), "{sent:?}");
    assert!(!sent.iter().any(|line| line.starts_with("left")), "{sent:?}");
    assert_eq!(watcher.view.members["p3"], 50, "the last value arrives");
}

#[tokio::test]
async fn above_announce_max_presence_comes_once_an_interval_with_the_counts() {
    let policy = Policy { announce_max: 5, ..Policy::default() };
    let mut kit = kit(policy);
    let mut watcher = kit.open("watcher").await;
    kit.watch(&mut watcher).await;
    let mut sessions = Vec::new();
    for n in 0..8 {
        let mut session = kit.open(&format!("p{n}")).await;
        kit.enter(&mut session, 1).await;
        sessions.push(session);
    }
    kit.advance(500).await;
    let seen = watcher.read().members.len();
    assert!(seen < 8, "the mode holds them back");
    kit.advance(500).await;
    assert_eq!(watcher.read().members.len(), 8);
    assert_eq!(watcher.view.tape.last().unwrap(), "counts 8");

    let mut newcomer = kit.open("newcomer").await;
    kit.enter(&mut sessions[0], 2).await;
    kit.watch(&mut newcomer).await;
    kit.advance(25).await;
    assert_eq!(newcomer.read().members.len(), 8, "a snapshot does not wait for the interval");
}
