//! Documents by way of the broker: whoever asks gets its own answer, at once or late.

use bytes::Bytes;
use presence_hub::broker::{AppSlot, NotKept, Policy};

use super::kit::{Kit, kit, kit_on};
use super::late::Late;

async fn writers_meet(kit: Kit) {
    let app = &kit.handle;
    let say = |text: &'static str| Some(Bytes::from_static(text.as_bytes()));
    assert_eq!(app.document("space").await, Ok(None));
    let (one, other) = tokio::join!(app.keep("space", None, say("a")), app.keep("space", None, say("b")));
    let version = one.unwrap();
    assert_eq!(other, Err(NotKept::Conflict));
    let found = app.document("space").await.unwrap().unwrap();
    assert_eq!((Some(found.version), found.value), (version, Bytes::from_static(b"a")));
    let (newer, read) = tokio::join!(app.keep("space", version, say("c")), app.document("space"));
    assert_eq!(
        read.unwrap().map(|document| document.version),
        newer.unwrap(),
        "one is served after the other"
    );
    assert_eq!(app.keep("space", newer.unwrap(), None).await, Ok(None));
    assert_eq!(app.document("space").await, Ok(None));
    // An app that the hub does not have is answered too.
    assert!(app.for_app(AppSlot(7)).document("space").await.is_err());
}

#[tokio::test]
async fn writers_of_a_document_meet() {
    writers_meet(kit(Policy::default())).await;
}

#[tokio::test]
async fn writers_of_a_document_meet_on_a_late_engine() {
    writers_meet(kit_on(Policy::default(), |memory| Box::new(Late::new(memory)))).await;
}
