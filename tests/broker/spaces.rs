//! Spaces by way of the broker: what a node changes itself it knows at once.

use std::pin::pin;
use std::time::Duration;

use futures::poll;
use presence_hub::broker::{AppSlot, Clock, Policy};
use presence_hub::gateway::spaces::{SpaceLimits, Spaces};

use super::kit::kit;

const APP: AppSlot = AppSlot(0);

#[tokio::test]
async fn a_late_reader_does_not_bring_a_deleted_space_back() {
    let kit = kit(Policy::default());
    let (clock, hand) = Clock::manual();
    let limits = SpaceLimits { tries_per_minute: 9, creations_per_minute: 9, per_party: 9 };
    let spaces = Spaces::new(kit.handle.clone(), clock, limits);
    for title in ["First", "Second"] {
        spaces.change(APP, &kit.topic, |space| space.set_title(title)).await.unwrap();
        assert_eq!(&*spaces.look(APP, &kit.topic).await.unwrap().title, title);
        hand.advance(Duration::from_secs(2));
        let mut late = pin!(spaces.look(APP, &kit.topic));
        assert!(poll!(late.as_mut()).is_pending());
        spaces.delete(APP, &kit.topic, |_| Ok(())).await.unwrap();
        assert_eq!(&*late.await.unwrap().title, title, "it was asked before");
        assert_eq!(&*spaces.look(APP, &kit.topic).await.unwrap().title, kit.topic.as_str());
    }
}
