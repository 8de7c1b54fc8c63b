//! What the hub may call: a table of addresses, names that change their minds, and connections that go where was checked.

use std::collections::VecDeque;
use std::future::pending;
use std::io;
use std::net::IpAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use futures::future::BoxFuture;
use presence_hub::broker::Clock;
use presence_hub::egress::{CallError, Caller, Refused, Resolve, Rules, System, Why};
use reqwest::header::HeaderMap;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use super::receiver::{Mode, Receiver};

/// Names and what they resolve to.
const NAMES: [(&str, &str); 14] = [
    ("example.com", "93.184.215.14"),
    ("two.example.com", "93.184.215.14 2606:2800:21f:cb07::1"),
    ("half.example.com", "93.184.215.14 10.0.0.1"),
    ("half6.example.com", "2606:2800:21f:cb07::1 ::1"),
    ("localhost", "127.0.0.1 ::1"),
    ("localhost.", "127.0.0.1"),
    ("metadata.google.internal", "169.254.169.254"),
    ("mapped.example.com", "::ffff:127.0.0.1"),
    ("nat64.example.com", "64:ff9b::7f00:1"),
    ("zero.example.com", "0.0.0.0"),
    ("many.example.com", "224.0.0.1"),
    ("shared.example.com", "100.64.0.1"),
    ("intern.example.com", "10.1.2.3"),
    ("xn--bcher-kva.example", "93.184.215.14"),
];

/// Answers from a table, or from a script.
#[derive(Debug, Default)]
struct Fake {
    script: Mutex<VecDeque<Vec<IpAddr>>>,
    asked: Mutex<usize>,
}

fn addresses(text: &str) -> Vec<IpAddr> {
    text.split_whitespace().map(|address| address.parse().unwrap()).collect()
}

impl Resolve for Fake {
    fn resolve(&self, host: &str) -> BoxFuture<'static, io::Result<Vec<IpAddr>>> {
        *self.asked.lock().unwrap() += 1;
        let scripted = self.script.lock().unwrap().pop_front();
        let known = || NAMES.iter().find(|(name, _)| *name == host).map(|(_, found)| addresses(found));
        let found = scripted.or_else(known);
        Box::pin(async move { found.ok_or_else(|| io::Error::other("no such name")) })
    }
}

/// What may be called by what a client wrote: only public addresses, over TLS, at the usual ports.
fn strict() -> Rules {
    Rules { allow: Vec::new(), is_public: true, is_plain: false, ports: Some(vec![443, 8443]) }
}

/// Why an address is refused before anything is sent; `None` where a connection would be tried.
async fn refused(rules: &Rules, url: &str) -> Option<String> {
    let target = match rules.target(url) {
        Ok(target) => target,
        Err(refused) => return Some(format!("{refused:?}")),
    };
    let caller = Caller::new(Arc::new(rules.clone()), Arc::new(Fake::default()), target);
    let call = caller.post(HeaderMap::new(), Bytes::new());
    // Whoever is not refused at once would be called, which this test does not do.
    match futures::FutureExt::now_or_never(call)? {
        Err(CallError::Refused(refused)) => Some(format!("{refused:?}")),
        Err(error) => Some(format!("{error:?}")),
        Ok(_) => panic!("{url} was called"),
    }
}

const REFUSED: &[(&str, &str)] = &[
    ("", "NotAUrl"),
    ("example.com", "NotAUrl"),
    ("/hooks", "NotAUrl"),
    ("//example.com", "NotAUrl"),
    ("https://", "NotAUrl"),
    ("https:///", "NotAUrl"),
    ("https:example.com", "NotAUrl"),
    ("https://[::1", "NotAUrl"),
    ("https://example.com:99999/", "NotAUrl"),
    ("https://a b/", "Spelling"),
    ("https://example.com\\@10.0.0.1/", "Spelling"),
    ("https://exa\nmple.com/", "Spelling"),
    (" https://example.com/", "Spelling"),
    ("http://example.com/", "Plain"),
    ("HTTP://example.com/", "Plain"),
    ("ftp://example.com/", "Scheme"),
    ("file:///etc/passwd", "Scheme"),
    ("gopher://example.com:70/_x", "Scheme"),
    ("javascript:alert(1)", "Scheme"),
    ("data:text/plain,x", "Scheme"),
    ("unix:///var/run/docker.sock", "Scheme"),
    ("https://user@example.com/", "Credentials"),
    ("https://user:password@example.com/", "Credentials"),
    ("https://@example.com/", "Credentials"),
    ("https://example.com@10.0.0.1/", "Credentials"),
    ("https://0x7f.1/", "Spelling"),
    ("https://0x7f000001/", "Spelling"),
    ("https://2130706433/", "Spelling"),
    ("https://017700000001/", "Spelling"),
    ("https://127.1/", "Spelling"),
    ("https://127.0.1/", "Spelling"),
    ("https://0177.0.0.1/", "Spelling"),
    ("https://0/", "Spelling"),
    ("https://127.0.0.1./", "Address(127.0.0.1)"),
    ("https://%31%32%37.0.0.1/", "Spelling"),
    ("https://①②⑦.⓪.⓪.①/", "Spelling"),
    ("https://１２７.0.0.1/", "Spelling"),
    ("https://127.0.0.1/", "Address(127.0.0.1)"),
    ("https://127.255.255.254:8443/", "Address(127.255.255.254)"),
    ("https://0.0.0.0/", "Address(0.0.0.0)"),
    ("https://10.0.0.1/", "Address(10.0.0.1)"),
    ("https://100.64.0.1/", "Address(100.64.0.1)"),
    ("https://169.254.169.254/latest/meta-data/", "Address(169.254.169.254)"),
    ("https://168.63.129.16/", "Address(168.63.129.16)"),
    ("https://100.100.100.200/", "Address(100.100.100.200)"),
    ("https://172.16.0.1/", "Address(172.16.0.1)"),
    ("https://192.0.0.1/", "Address(192.0.0.1)"),
    ("https://192.168.0.1/", "Address(192.168.0.1)"),
    ("https://198.18.0.1/", "Address(198.18.0.1)"),
    ("https://224.0.0.1/", "Address(224.0.0.1)"),
    ("https://255.255.255.255/", "Address(255.255.255.255)"),
    ("https://[::]/", "Address(::)"),
    ("https://[::1]/", "Address(::1)"),
    ("https://[0:0:0:0:0:0:0:1]/", "Address(::1)"),
    ("https://[::ffff:127.0.0.1]/", "Address(::ffff:127.0.0.1)"),
    ("https://[::ffff:8.8.8.8]/", "Address(::ffff:8.8.8.8)"),
    ("https://[::127.0.0.1]/", "Address(::7f00:1)"),
    ("https://[64:ff9b::7f00:1]/", "Address(64:ff9b::7f00:1)"),
    ("https://[2002:7f00:1::]/", "Address(2002:7f00:1::)"),
    ("https://[2001::1]/", "Address(2001::1)"),
    ("https://[fe80::1]/", "Address(fe80::1)"),
    ("https://[fe80::1%25eth0]/", "NotAUrl"),
    ("https://[fd00:ec2::254]/", "Address(fd00:ec2::254)"),
    ("https://[fc00::1]/", "Address(fc00::1)"),
    ("https://[ff02::1]/", "Address(ff02::1)"),
    ("https://example.com:80/", "Port(80)"),
    ("https://example.com:22/", "Port(22)"),
    ("https://example.com:6379/", "Port(6379)"),
    ("https://example.com:0/", "Port(0)"),
    ("https://localhost/", "Address(127.0.0.1)"),
    ("https://LOCALHOST/", "Address(127.0.0.1)"),
    ("https://localhost./", "Address(127.0.0.1)"),
    ("https://metadata.google.internal/", "Address(169.254.169.254)"),
    ("https://half.example.com/", "Address(10.0.0.1)"),
    ("https://half6.example.com/", "Address(::1)"),
    ("https://mapped.example.com/", "Address(::ffff:127.0.0.1)"),
    ("https://nat64.example.com/", "Address(64:ff9b::7f00:1)"),
    ("https://zero.example.com/", "Address(0.0.0.0)"),
    ("https://many.example.com/", "Address(224.0.0.1)"),
    ("https://shared.example.com/", "Address(100.64.0.1)"),
    ("https://intern.example.com/", "Address(10.1.2.3)"),
    ("https://nowhere.example.com/", "Resolving"),
];

const CALLED: &[&str] = &[
    "https://example.com/",
    "https://EXAMPLE.com:8443/a?b#c",
    "https://two.example.com/",
    "https://93.184.215.14/",
    "https://[2606:2800:21f:cb07::1]/",
    "https://bücher.example/",
];

#[tokio::test]
async fn a_table_of_addresses() {
    for (url, why) in REFUSED {
        assert_eq!(refused(&strict(), url).await.as_deref(), Some(*why), "{url}");
    }
    for url in CALLED {
        assert_eq!(refused(&strict(), url).await, None, "{url}");
    }
    assert!(REFUSED.len() + CALLED.len() > 80);
}

#[tokio::test]
async fn the_operator_may_name_private_networks_but_not_what_is_never_called() {
    let everything = ["0.0.0.0/0", "::/0"].map(|net| net.parse().unwrap()).to_vec();
    let rules = Rules { allow: everything, is_public: false, is_plain: true, ports: None };
    for url in [
        "http://127.0.0.1:3000/",
        "http://[::1]:3000/",
        "https://intern.example.com:1/",
        "https://example.com/",
    ] {
        assert_eq!(refused(&rules, url).await, None, "{url}");
    }
    for url in [
        "http://169.254.169.254/",
        "http://[fe80::1]/",
        "http://0.0.0.0/",
        "http://[::ffff:127.0.0.1]/",
        "http://[fd00:ec2::254]/",
        "http://metadata.google.internal/",
        "http://many.example.com/",
    ] {
        assert!(refused(&rules, url).await.is_some_and(|why| why.starts_with("Address")), "{url}");
    }
    let narrow =
        Rules { allow: vec!["10.1.0.0/16".parse().unwrap()], is_public: false, is_plain: false, ports: None };
    assert_eq!(refused(&narrow, "https://intern.example.com/").await, None);
    assert_eq!(refused(&narrow, "https://10.2.0.1/").await.as_deref(), Some("Address(10.2.0.1)"));
    assert!(refused(&narrow, "https://example.com/").await.is_some(), "public addresses are not named");
    assert!(
        refused(&Rules::default(), "https://example.com/").await.is_some(),
        "nothing named is nothing called"
    );
}

#[tokio::test]
async fn a_name_is_resolved_and_checked_at_each_call_and_the_connection_goes_where_was_checked() {
    let (clock, _hand) = Clock::manual();
    let receiver = Receiver::start(&clock).await;
    let rules = Arc::new(super::kit::loopback());
    let fake = Arc::new(Fake::default());
    let script = ["127.0.0.1", "10.0.0.1", "127.0.0.1", "127.0.0.1 169.254.169.254", "127.0.0.1", ""];
    *fake.script.lock().unwrap() = script.iter().map(|found| addresses(found)).collect();
    let url = format!("http://rebound.example.com:{}/hooks", receiver.address.port());
    let caller = Caller::new(rules.clone(), fake.clone(), rules.target(&url).unwrap());
    let mut calls = Vec::new();
    for _ in 0..script.len() {
        calls.push(caller.post(HeaderMap::new(), Bytes::new()).await.map(|answered| answered.answer.status));
    }
    let refused = |address: &str| Err(CallError::Refused(Refused::Address(address.parse().unwrap())));
    assert_eq!(
        calls,
        [
            Ok(200),
            refused("10.0.0.1"),
            Ok(200),
            refused("169.254.169.254"),
            Ok(200),
            Err(CallError::Refused(Refused::Unresolved))
        ]
    );
    assert_eq!(*fake.asked.lock().unwrap(), 6, "no second look could say another thing");
    let hosts: Vec<_> = receiver.got().iter().map(|got| got.header("host").to_owned()).collect();
    assert_eq!(hosts, vec![format!("rebound.example.com:{}", receiver.address.port()); 3]);
}

#[tokio::test]
async fn a_connection_is_kept_only_while_its_address_is_right() {
    let (clock, _hand) = Clock::manual();
    let first = Receiver::start(&clock).await;
    let port = first.address.port();
    let second = Receiver::start_at(&clock, ([127, 0, 0, 2], port).into()).await;
    let rules = Arc::new(super::kit::loopback());
    let fake = Arc::new(Fake::default());
    let script = ["127.0.0.1", "127.0.0.2", "127.0.0.2 127.0.0.1", "127.0.0.1"];
    *fake.script.lock().unwrap() = script.iter().map(|found| addresses(found)).collect();
    let target = rules.target(&format!("http://moves.example.com:{port}/")).unwrap();
    let caller = Caller::new(rules, fake, target);
    let mut counts = Vec::new();
    for _ in script {
        caller.post(HeaderMap::new(), Bytes::new()).await.unwrap().finish(pending()).await;
        counts.push((first.got().len(), second.got().len()));
    }
    assert_eq!(counts, [(1, 0), (1, 1), (1, 2), (2, 2)]);
}

#[tokio::test]
async fn the_status_is_the_answer_even_if_the_body_never_ends() {
    let (clock, _hand) = Clock::manual();
    let receiver = Receiver::start(&clock).await;
    let rules = Arc::new(super::kit::loopback());
    let target = rules.target(&format!("http://{}/hooks", receiver.address)).unwrap();
    let caller = Caller::new(rules, Arc::new(System), target);
    let timeout = std::time::Duration::from_secs(3);
    receiver.script(&[Mode::Stammer, Mode::Ramble]);
    let stammered = caller.post(HeaderMap::new(), Bytes::new()).await;
    assert_eq!(Why::judge(Some(stammered), timeout, async {}).await, Ok(()));
    let rambled = caller.post(HeaderMap::new(), Bytes::new()).await;
    assert_eq!(Why::judge(Some(rambled), timeout, pending()).await, Ok(()), "so much is not waited for");
}

#[tokio::test]
async fn what_is_said_of_a_call_shows_no_secret() {
    let rules = strict();
    let target = rules.target("https://example.com:8443/path-secret?query-secret=1").unwrap();
    assert_eq!(
        (target.origin().as_str(), format!("{target:?}").as_str()),
        ("https://example.com:8443", "Target(https://example.com:8443)")
    );
    let caller = Caller::new(Arc::new(rules), Arc::new(Fake::default()), target);
    assert!(!format!("{caller:?}").contains("secret"));
}

/// Offers a certificate that nobody vouches for, and says which name was asked for.
async fn asked_for(listener: tokio::net::TcpListener) -> Option<String> {
    let (socket, _) = listener.accept().await.unwrap();
    let hello =
        tokio_rustls::LazyConfigAcceptor::new(rustls::server::Acceptor::default(), socket).await.unwrap();
    let name = hello.client_hello().server_name().map(ToOwned::to_owned);
    let certificate = include_bytes!("../../src/gateway/tls/test-cert.pem");
    let key = include_bytes!("../../src/gateway/tls/test-key.pem");
    let chain = CertificateDer::pem_slice_iter(certificate).collect::<Result<_, _>>().unwrap();
    let key = PrivateKeyDer::from_pem_slice(key).unwrap();
    let config = rustls::ServerConfig::builder().with_no_client_auth().with_single_cert(chain, key).unwrap();
    assert!(hello.into_stream(Arc::new(config)).await.is_err(), "the certificate is not believed");
    name
}

#[tokio::test]
async fn over_tls_the_name_is_asked_for_and_its_certificate_must_be_good() {
    let listener = tokio::net::TcpListener::bind("127.0.0.1:0").await.unwrap();
    let port = listener.local_addr().unwrap().port();
    let asked = tokio::spawn(asked_for(listener));
    let rules = Arc::new(Rules { is_plain: false, ..super::kit::loopback() });
    let fake = Arc::new(Fake::default());
    fake.script.lock().unwrap().push_back(addresses("127.0.0.1"));
    let target = rules.target(&format!("https://hooks.example.com:{port}/")).unwrap();
    let caller = Caller::new(rules, fake, target);
    assert_eq!(caller.post(HeaderMap::new(), Bytes::new()).await.unwrap_err(), CallError::Connecting);
    assert_eq!(asked.await.unwrap().as_deref(), Some("hooks.example.com"));
}
