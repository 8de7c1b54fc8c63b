//! The dialect's own listeners, without and with TLS.

use reqwest::tls::Version;

use crate::hub::Hub;

const ENABLED: [&str; 3] = ["cisco.enabled=true", "cisco.http=127.0.0.1:0", "cisco.https=127.0.0.1:0"];
const LOGIN: &str = "<session><password>app-password</password></session>";

#[tokio::test]
async fn w1_both_listeners_log_in_over_any_tls_that_is_safe() {
    let folder = std::env::temp_dir().join(format!("presence-hub-{}-cisco-listeners", std::process::id()));
    let data = format!("data_dir={}", folder.display());
    let hub = Hub::start(&[&ENABLED[..], &[&data]].concat()).await;
    let listeners = hub.listeners().to_vec();
    assert_eq!(listeners.iter().map(|(scheme, _)| *scheme).collect::<Vec<_>>(), ["http", "https"]);
    let pem = std::fs::read(folder.join("cisco-cert.pem")).unwrap();
    let certificate = reqwest::Certificate::from_pem(&pem).unwrap();
    let mut keys = Vec::new();
    for (scheme, address) in listeners {
        for version in [Version::TLS_1_2, Version::TLS_1_3] {
            let client = reqwest::Client::builder()
                .tls_certs_only([certificate.clone()])
                .tls_version_min(version)
                .tls_version_max(version)
                .build()
                .unwrap();
            let url = format!("{scheme}://{address}/presence-service/users/app/sessions");
            let response = client.post(url).body(LOGIN).send().await.unwrap();
            assert_eq!(response.status().as_u16(), 201, "{scheme} {version:?}");
            keys.push(response.text().await.unwrap());
            let description = format!("{scheme}://{address}/presence-service/soap?wsdl");
            let text = client.get(description).send().await.unwrap().text().await.unwrap();
            assert!(
                text.contains(&format!("location=\"{scheme}://{address}/presence-service/soap\"")),
                "{text}"
            );
            let elsewhere = client.get(format!("{scheme}://{address}/livez")).send().await.unwrap();
            assert_eq!(elsewhere.status().as_u16(), 404, "nothing else is served there");
        }
    }
    assert!(keys.iter().all(|key| *key == keys[0]), "one service behind both");
    drop(std::fs::remove_dir_all(&folder));
}

#[tokio::test]
async fn w54_there_are_none_unless_they_are_switched_on() {
    assert!(Hub::start(&ENABLED[1..]).await.listeners().is_empty());
    assert_eq!(Hub::start(&[&ENABLED[..], &["cisco.http="]].concat()).await.listeners().len(), 1);
}
