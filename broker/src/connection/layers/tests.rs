//! Layers as they lie over each other, without sockets.

use std::num::NonZeroU32;

use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::{ClientConfig, ClientConnection, RootCertStore};

use super::*;
use crate::proxy_protocol::ProxyError;
use crate::websocket::client::{check_response, request};
use crate::websocket::frame::Opcode;
use crate::websocket::mask::Mask;
use crate::websocket::writer::client_header;

const PROXY: &[u8] = b"PROXY TCP4 192.0.2.7 192.0.2.1 50123 1883\r\n";
const KEY: [u8; 4] = [5, 6, 7, 8];

fn local() -> SocketAddr {
    ([127, 0, 0, 1], 1).into()
}

fn websocket() -> Option<Arc<WebSocketConfig>> {
    Some(Arc::new(WebSocketConfig {
        path: "/mqtt".to_owned(),
        max_message_bytes: 1000,
    }))
}

fn layers(plan: LayersPlan) -> Layers {
    *plan.build().unwrap().unwrap()
}

/// A request, and data in many frames with others between.
fn spoken_in_frames(data: &[u8]) -> Vec<u8> {
    let mut bytes = request("broker", "/mqtt", [1; 16]).unwrap();
    for (at, part) in data.chunks(3).enumerate() {
        for (opcode, payload) in [(Opcode::Binary, part), (Opcode::Ping, &[][..])] {
            if opcode == Opcode::Ping && at % 2 == 0 {
                continue;
            }
            bytes.extend_from_slice(client_header(opcode, payload.len(), KEY).as_slice());
            let from = bytes.len();
            bytes.extend_from_slice(payload);
            Mask::new(KEY).apply(&mut bytes[from..]);
        }
    }
    bytes
}

/// Gives the layers the bytes in pieces, and returns all that comes through.
fn pass(layers: &mut Layers, pieces: &[&[u8]], peer: &mut SocketAddr) -> Vec<u8> {
    let mut plain = Vec::new();
    let mut through = Vec::new();
    for piece in pieces {
        let mut raw = piece.to_vec();
        through.extend_from_slice(layers.take_in(&mut raw, &mut plain, peer));
    }
    through
}

#[test]
fn a_cut_anywhere_changes_nothing() {
    let data: Vec<u8> = (0..40).collect();
    let bytes = [PROXY.to_vec(), spoken_in_frames(&data)].concat();
    for cut in 0..bytes.len() {
        let mut layers = layers(LayersPlan {
            has_proxy_protocol: true,
            websocket: websocket(),
            ..LayersPlan::default()
        });
        let mut peer = local();
        let (first, second) = bytes.split_at(cut);
        let through = pass(&mut layers, &[first, second], &mut peer);
        assert_eq!(through, data, "cut at {cut}");
        assert_eq!(peer, SocketAddr::from(([192, 0, 2, 7], 50123)));
        assert!(layers.end().is_none() && layers.held_bytes() == 0);
    }
    let mut layers = layers(LayersPlan {
        has_proxy_protocol: true,
        websocket: websocket(),
        ..LayersPlan::default()
    });
    let bytes: Vec<&[u8]> = bytes.chunks(1).collect();
    assert_eq!(pass(&mut layers, &bytes, &mut local()), data);
}

#[test]
fn what_is_held_is_counted() {
    let mut layers = layers(LayersPlan {
        has_proxy_protocol: true,
        websocket: websocket(),
        ..LayersPlan::default()
    });
    pass(&mut layers, &[&PROXY[..10]], &mut local());
    assert_eq!(layers.held_bytes(), 10);
    pass(&mut layers, &[&PROXY[10..], b"GET /mq"], &mut local());
    assert_eq!(layers.held_bytes(), 7);
}

#[test]
fn nothing_comes_through_after_a_fault() {
    let mut layers = layers(LayersPlan {
        has_proxy_protocol: true,
        ..LayersPlan::default()
    });
    assert_eq!(pass(&mut layers, &[b"\x10\x20"], &mut local()), []);
    assert!(matches!(
        layers.end(),
        Some(LayerEnd::Proxy(ProxyError::Missing))
    ));
    assert_eq!(layers.readable(Moment::from_millis(0)), 0);
}

#[test]
fn without_layers_there_are_none() {
    assert!(LayersPlan::default().build().unwrap().is_none());
    let pace = Pace::new(None, NonZeroU32::new(1), Moment::from_millis(0));
    let plan = LayersPlan {
        pace,
        ..LayersPlan::default()
    };
    let mut layers = layers(plan);
    assert_eq!(pass(&mut layers, &[b"bytes"], &mut local()), b"bytes");
    let mut output = Output::default();
    let mut socket = Vec::new();
    assert_eq!(
        layers.write(Some(&mut output), &mut socket).unwrap(),
        Written::All
    );
}

/// A server's layers, and a client that trusts it and shows the same certificate.
fn over_tls(websocket: Option<Arc<WebSocketConfig>>) -> (Layers, ClientConnection) {
    let key = rcgen::KeyPair::generate().unwrap();
    let mut params = rcgen::CertificateParams::new(vec!["broker".to_owned()]).unwrap();
    let names = &mut params.distinguished_name;
    names.push(rcgen::DnType::CommonName, "sensor 7");
    let pem = params.self_signed(&key).unwrap().pem();
    let certificate = CertificateDer::from_pem_slice(pem.as_bytes()).unwrap();
    let mut roots = RootCertStore::empty();
    roots.add(certificate.clone()).unwrap();
    let roots = Arc::new(roots);
    let private_key = || PrivateKeyDer::from_pem_slice(key.serialize_pem().as_bytes()).unwrap();
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let verifier =
        WebPkiClientVerifier::builder_with_provider(Arc::clone(&roots), Arc::clone(&provider));
    let server = ServerConfig::builder_with_provider(Arc::clone(&provider))
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_client_cert_verifier(verifier.build().unwrap())
        .with_single_cert(vec![certificate.clone()], private_key())
        .unwrap();
    let client = ClientConfig::builder_with_provider(provider)
        .with_safe_default_protocol_versions()
        .unwrap()
        .with_root_certificates(roots)
        .with_client_auth_cert(vec![certificate], private_key())
        .unwrap();
    let client = ClientConnection::new(Arc::new(client), "broker".try_into().unwrap());
    let layers = layers(LayersPlan {
        tls: Some(Arc::new(server)),
        websocket,
        ..LayersPlan::default()
    });
    (layers, client.unwrap())
}

/// Carries all that there is both ways, in pieces of that size, until nobody has more.
fn carry(layers: &mut Layers, client: &mut ClientConnection, size: usize) -> (Vec<u8>, Vec<u8>) {
    let (mut through, mut answer) = (Vec::new(), Vec::new());
    loop {
        let mut to_server = Vec::new();
        while client.wants_write() {
            client.write_tls(&mut to_server).unwrap();
        }
        let pieces: Vec<&[u8]> = to_server.chunks(size).collect();
        through.extend(pass(layers, &pieces, &mut local()));
        let mut to_client = Vec::new();
        layers.write(None, &mut to_client).unwrap();
        if to_server.is_empty() && to_client.is_empty() {
            return (through, answer);
        }
        let mut to_client = to_client.as_slice();
        while !to_client.is_empty() {
            client.read_tls(&mut to_client).unwrap();
            let state = client.process_new_packets().unwrap();
            let mut plain = vec![0; state.plaintext_bytes_to_read()];
            io::Read::read_exact(&mut client.reader(), &mut plain).unwrap();
            answer.extend(plain);
        }
    }
}

#[test]
fn records_are_whole_however_they_are_cut() {
    for (size, length) in [(1, 500), (100, 20_000), (4096, 40_000), (1 << 20, 60_000)] {
        let data = vec![7; length];
        let (mut layers, mut client) = over_tls(None);
        carry(&mut layers, &mut client, size);
        client.writer().write_all(&data).unwrap();
        let (through, _) = carry(&mut layers, &mut client, size);
        assert!(through == data, "{size}");
        client.send_close_notify();
        carry(&mut layers, &mut client, size);
        assert!(matches!(layers.end(), Some(LayerEnd::Closed)));
        layers.close();
        carry(&mut layers, &mut client, size);
        assert!(client.process_new_packets().unwrap().peer_has_closed());
    }
}

#[test]
fn a_client_is_called_as_its_certificate_says() {
    let (mut layers, mut client) = over_tls(None);
    assert_eq!(layers.names(), None);
    carry(&mut layers, &mut client, 1000);
    let names = layers.names().unwrap();
    assert_eq!(names.common_name.as_deref(), Some("sensor 7"));
    assert_eq!(names.dns_names, ["broker"]);
}

#[test]
fn a_client_is_called_as_the_proxy_says_it_has_verified() {
    for (verified, expected) in [(0, Some("sensor 8")), (1, None)] {
        let mut layers = layers(LayersPlan {
            has_proxy_protocol: true,
            ..LayersPlan::default()
        });
        let mut header = b"\r\n\r\n\0\r\nQUIT\n\x21\x11\0\x1f".to_vec();
        header.extend([192, 0, 2, 7, 192, 0, 2, 1, 0xc3, 0xcb, 0x07, 0x5b]);
        // TLS was used, a certificate shown, and found to be good or not.
        header.extend([0x20, 0, 16, 3, 0, 0, 0, verified, 0x22, 0, 8]);
        header.extend(b"sensor 8");
        assert_eq!(
            pass(&mut layers, &[&header, b"\x10"], &mut local()),
            b"\x10"
        );
        let names = layers.names();
        let name = names.and_then(|names| names.common_name.as_deref());
        assert_eq!(name, expected);
    }
}

#[test]
fn a_web_socket_goes_through_tls() {
    let data: Vec<u8> = (0..200).collect();
    let (mut layers, mut client) = over_tls(websocket());
    client.writer().write_all(&spoken_in_frames(&data)).unwrap();
    let (through, answer) = carry(&mut layers, &mut client, 50);
    assert_eq!(through, data);
    let head = check_response(&answer, [1; 16]).unwrap().unwrap();
    // An answer to the last ping at least.
    assert!(answer[head..].ends_with(&[0x8a, 0]));
    layers.close();
    let (_, farewell) = carry(&mut layers, &mut client, 50);
    assert_eq!(farewell, [0x88, 2, 0x03, 0xe8]);
    assert!(client.process_new_packets().unwrap().peer_has_closed());
}

#[test]
fn bytes_that_are_no_tls_are_answered_with_an_alert() {
    let (mut layers, _) = over_tls(None);
    assert_eq!(
        pass(&mut layers, &[b"GET / HTTP/1.1\r\n"], &mut local()),
        []
    );
    assert!(matches!(layers.end(), Some(LayerEnd::Tls(_))));
    let mut alert = Vec::new();
    assert_eq!(layers.write(None, &mut alert).unwrap(), Written::All);
    assert_eq!(alert[0], 21);
}
