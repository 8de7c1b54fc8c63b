//! One client of the SDK, used as programs use it. It has one subscription at most: a second one would split its poll.

use std::collections::HashMap;
use std::sync::Mutex;

use futures::StreamExt;
use pubnub::core::PubNubError;
use pubnub::providers::deserialization_serde::DeserializerSerde;
use pubnub::transport::TransportReqwest;
use pubnub::transport::middleware::PubNubMiddleware;
use pubnub::{Keyset, PubNubClientBuilder, dx::pubnub_client::PubNubClientInstance};
use serde_json::{Value, json};
use tokio::sync::oneshot;

use crate::{told, write};

type Sdk = PubNubClientInstance<PubNubMiddleware<TransportReqwest>, DeserializerSerde>;

/// A client and its subscription.
pub struct Client {
    name: String,
    sdk: Sdk,
    /// Ends the subscription, and hears when that is done.
    end: Mutex<Option<oneshot::Sender<oneshot::Sender<()>>>>,
}

/// The texts of a list that may not be there.
fn texts(list: &Value) -> Vec<String> {
    list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect()
}

/// A text, or that there is none.
fn text(value: &Value) -> Option<String> {
    value.as_str().map(str::to_owned)
}

impl Client {
    /// A client with these options.
    pub fn open(name: &str, options: &Value) -> Result<Self, PubNubError> {
        let mut transport = TransportReqwest::default();
        transport.set_hostname(format!("http://127.0.0.1:{}", options["port"]));
        let keyset = Keyset {
            subscribe_key: text(&options["subscribeKey"]).unwrap_or_default(),
            publish_key: text(&options["publishKey"]),
            secret_key: text(&options["secretKey"]),
        };
        let builder = PubNubClientBuilder::with_transport(transport)
            .with_keyset(keyset)
            .with_user_id(options["user"].as_str().unwrap_or("somebody"));
        let builder = match options["timeout"].as_u64() {
            Some(timeout) => builder.with_heartbeat_value(timeout),
            None => builder,
        };
        let sdk = match text(&options["auth"]) {
            Some(auth) => builder.with_auth_key(auth).build()?,
            None => builder.build()?,
        };
        Ok(Self { name: name.to_owned(), sdk, end: Mutex::default() })
    }

    /// Does one thing.
    pub async fn call(&self, what: &str, line: &Value) -> Result<Value, PubNubError> {
        let (channels, groups) = (texts(&line["channels"]), texts(&line["groups"]));
        match what {
            "subscribe" => self.subscribe(channels, groups),
            "unsubscribe" => {
                let (done, is_done) = oneshot::channel();
                let end = self.end.lock().expect("nobody panics with it").take();
                if end.is_some_and(|end| end.send(done).is_ok()) {
                    let _ = is_done.await;
                }
                Ok(Value::Null)
            }
            "disconnect" => {
                self.sdk.disconnect();
                Ok(Value::Null)
            }
            "reconnect" => {
                self.sdk.reconnect();
                Ok(Value::Null)
            }
            "setAuth" => {
                self.sdk.set_token(text(&line["auth"]).unwrap_or_default());
                Ok(Value::Null)
            }
            "publish" => self.publish(line).await,
            "heartbeat" => {
                let heartbeat = self.sdk.heartbeat().channels(channels).channel_groups(groups);
                let heartbeat = match line["timeout"].as_u64() {
                    Some(timeout) => heartbeat.heartbeat(timeout),
                    None => heartbeat,
                };
                heartbeat.execute().await.map(|_| Value::Null)
            }
            "leave" => self
                .sdk
                .leave()
                .channels(channels)
                .channel_groups(groups)
                .execute()
                .await
                .map(|_| Value::Null),
            _ => self.presence(what, line, channels, groups).await,
        }
    }

    async fn presence(
        &self,
        what: &str,
        line: &Value,
        channels: Vec<String>,
        groups: Vec<String>,
    ) -> Result<Value, PubNubError> {
        let user = text(&line["uuid"]);
        match what {
            "hereNow" => {
                let asked = self.sdk.here_now().channels(channels).channel_groups(groups);
                let asked =
                    asked.include_state(line["state"] == true).include_user_id(line["uuids"] != false);
                Ok(told::here_now(&asked.execute().await?))
            }
            "whereNow" => {
                let asked = self.sdk.where_now();
                let asked = match user {
                    Some(user) => asked.user_id(user),
                    None => asked,
                };
                Ok(json!(asked.execute().await?.channels))
            }
            "setState" => {
                let asked = self.sdk.set_presence_state(line["state"].clone());
                let asked = asked.channels(channels).channel_groups(groups);
                let asked = match user {
                    Some(user) => asked.user_id(user),
                    None => asked,
                };
                Ok(told::set_state(&asked.execute().await?))
            }
            "getState" => {
                let asked = self.sdk.get_presence_state().channels(channels).channel_groups(groups);
                let asked = match user {
                    Some(user) => asked.user_id(user),
                    None => asked,
                };
                let states = asked.execute().await?.states;
                Ok(states
                    .into_iter()
                    .map(|info| (info.channel, info.state))
                    .collect::<serde_json::Map<_, _>>()
                    .into())
            }
            _ => Err(PubNubError::Serialization { details: format!("no method {what}") }),
        }
    }

    fn subscribe(&self, channels: Vec<String>, groups: Vec<String>) -> Result<Value, PubNubError> {
        let subscription = self.sdk.subscribe().channels(channels).channel_groups(groups).execute()?;
        let mut stream = subscription.stream();
        let (end, mut ended) = oneshot::channel::<oneshot::Sender<()>>();
        let name = self.name.clone();
        // A task keeps it: to unsubscribe consumes it.
        tokio::spawn(async move {
            let done = loop {
                tokio::select! {
                    event = stream.next() => {
                        let Some((event, payload)) = event.map(told::event) else { break ended.await };
                        write(&json!({ "client": name, "event": event, "payload": payload }));
                    }
                    done = &mut ended => break done,
                }
            };
            subscription.unsubscribe().await;
            if let Ok(done) = done {
                let _ = done.send(());
            }
        });
        *self.end.lock().expect("nobody panics with it") = Some(end);
        Ok(Value::Null)
    }

    async fn publish(&self, line: &Value) -> Result<Value, PubNubError> {
        let channel = text(&line["channel"]).unwrap_or_default();
        let message = self.sdk.publish_message(line["message"].clone()).channel(channel);
        let message = message.use_post(line["post"] == true);
        let message = match line["meta"].as_object() {
            Some(meta) => {
                let pairs = meta.iter().map(|(key, value)| (key.clone(), text(value).unwrap_or_default()));
                message.meta(pairs.collect::<HashMap<_, _>>())
            }
            None => message,
        };
        Ok(json!(message.execute().await?.timetoken))
    }
}
