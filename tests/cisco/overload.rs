//! Too much to do: nobody is called, everybody waits, and nothing is lost.

use std::sync::Arc;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use presence_hub::gateway::cisco::ask::{Ask, Form};
use tokio::sync::watch;

use crate::race::{Out, Person, broker, fetch, service, watcher};

#[tokio::test]
async fn w41_who_waits_is_called_when_there_is_time_again() {
    let (handle, out, load) = (broker(), Arc::new(Out::default()), watch::Sender::new(false));
    let (service, _tending) = service(&handle, Arc::clone(&out), load.subscribe()).await;
    let key = watcher(&service).await;
    let mut known = std::collections::HashMap::new();
    fetch(&service, &key, &mut known).await;
    load.send_replace(true);
    let refused = service.serve(Some(&key), None, Ask::Subscribed { id: 1, form: Form::Basic }).await;
    assert_eq!(refused.map_err(|fault| fault.code.number()).err(), Some(210));
    let mut joe = Person::connect(&handle, "joe", 1).await;
    joe.come(&handle).await;
    // The follower asks the broker once for this change, after which this is answered.
    for _ in 0..100 {
        handle.read(|_, _, _| ()).await;
        tokio::task::yield_now().await;
    }
    assert!(!out.is_out.load(Relaxed), "nobody is called");
    load.send_replace(false);
    let called = tokio::time::timeout(Duration::from_secs(10), async {
        while !out.is_out.load(Relaxed) {
            out.came.notified().await;
        }
    });
    called.await.expect("who waited was not called");
    assert_eq!(fetch(&service, &key, &mut known).await, 1);
}
