//! The pages of a space's members, followed as a client follows them.

use serde_json::{Value, json};

use super::hub::Hub;

async fn page(hub: &Hub, url: &str) -> Value {
    let token = hub.token(&json!({"sub": "ann"}));
    let request = reqwest::Client::new().get(url).header("authorization", format!("jwt {token}"));
    let response = request.send().await.unwrap();
    assert_eq!(response.status(), 200, "{url}");
    response.json().await.unwrap()
}

fn names(page: &Value) -> Vec<String> {
    let names = page["data"].as_array().unwrap().iter();
    names.map(|member| member["member"].as_str().unwrap().to_owned()).collect()
}

/// Every member is on exactly one page, in the same order there and back, whatever the size and the search.
#[tokio::test]
async fn pages_hold_everybody_once() {
    let hub = Hub::start(&[]).await;
    let everybody: Vec<String> = (0..23).map(|n| format!("user&{n}=\u{e4}")).collect();
    let boss = hub.token(&json!({"sub": "boss", "role": "admin"}));
    let invite = reqwest::Client::new().post(hub.http("/api/spaces/a%20b/invite"));
    let invite = invite.header("authorization", format!("jwt {boss}")).json(&json!({"invitees": everybody}));
    assert_eq!(invite.send().await.unwrap().status(), 200);
    for (size, search) in [
        (1, ""),
        (3, ""),
        (22, ""),
        (23, ""),
        (24, ""),
        (100, ""),
        (3, "%261"),
        (2, "=%C3%84"),
        (5, "nobody"),
    ] {
        let part = search.replace("%26", "&").replace("%C3%84", "\u{e4}");
        let expected: Vec<_> = everybody.iter().filter(|name| name.contains(&part)).cloned().collect();
        let mut url = hub.http(&format!("/api/spaces/a%20b/members?size={size}&search={search}"));
        let mut found = Vec::new();
        let last = loop {
            let page = page(&hub, &url).await;
            assert_eq!(page["total"], expected.len());
            let names = names(&page);
            assert!(names.len() <= size);
            found.extend(names);
            match page["nextPageUrl"].as_str() {
                Some(next) => url = next.to_owned(),
                None => break page,
            }
        };
        assert_eq!(found, expected, "{size} {search:?}");
        let mut back = names(&last);
        let mut before = last["previousPageUrl"].clone();
        while let Some(url) = before.as_str() {
            let page = page(&hub, url).await;
            back.splice(..0, names(&page));
            before = page["previousPageUrl"].clone();
        }
        assert_eq!(back, expected, "{size} {search:?} backwards");
    }
}
