//! Whose request it is, as far as addresses tell: the peer's own, or the one that a trusted proxy reports.

use std::net::{IpAddr, SocketAddr};

use axum::http::{HeaderMap, header};
use ipnet::IpNet;

/// The client's address; every request has it as an extension.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub struct PeerAddr(pub IpAddr);

/// How the client reached the hub, or the proxy in front of it; every request has it as an extension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Front {
    /// Whether by TLS.
    pub is_secure: bool,
    /// The host that it named, with a port where it named one. Nothing says that the host is the hub's.
    pub host: Box<str>,
}

/// The proxies whose `X-Forwarded-For`, `-Proto` and `-Host` are believed. By default there are none.
#[derive(Debug, Clone, Default)]
pub struct Proxies(Vec<IpNet>);

impl Proxies {
    /// Those in these networks.
    #[must_use]
    pub fn new(networks: Vec<IpNet>) -> Self {
        Self(networks)
    }

    /// Whether this address is one of them.
    #[must_use]
    pub fn contains(&self, address: IpAddr) -> bool {
        let address = address.to_canonical();
        self.0.iter().any(|network| network.contains(&address))
    }

    /// The client's address: the last one in the chain that is not a trusted proxy's. Whatever stands before it in
    /// the header is only what that client claims.
    #[must_use]
    pub fn client(&self, peer: IpAddr, headers: &HeaderMap) -> PeerAddr {
        let mut client = peer.to_canonical();
        let lines: Vec<&str> =
            headers.get_all("x-forwarded-for").iter().map(|line| line.to_str().unwrap_or("")).collect();
        let mut hops = lines.iter().rev().flat_map(|line| line.rsplit(','));
        while self.contains(client) {
            match hops.next().and_then(address) {
                Some(hop) => client = hop,
                None => break,
            }
        }
        PeerAddr(client)
    }

    /// How the client reached the hub. Of several values of a header the last is the trusted proxy's own.
    #[must_use]
    pub fn front(&self, peer: IpAddr, is_tls: bool, headers: &HeaderMap) -> Front {
        let forwarded = |name: &str| {
            let line = headers.get_all(name).iter().next_back().filter(|_| self.contains(peer));
            line.and_then(|line| line.to_str().ok()).and_then(|line| line.rsplit(',').next()).map(str::trim)
        };
        let is_secure = match forwarded("x-forwarded-proto") {
            Some(scheme) if scheme.eq_ignore_ascii_case("https") => true,
            Some(scheme) if scheme.eq_ignore_ascii_case("http") => false,
            _ => is_tls,
        };
        let named = headers.get(header::HOST).and_then(|host| host.to_str().ok());
        let host = forwarded("x-forwarded-host").or(named).unwrap_or_default();
        Front { is_secure, host: host.into() }
    }
}

/// An address as proxies write it, with or without a port.
fn address(text: &str) -> Option<IpAddr> {
    let text = text.trim();
    let address = text
        .parse()
        .or_else(|_| text.parse::<SocketAddr>().map(|address| address.ip()))
        .or_else(|_| text.trim_start_matches('[').trim_end_matches(']').parse());
    address.ok().map(|address| address.to_canonical())
}

#[cfg(test)]
mod tests {
    use super::*;

    fn client(peer: &str, forwarded: &[&str]) -> String {
        let proxies = Proxies::new(vec!["10.0.0.0/8".parse().unwrap(), "fd00::/8".parse().unwrap()]);
        let mut headers = HeaderMap::new();
        for line in forwarded {
            headers.append("x-forwarded-for", line.parse().unwrap());
        }
        proxies.client(peer.parse().unwrap(), &headers).0.to_string()
    }

    #[test]
    fn only_a_trusted_proxy_is_believed() {
        for (peer, forwarded, expected) in [
            ("192.0.2.1", &["198.51.100.7"][..], "192.0.2.1"),
            ("10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            ("::ffff:10.0.0.1", &["198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["1.1.1.1, 198.51.100.7"], "198.51.100.7"),
            ("10.0.0.1", &["1.1.1.1", "198.51.100.7, 10.9.9.9"], "198.51.100.7"),
            ("10.0.0.1", &["198.51.100.7:4711"], "198.51.100.7"),
            ("fd00::1", &["[2001:db8::1]:80"], "2001:db8::1"),
            ("fd00::1", &["[2001:db8::1]"], "2001:db8::1"),
            ("10.0.0.1", &["1.1.1.1, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["10.0.0.2"], "10.0.0.2"),
            ("10.0.0.1", &[], "10.0.0.1"),
        ] {
            assert_eq!(client(peer, forwarded), expected, "{peer} {forwarded:?}");
        }
    }

    #[test]
    fn only_a_trusted_proxy_says_how_the_client_came() {
        let proxies = Proxies::new(vec!["10.0.0.0/8".parse().unwrap()]);
        let own = &[("host", "hub.test")][..];
        let by_proxy =
            [("host", "inner"), ("x-forwarded-proto", "https"), ("x-forwarded-host", "a.test, b.test:81")];
        for (peer, is_tls, lines, expected) in [
            ("192.0.2.1", false, own, (false, "hub.test")),
            ("192.0.2.1", true, own, (true, "hub.test")),
            ("192.0.2.1", false, &by_proxy, (false, "inner")),
            ("10.0.0.1", false, &by_proxy, (true, "b.test:81")),
            ("10.0.0.1", true, &[("x-forwarded-proto", "gopher"), ("host", "h")], (true, "h")),
            ("10.0.0.1", true, &[("x-forwarded-proto", "HTTP")], (false, "")),
        ] {
            let pairs = lines.iter().map(|(name, value)| (name.parse().unwrap(), value.parse().unwrap()));
            let headers: HeaderMap =
                pairs.collect::<Vec<(axum::http::HeaderName, _)>>().into_iter().collect();
            let front = proxies.front(peer.parse().unwrap(), is_tls, &headers);
            assert_eq!((front.is_secure, &*front.host), expected, "{peer} {lines:?}");
        }
    }
}
