//! A client of the REST interface: what it sends is what the dialect's own clients send.

use reqwest::{Method, RequestBuilder};

use crate::hub::Hub;
use crate::receiver::Receiver;

/// What came back.
#[derive(Debug)]
pub(crate) struct Answer {
    pub(crate) status: u16,
    pub(crate) location: Option<String>,
    pub(crate) headers: reqwest::header::HeaderMap,
    pub(crate) body: String,
}

impl Answer {
    /// The text of the first element of a name.
    pub(crate) fn text(&self, name: &str) -> Option<&str> {
        let (_, rest) = self.body.split_once(&format!("<{name}>"))?;
        Some(rest.split_once("</")?.0)
    }

    /// The status and the code of an error.
    pub(crate) fn fault(&self) -> (u16, u16) {
        let code = self.text("code").and_then(|code| code.parse().ok());
        (self.status, code.unwrap_or_else(|| panic!("this is no fault: {self:?}")))
    }

    /// The id at the end of the place of what was made.
    pub(crate) fn id(&self) -> u32 {
        assert_eq!(self.status, 201, "{self:?}");
        let place = self.location.as_deref().expect("there is a place");
        place.rsplit_once('/').unwrap().1.parse().unwrap()
    }

    /// Contacts and states, in their order.
    pub(crate) fn states(&self) -> Vec<(&str, &str)> {
        assert_eq!(self.status, 200, "{self:?}");
        self.body.lines().filter(|line| line.contains("<contact ")).filter_map(contact).collect()
    }
}

/// The first two values of a line of attributes.
fn contact(line: &str) -> Option<(&str, &str)> {
    let mut parts = line.split('"');
    Some((parts.nth(1)?, parts.nth(1)?))
}

/// Somebody with a session key, or without.
#[derive(Clone)]
pub(crate) struct Client {
    base: String,
    http: reqwest::Client,
    pub(crate) key: Option<String>,
}

impl Client {
    pub(crate) fn new(hub: &Hub) -> Self {
        let base = format!("http://{}/presence-service", hub.address);
        Self { base, http: reqwest::Client::new(), key: None }
    }

    /// The same with another key.
    pub(crate) fn with(&self, key: &str) -> Self {
        Self { key: Some(key.to_owned()), ..self.clone() }
    }

    pub(crate) fn request(&self, method: &str, path: &str) -> RequestBuilder {
        let method = Method::from_bytes(method.as_bytes()).unwrap();
        let request = self.http.request(method, format!("{}{path}", self.base));
        match &self.key {
            Some(key) => request.header("Presence-Session-Key", key),
            None => request,
        }
    }

    pub(crate) async fn send(&self, request: RequestBuilder) -> Answer {
        let response = request.send().await.unwrap();
        let location = response.headers().get("location").map(|place| place.to_str().unwrap().to_owned());
        let (status, headers) = (response.status().as_u16(), response.headers().clone());
        Answer { status, location, headers, body: response.text().await.unwrap() }
    }

    pub(crate) async fn get(&self, path: &str) -> Answer {
        self.send(self.request("GET", path)).await
    }

    pub(crate) async fn delete(&self, path: &str) -> Answer {
        self.send(self.request("DELETE", path)).await
    }

    pub(crate) async fn put(&self, path: &str, body: &str) -> Answer {
        self.send(self.request("PUT", path).body(body.to_owned())).await
    }

    pub(crate) async fn post(&self, path: &str, body: &str) -> Answer {
        self.send(self.request("POST", path).body(body.to_owned())).await
    }

    /// The session of an application user with its usual password.
    pub(crate) async fn app(&self, name: &str) -> Self {
        let body = format!("<session><password>{name}-password</password></session>");
        let answer = self.post(&format!("/users/{name}/sessions"), &body).await;
        assert_eq!(answer.status, 201, "{answer:?}");
        self.with(answer.text("sessionKey").unwrap())
    }

    /// The session of an end user, whom this application user logs in.
    pub(crate) async fn user(&self, name: &str) -> Self {
        let answer = self.post(&format!("/users/{name}/sessions"), "").await;
        assert_eq!(answer.status, 201, "{answer:?}");
        self.with(answer.text("sessionKey").unwrap())
    }

    /// A new endpoint.
    pub(crate) async fn endpoint(&self, receiver: &Receiver) -> u32 {
        let body = format!("<endpoint><url>{}</url></endpoint>", receiver.url());
        let request = self.request("POST", "/endpoints").header("Presence-Expiry", "86400").body(body);
        self.send(request).await.id()
    }

    /// Asks for a subscription to contacts of `example.com`.
    pub(crate) async fn try_subscribe(&self, user: &str, endpoint: u32, names: &[&str]) -> Answer {
        let path = format!("/users/{user}/subscriptions");
        let request = self.request("POST", &path).header("Presence-Expiry", "86400");
        self.send(request.body(subscription(endpoint, names))).await
    }

    /// A new subscription.
    pub(crate) async fn subscribe(&self, user: &str, endpoint: u32, names: &[&str]) -> u32 {
        self.try_subscribe(user, endpoint, names).await.id()
    }

    /// What has changed.
    pub(crate) async fn fetch(&self, user: &str, id: u32) -> Answer {
        self.get(&format!("/users/{user}/presence/basic/subscriptions/{id}")).await
    }

    /// The state of one contact now.
    pub(crate) async fn poll(&self, user: &str, name: &str) -> String {
        let answer = self.get(&format!("/users/{user}/presence/basic/contacts/{name}@example.com")).await;
        answer.states()[0].1.to_owned()
    }

    /// Sets a basic state.
    pub(crate) async fn set(&self, user: &str, state: &str, is_override: &str) -> Answer {
        self.set_for(user, state, is_override, "3600").await
    }

    pub(crate) async fn set_for(&self, user: &str, state: &str, is_override: &str, expiry: &str) -> Answer {
        let path = format!("/users/{user}/presence/basic");
        let request = self.request("PUT", &path).header("Presence-Override", is_override);
        let body = format!("<presence>{state}</presence>");
        self.send(request.header("Presence-Expiry", expiry).body(body)).await
    }
}

/// The body of a subscription.
pub(crate) fn subscription(endpoint: u32, names: &[&str]) -> String {
    let contact = |name: &&str| format!("<contact contactURI=\"{name}@example.com\"/>");
    let contacts: String = names.iter().map(contact).collect();
    format!(
        "<subscription><contactsList>{contacts}</contactsList>\
         <subscriptionType>PRESENCE_NOTIFICATION</subscriptionType><endPointID>{endpoint}</endPointID></subscription>"
    )
}
