//! TLS and QUIC, hardened: one version, one key exchange, nothing that links a device across networks.

use std::sync::Arc;
use std::time::Duration;

use hmac::{Hmac, KeyInit, Mac};
use quinn::crypto::rustls::QuicServerConfig;
use quinn::crypto::{CryptoError, HmacKey};
use quinn::{
    ConnectionId, ConnectionIdGenerator, EndpointConfig, NoneTokenLog, ServerConfig,
    TransportConfig, ValidationTokenConfig,
};
use rustls::crypto::aws_lc_rs;
use rustls::server::NoServerSessionStorage;
use sha2::Sha256;
use velar_protocol::wire::limits::{ALPN_QUIC, QUIC_VERSION};
use zeroize::Zeroizing;

use crate::keys::Identity;
use crate::limits::{
    HANDSHAKE_BUFFER, INCOMING_BUFFER, INCOMING_BUFFER_TOTAL, Limits, MAX_INCOMING,
    NARROW_SEND_WINDOW, NARROW_WINDOW, STREAM_WINDOW, STREAMS,
};

/// Why the keys do not make a TLS configuration.
#[derive(Debug, thiserror::Error)]
#[error("the TLS keys cannot be used: {0}")]
pub struct TlsError(String);

pub(crate) fn server(
    identity: &Identity,
    limits: &Limits,
    gso: bool,
) -> Result<ServerConfig, TlsError> {
    let tls = |error: &dyn std::fmt::Display| TlsError(error.to_string());
    let mut provider = aws_lc_rs::default_provider();
    // Hybrid only: who records traffic today reads nothing with a quantum computer later.
    provider.kx_groups = vec![aws_lc_rs::kx_group::X25519MLKEM768];
    let mut config = rustls::ServerConfig::builder_with_provider(Arc::new(provider))
        .with_protocol_versions(&[&rustls::version::TLS13])
        .map_err(|error| tls(&error))?
        .with_no_client_auth()
        .with_single_cert(vec![identity.certificate.clone()], identity.key.clone_key())
        .map_err(|error| tls(&error))?;
    config.alpn_protocols = vec![ALPN_QUIC.to_vec()];
    // Tickets and early data would let a relay recognise a device on another network.
    config.send_tls13_tickets = 0;
    config.max_early_data_size = 0;
    config.session_storage = Arc::new(NoServerSessionStorage {});
    let crypto = QuicServerConfig::try_from(config).map_err(|error| tls(&error))?;
    let mut server = ServerConfig::with_crypto(Arc::new(crypto));
    // NEW_TOKEN frames would do the same.
    let mut tokens = ValidationTokenConfig::default();
    tokens.sent(0).log(Arc::new(NoneTokenLog));
    server
        .validation_token_config(tokens)
        .transport_config(Arc::new(transport(limits, gso)))
        .max_incoming(MAX_INCOMING)
        .incoming_buffer_size(INCOMING_BUFFER)
        .incoming_buffer_size_total(INCOMING_BUFFER_TOTAL);
    Ok(server)
}

fn transport(limits: &Limits, gso: bool) -> TransportConfig {
    let idle = Duration::from_secs(u64::from(limits.idle_timeout_s));
    let mut transport = TransportConfig::default();
    transport
        .max_concurrent_bidi_streams(STREAMS.into())
        .max_concurrent_uni_streams(0_u32.into())
        .stream_receive_window(STREAM_WINDOW.into())
        .receive_window(NARROW_WINDOW.into())
        .send_window(NARROW_SEND_WINDOW)
        .crypto_buffer_size(HANDSHAKE_BUFFER)
        .datagram_receive_buffer_size(None)
        .datagram_send_buffer_size(0)
        .max_idle_timeout(idle.try_into().ok())
        // Clients ping; a relay that pinged would wake radios.
        .keep_alive_interval(None)
        .allow_spin(false)
        // Not yet: quinn-proto 0.11 counts a padded acknowledgement as in flight, though nobody answers it;
        // after losses the connection is silent for ever (tests/tests/net_loss.rs).
        .pad_to_mtu(false)
        .enable_segmentation_offload(gso);
    transport
}

/// Stateless resets survive a restart: a client whose relay crashed learns it with its next packet,
/// instead of waiting for a timeout.
pub(crate) fn endpoint(identity: &Identity) -> EndpointConfig {
    let mut config = EndpointConfig::new(Arc::new(ResetKey(identity.reset_key.clone())));
    config.cid_generator(|| Box::new(RandomIds));
    config.supported_versions(vec![QUIC_VERSION]);
    config
}

struct ResetKey(Zeroizing<[u8; 32]>);

impl ResetKey {
    fn mac(&self, data: &[u8]) -> Option<Hmac<Sha256>> {
        let mut mac = Hmac::<Sha256>::new_from_slice(self.0.as_slice()).ok()?;
        mac.update(data);
        Some(mac)
    }
}

impl HmacKey for ResetKey {
    fn sign(&self, data: &[u8], signature_out: &mut [u8]) {
        if let Some(mac) = self.mac(data) {
            for (out, byte) in signature_out.iter_mut().zip(mac.finalize().into_bytes()) {
                *out = byte;
            }
        }
    }

    fn signature_len(&self) -> usize {
        32
    }

    fn verify(&self, data: &[u8], signature: &[u8]) -> Result<(), CryptoError> {
        let verified = self.mac(data).map(|mac| mac.verify_slice(signature).is_ok());
        if verified == Some(true) { Ok(()) } else { Err(CryptoError) }
    }
}

/// Random connection ids. Any is taken for a former one of ours (a hash in them could not be checked across
/// restarts with what quinn exports): at worst a stranger earns a stateless reset, at most 50 a second in all.
struct RandomIds;

impl ConnectionIdGenerator for RandomIds {
    fn generate_cid(&mut self) -> ConnectionId {
        let mut id = [0; 8];
        // Without randomness ids repeat, and quinn draws again.
        let _ = getrandom::fill(&mut id);
        ConnectionId::new(&id)
    }

    fn cid_len(&self) -> usize {
        8
    }

    fn cid_lifetime(&self) -> Option<Duration> {
        None
    }
}
