//! What an app's backend does: it signs requests, grants tokens and revokes them.

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use serde_json::{Value, json};
use sha2::Sha256;

use super::client::Answer;
use super::hub::Hub;

const GRANT: &str = "/v3/pam/sub/grant";

/// Sends a signed request, whose parameters must be in order.
pub(crate) async fn signed(hub: &Hub, method: &str, path: &str, body: &str) -> Answer {
    let query = format!("timestamp={}&uuid=backend", hub.clock.now().wall.seconds());
    let mut mac = Hmac::<Sha256>::new_from_slice(b"app-secret").unwrap();
    mac.update(format!("{method}\npub\n{path}\n{query}\n{body}").as_bytes());
    let signature = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
    let url = format!("http://{}{path}?{query}&signature=v2.{signature}", hub.address);
    let request = reqwest::Client::new().request(method.parse().unwrap(), url).body(body.to_owned());
    let answer = request.send().await.unwrap();
    let status = answer.status().as_u16();
    Answer { status, body: answer.json().await.unwrap() }
}

/// A token with these permissions, good for so many minutes.
pub(crate) async fn grant(hub: &Hub, minutes: u64, permissions: &Value) -> String {
    let body = json!({"ttl": minutes, "permissions": permissions}).to_string();
    let answer = signed(hub, "POST", GRANT, &body).await;
    assert_eq!(answer.status, 200, "{:?}", answer.body);
    answer.body["data"]["token"].as_str().unwrap().to_owned()
}

/// Revokes a token.
pub(crate) async fn revoke(hub: &Hub, token: &str) -> Answer {
    signed(hub, "DELETE", &format!("{GRANT}/{}", token.replace('=', "%3D")), "").await
}
