//! TLS from files that are right, wrong and swapped, and what a client may negotiate. The keys beside this file are for these tests only.

use std::path::{Path, PathBuf};

use rustls::{
    ClientConfig, ClientConnection, RootCertStore, ServerConnection, SupportedProtocolVersion, version,
};

use super::*;

fn beside(name: &str) -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("src/gateway/tls").join(name)
}

fn files(cert: &str, key: &str) -> Tls {
    Tls { cert: beside(cert), key: beside(key) }
}

#[test]
fn what_is_wrong_is_named_by_its_key() {
    for (cert, key, expected) in [
        ("nowhere.pem", "test-key.pem", "tls.cert (PATH/nowhere.pem) cannot be read: "),
        ("test-cert.pem", "nowhere.pem", "tls.key (PATH/nowhere.pem) cannot be read: "),
        ("test-key.pem", "test-key.pem", "tls.cert (PATH/test-key.pem) holds no certificate"),
        ("test-cert.pem", "test-cert.pem", "tls.key (PATH/test-cert.pem) cannot be read: "),
        ("test-cert.pem", "test-other-key.pem", "tls.key (PATH/test-other-key.pem) does not fit tls.cert: "),
        ("tests.rs", "test-key.pem", "tls.cert (PATH/tests.rs) holds no certificate"),
    ] {
        let why = load(&files(cert, key), "tls").unwrap_err();
        let why = why.replace(&beside("").display().to_string(), "PATH/").replace("PATH//", "PATH/");
        assert!(why.starts_with(expected), "{cert} {key}: {why}");
    }
}

/// Shakes hands in memory: the protocol that was agreed upon, or why there was none.
fn shake(
    versions: &[&'static SupportedProtocolVersion],
    protocols: &[&str],
) -> Result<Option<String>, String> {
    let server = load(&files("test-cert.pem", "test-key.pem"), "tls")?;
    let mut roots = RootCertStore::empty();
    roots.add(CertificateDer::from_pem_file(beside("test-cert.pem")).unwrap()).unwrap();
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let client = ClientConfig::builder_with_provider(provider).with_protocol_versions(versions).unwrap();
    let mut client = client.with_root_certificates(roots).with_no_client_auth();
    client.alpn_protocols = protocols.iter().map(|name| name.as_bytes().to_vec()).collect();
    let mut client = ClientConnection::new(Arc::new(client), "localhost".try_into().unwrap()).unwrap();
    let mut server = ServerConnection::new(server).unwrap();
    for _ in 0..8 {
        let mut flight = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut flight).unwrap();
        }
        server.read_tls(&mut flight.as_slice()).unwrap();
        server.process_new_packets().map_err(|error| error.to_string())?;
        let mut flight = Vec::new();
        while server.wants_write() {
            server.write_tls(&mut flight).unwrap();
        }
        client.read_tls(&mut flight.as_slice()).unwrap();
        client.process_new_packets().map_err(|error| error.to_string())?;
    }
    assert!(!client.is_handshaking() && !server.is_handshaking());
    Ok(server.alpn_protocol().map(|name| String::from_utf8_lossy(name).into_owned()))
}

#[test]
fn clients_agree_on_http_1_1_over_tls_1_2_or_1_3() {
    for versions in [&[&version::TLS12][..], &[&version::TLS13]] {
        assert_eq!(shake(versions, &["h2", "http/1.1"]), Ok(Some("http/1.1".to_owned())));
        assert_eq!(shake(versions, &[]), Ok(None));
        assert!(shake(versions, &["h2"]).is_err(), "HTTP/2 is not spoken");
    }
}
