//! TLS of a listener: certificate and key from PEM files, TLS 1.2 and 1.3, HTTP/1.1 only.

use std::sync::Arc;

use rustls::ServerConfig;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};

use crate::config::Tls;

/// Loads what `tls.cert` and `tls.key` name, or the keys below another name than `tls`.
///
/// # Errors
/// A sentence that names the key of the file that is missing or wrong.
pub fn load(tls: &Tls, above: &str) -> Result<Arc<ServerConfig>, String> {
    let wrong_cert = |why: String| format!("{above}.cert ({}) {why}", tls.cert.display());
    let wrong_key = |why: String| format!("{above}.key ({}) {why}", tls.key.display());
    let chain = CertificateDer::pem_file_iter(&tls.cert)
        .and_then(Iterator::collect::<Result<Vec<_>, _>>)
        .map_err(|error| wrong_cert(format!("cannot be read: {error}")))?;
    if chain.is_empty() {
        return Err(wrong_cert("holds no certificate".to_owned()));
    }
    let key = PrivateKeyDer::from_pem_file(&tls.key)
        .map_err(|error| wrong_key(format!("cannot be read: {error}")))?;
    serve_with(chain, key).map_err(|error| wrong_key(format!("does not fit {above}.cert: {error}")))
}

/// How a listener speaks TLS with a certificate and its key.
///
/// # Errors
/// They do not go together.
pub fn serve_with(
    chain: Vec<CertificateDer<'static>>,
    key: PrivateKeyDer<'static>,
) -> Result<Arc<ServerConfig>, rustls::Error> {
    let provider = Arc::new(rustls::crypto::aws_lc_rs::default_provider());
    let mut config = ServerConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()?
        .with_no_client_auth()
        .with_single_cert(chain, key)?;
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}

#[cfg(test)]
mod tests;
