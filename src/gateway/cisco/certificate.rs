//! The certificate of the dialect's own listener: the operator's, or one that the hub signs for itself and keeps.

use std::fs::{self, OpenOptions};
use std::io::{self, Write};
use std::os::unix::fs::OpenOptionsExt;
use std::path::Path;
use std::sync::Arc;

use rcgen::{CertificateParams, DnType, KeyPair};
use rustls::ServerConfig;
use rustls::pki_types::PrivateKeyDer;

use crate::config::Tls;
use crate::gateway::tls;

/// The names under which the hub is always reached on its own machine.
const OWN: [&str; 3] = ["localhost", "127.0.0.1", "::1"];

/// How the listener speaks TLS: with the operator's files, or else with the hub's own in `folder`, which are made if they are not there.
/// Without a folder it signs a new certificate at each start. `hosts` are more names for it, IPv6 addresses in brackets.
///
/// # Errors
/// A sentence that says what is wrong with which file or name.
pub fn server_config(
    files: Option<&Tls>,
    folder: Option<&Path>,
    hosts: &[String],
) -> Result<Arc<ServerConfig>, String> {
    if let Some(files) = files {
        return tls::load(files, "cisco");
    }
    let Some(folder) = folder else {
        let (certificate, key) = sign(hosts)?;
        let key = PrivateKeyDer::try_from(key.serialize_der()).map_err(str::to_owned)?;
        return tls::serve_with(vec![certificate.der().clone()], key).map_err(|error| error.to_string());
    };
    let own = Tls { cert: folder.join("cisco-cert.pem"), key: folder.join("cisco-key.pem") };
    if !own.cert.exists() || !own.key.exists() {
        let (certificate, key) = sign(hosts)?;
        keep(&own, &certificate.pem(), &key.serialize_pem())
            .map_err(|error| format!("data_dir ({}) cannot be used: {error}", folder.display()))?;
        tracing::info!(certificate = %own.cert.display(), "signed a certificate for cisco.https");
    }
    tls::load(&own, "cisco")
}

fn sign(hosts: &[String]) -> Result<(rcgen::Certificate, KeyPair), String> {
    let wrong = |error: rcgen::Error| format!("no certificate can be signed for http.hosts: {error}");
    let mut names: Vec<String> = OWN.map(str::to_owned).to_vec();
    let plain = |host: &String| host.trim_matches(['[', ']']).to_owned();
    names.extend(hosts.iter().map(plain).filter(|name| !OWN.contains(&name.as_str())));
    let mut params = CertificateParams::new(names).map_err(wrong)?;
    params.distinguished_name.push(DnType::CommonName, "presence-hub");
    let key = KeyPair::generate().map_err(wrong)?;
    let certificate = params.self_signed(&key).map_err(wrong)?;
    Ok((certificate, key))
}

/// Writes both, the certificate last: where it is, the key that fits it is.
fn keep(files: &Tls, certificate: &str, key: &str) -> io::Result<()> {
    if let Some(folder) = files.cert.parent() {
        fs::create_dir_all(folder)?;
    }
    match fs::remove_file(&files.cert) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _ => {}
    }
    write(&files.key, key, 0o600)?;
    write(&files.cert, certificate, 0o644)
}

/// Writes a file that is whole or not there.
fn write(path: &Path, text: &str, mode: u32) -> io::Result<()> {
    let fresh = path.with_extension("new");
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(mode).open(&fresh)?;
    file.write_all(text.as_bytes())?;
    file.sync_all()?;
    fs::rename(&fresh, path)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::PermissionsExt;

    use rustls::client::danger::ServerCertVerifier;
    use rustls::client::{WebPkiServerVerifier, verify_server_name};
    use rustls::pki_types::pem::PemObject;
    use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
    use rustls::{RootCertStore, server::ParsedCertificate};

    use super::*;

    fn folder(name: &str) -> std::path::PathBuf {
        let folder = std::env::temp_dir().join(format!("presence-hub-{}-{name}", std::process::id()));
        drop(fs::remove_dir_all(&folder));
        folder
    }

    #[test]
    fn what_the_hub_signed_is_kept_and_names_the_hub() {
        let folder = folder("certificate");
        let hosts = ["hub.example", "[fd00::7]", "localhost"].map(str::to_owned);
        assert!(server_config(None, Some(&folder), &hosts).is_ok());
        let cert = folder.join("cisco-cert.pem");
        let first = fs::read(&cert).unwrap();
        assert!(server_config(None, Some(&folder), &hosts).is_ok());
        assert_eq!(fs::read(&cert).unwrap(), first, "the same after a restart");
        let mode = fs::metadata(folder.join("cisco-key.pem")).unwrap().permissions().mode();
        assert_eq!(mode & 0o777, 0o600);

        let certificate = CertificateDer::from_pem_file(&cert).unwrap();
        let parsed = ParsedCertificate::try_from(&certificate).unwrap();
        for (host, is_named) in [
            ("localhost", true),
            ("127.0.0.1", true),
            ("::1", true),
            ("hub.example", true),
            ("fd00::7", true),
            ("evil.example", false),
        ] {
            let host = ServerName::try_from(host).unwrap();
            assert_eq!(verify_server_name(&parsed, &host).is_ok(), is_named, "{host:?}");
        }
        let mut roots = RootCertStore::empty();
        roots.add(certificate.clone()).unwrap();
        let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
        let verifier =
            WebPkiServerVerifier::builder_with_provider(Arc::new(roots), provider).build().unwrap();
        let now = UnixTime::since_unix_epoch(std::time::Duration::from_secs(1_800_000_000));
        let host = ServerName::try_from("localhost").unwrap();
        let verified = verifier.verify_server_cert(&certificate, &[], &host, &[], now);
        assert!(verified.is_ok(), "whoever pins it can verify it: {verified:?}");
        drop(fs::remove_dir_all(&folder));
    }

    #[test]
    fn half_a_pair_is_made_anew() {
        let folder = folder("half");
        assert!(server_config(None, Some(&folder), &[]).is_ok());
        let (cert, key) = (folder.join("cisco-cert.pem"), folder.join("cisco-key.pem"));
        let first = fs::read(&cert).unwrap();
        fs::remove_file(&key).unwrap();
        assert!(server_config(None, Some(&folder), &[]).is_ok());
        assert_ne!(fs::read(&cert).unwrap(), first);
        fs::write(&cert, "spoilt").unwrap();
        let why = server_config(None, Some(&folder), &[]).unwrap_err();
        assert!(why.starts_with("cisco.cert (") && why.ends_with("holds no certificate"), "{why}");
        drop(fs::remove_dir_all(&folder));
    }

    #[test]
    fn without_a_folder_nothing_is_kept_and_the_operators_files_come_first() {
        assert!(server_config(None, None, &["hub.example".to_owned()]).is_ok());
        let files = Tls { cert: "nowhere.pem".into(), key: "nowhere.pem".into() };
        let why = server_config(Some(&files), None, &[]).unwrap_err();
        assert!(why.starts_with("cisco.cert (nowhere.pem) cannot be read"), "{why}");
        let why = server_config(None, None, &["höst".to_owned()]).unwrap_err();
        assert!(why.contains("http.hosts"), "{why}");
    }
}
