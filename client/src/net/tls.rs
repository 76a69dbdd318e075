//! TLS towards relays: one version, one key exchange, one pinned key, and nothing kept between connections.

use std::io;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};

use quinn::crypto::rustls::QuicClientConfig;
use rustls::client::Resumption;
use rustls::client::danger::{HandshakeSignatureValid, ServerCertVerified, ServerCertVerifier};
use rustls::crypto::{CryptoProvider, aws_lc_rs, verify_tls13_signature};
use rustls::pki_types::{CertificateDer, ServerName, UnixTime};
use rustls::server::ParsedCertificate;
use rustls::version::TLS13;
use rustls::{
    CertificateError, ClientConfig, DigitallySignedStruct, Error, PeerIncompatible, SignatureScheme,
};
use sha2::{Digest, Sha256};
use velar_protocol::wire::limits::ALPN_QUIC;
use velar_protocol::wire::{Pin, RelayAddress};

/// Stands where TLS libraries insist on a name. Never sent (no SNI) and never compared with anything.
pub(super) const NO_NAME: &str = "relay.invalid";

/// Knows one relay by its pins. No authority, name or date of the certificate counts.
#[derive(Debug)]
pub(super) struct PinVerifier {
    address: RelayAddress,
    provider: Arc<CryptoProvider>,
    wrong_pin: AtomicBool,
}

impl PinVerifier {
    /// Whether a handshake failed because the key was not the pinned one.
    pub(super) fn saw_wrong_pin(&self) -> bool {
        self.wrong_pin.load(Ordering::Relaxed)
    }
}

/// The algorithms: all of aws-lc-rs for ciphers and signatures, X25519MLKEM768 alone as key exchange. Both
/// ends are ours; a connection that a quantum computer could open later is not made.
pub(super) fn provider() -> Arc<CryptoProvider> {
    let kx_groups = vec![aws_lc_rs::kx_group::X25519MLKEM768];
    Arc::new(CryptoProvider { kx_groups, ..aws_lc_rs::default_provider() })
}

/// A fresh configuration for one connection to one relay, and the verifier that judges it.
///
/// Fresh, so that no ticket or other state can pass from one connection to the next.
///
/// # Errors
/// If the TLS library cannot do TLS 1.3 with these algorithms (a defect of the build).
pub(super) fn configure(
    provider: &Arc<CryptoProvider>,
    address: &RelayAddress,
) -> io::Result<(QuicClientConfig, Arc<PinVerifier>)> {
    let verifier = Arc::new(PinVerifier {
        address: address.clone(),
        provider: provider.clone(),
        wrong_pin: AtomicBool::new(false),
    });
    let mut config = ClientConfig::builder_with_provider(provider.clone())
        .with_protocol_versions(&[&TLS13])
        .map_err(io::Error::other)?
        .dangerous()
        .with_custom_certificate_verifier(verifier.clone())
        .with_no_client_auth();
    config.alpn_protocols = vec![ALPN_QUIC.to_vec()];
    // The name would mark who talks to which relay on a shared machine.
    config.enable_sni = false;
    // Tickets and early data let a relay link a device across networks; early data can be replayed.
    config.resumption = Resumption::disabled();
    config.enable_early_data = false;
    let config = QuicClientConfig::try_from(config).map_err(io::Error::other)?;
    Ok((config, verifier))
}

impl ServerCertVerifier for PinVerifier {
    fn verify_server_cert(
        &self,
        end_entity: &CertificateDer<'_>,
        _intermediates: &[CertificateDer<'_>],
        _server_name: &ServerName<'_>,
        _ocsp_response: &[u8],
        _now: UnixTime,
    ) -> Result<ServerCertVerified, Error> {
        let key = ParsedCertificate::try_from(end_entity)?.subject_public_key_info();
        if self.address.accepts(&Pin(Sha256::digest(key.as_ref()).into())) {
            return Ok(ServerCertVerified::assertion());
        }
        self.wrong_pin.store(true, Ordering::Relaxed);
        Err(Error::InvalidCertificate(CertificateError::ApplicationVerificationFailure))
    }

    /// Never offered.
    fn verify_tls12_signature(
        &self,
        _message: &[u8],
        _cert: &CertificateDer<'_>,
        _dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        Err(Error::PeerIncompatible(PeerIncompatible::Tls12NotOffered))
    }

    /// That the other end holds the private half of the pinned key.
    fn verify_tls13_signature(
        &self,
        message: &[u8],
        cert: &CertificateDer<'_>,
        dss: &DigitallySignedStruct,
    ) -> Result<HandshakeSignatureValid, Error> {
        verify_tls13_signature(message, cert, dss, &self.provider.signature_verification_algorithms)
    }

    fn supported_verify_schemes(&self) -> Vec<SignatureScheme> {
        self.provider.signature_verification_algorithms.supported_schemes()
    }
}

#[cfg(test)]
mod tests {
    use rustls::NamedGroup;

    use super::*;

    #[test]
    fn only_the_hybrid_key_exchange_is_offered() {
        let offered: Vec<_> = provider().kx_groups.iter().map(|group| group.name()).collect();
        assert_eq!(offered, [NamedGroup::X25519MLKEM768]);
    }

    #[test]
    fn the_signatures_of_relays_are_offered() {
        let address = RelayAddress::new("relay.example.org", 1, Pin([0; 32]), None).unwrap();
        let (_, verifier) = configure(&provider(), &address).unwrap();
        assert!(verifier.supported_verify_schemes().contains(&SignatureScheme::ED25519));
    }

    #[test]
    fn a_certificate_that_does_not_parse_is_refused() {
        let address = RelayAddress::new("relay.example.org", 1, Pin([0; 32]), None).unwrap();
        let (_, verifier) = configure(&provider(), &address).unwrap();
        let name = ServerName::try_from(NO_NAME).unwrap();
        for bytes in [&b""[..], b"\x30\x00", b"not a certificate"] {
            let now = UnixTime::since_unix_epoch(std::time::Duration::ZERO);
            let cert = CertificateDer::from(bytes);
            assert!(verifier.verify_server_cert(&cert, &[], &name, &[], now).is_err());
            assert!(!verifier.saw_wrong_pin());
        }
    }
}
