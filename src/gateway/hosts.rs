//! Under which names the hub knows itself: a guard against names that are rebound to its address, or made up.

use axum::http::{HeaderMap, header};

/// Whether the request's Host, without its port, is one of `hosts`.
#[must_use]
pub fn is_known_host(headers: &HeaderMap, hosts: &[String]) -> bool {
    headers.get(header::HOST).and_then(|host| host.to_str().ok()).is_some_and(|host| is_known(host, hosts))
}

/// Whether a host, without its port, is one of `hosts`.
#[must_use]
pub fn is_known(host: &str, hosts: &[String]) -> bool {
    let name = match host.rsplit_once(':') {
        Some((name, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => name,
        _ => host,
    };
    hosts.iter().any(|known| known.eq_ignore_ascii_case(name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn hosts_are_compared_without_their_port_and_as_a_whole() {
        let hosts = ["localhost".to_owned(), "127.0.0.1".to_owned(), "[::1]".to_owned()];
        for (host, is_known) in [
            ("localhost", true),
            ("LOCALHOST:8081", true),
            ("127.0.0.1:8081", true),
            ("[::1]:8081", true),
            ("[::1]", true),
            ("localhost.evil.test", false),
            ("evil.test:127", false),
            ("", false),
        ] {
            let mut headers = HeaderMap::new();
            headers.insert(header::HOST, host.parse().unwrap());
            assert_eq!(is_known_host(&headers, &hosts), is_known, "{host:?}");
        }
        assert!(!is_known_host(&HeaderMap::new(), &hosts));
    }
}
