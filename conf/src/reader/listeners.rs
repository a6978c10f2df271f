use std::num::NonZeroU32;
use std::path::PathBuf;

use quorate_model::member::Roles;

use super::Reader;
use super::text::{
    count, duration, file_path, size, socket_address, switch, unknown_value, unless_off, word,
};
use crate::byte_size::ByteSize;
use crate::listener_config::{Carrier, ListenerConfig, WebSocketConfig};
use crate::listener_id::{ListenerId, ListenerKind, ListenerName};
use crate::listener_tls::{ClientCertificates, ListenerTls, TlsVersion};
use crate::listeners_config::ListenersConfig;
use crate::mqtt_config::MqttConfig;
use crate::problem::Problem;

/// Of a WebSocket message, above the largest packet: clients send small
/// packets together.
const MESSAGE_HEAD_ROOM: u64 = 64 << 10;
const MAX_MESSAGE_SIZE: u64 = 1 << 30;
/// Bytes in a second.
const MAX_RATE: u64 = 1 << 40;

/// The keys of one listener.
struct Keys(String);

impl Keys {
    fn key(&self, name: &str) -> String {
        format!("{}.{name}", self.0)
    }
}

impl Reader<'_> {
    /// A node that serves no clients has those alone that were asked for,
    /// which the checks refuse.
    pub(super) fn listeners(
        &mut self,
        roles: Option<Roles>,
        mqtt: Option<&MqttConfig>,
    ) -> Option<ListenersConfig> {
        let mut listeners = ListenersConfig::default();
        let mut is_whole = true;
        for id in self.listener_ids() {
            let keys = Keys(id.section());
            let is_wanted = self.merged.origins().has(&id.section());
            if roles == Some(Roles::Core) && !is_wanted {
                continue;
            }
            match self.required(&keys.key("enabled"), switch) {
                Some(true) => match self.listener(id, &keys, mqtt) {
                    Some(listener) => listeners.enabled.push(listener),
                    None => is_whole = false,
                },
                Some(false) => listeners.disabled.push(id),
                None => is_whole = false,
            }
        }
        is_whole.then_some(listeners)
    }

    fn listener_ids(&self) -> Vec<ListenerId> {
        let mut ids = Vec::new();
        for kind in ListenerKind::ALL {
            let names = self.merged.names(&format!("listeners.{}", kind.as_str()));
            let names = names.iter().filter_map(|name| ListenerName::new(name).ok());
            ids.extend(names.map(|name| ListenerId { kind, name }));
        }
        ids
    }

    fn listener(
        &mut self,
        id: ListenerId,
        keys: &Keys,
        mqtt: Option<&MqttConfig>,
    ) -> Option<ListenerConfig> {
        let any = NonZeroU32::MIN..=NonZeroU32::MAX;
        let rate = || unless_off(count(any.clone()));
        let bind = self.required(&keys.key("bind"), socket_address);
        let max_connections = self.required(&keys.key("max_connections"), count(any.clone()));
        let connect_rate = self.required(&keys.key("max_connect_rate"), rate());
        let timeout = self.required(&keys.key("first_packet_timeout"), duration);
        let bytes_rate = unless_off(size(1..=MAX_RATE));
        let bytes_rate = self.required(&keys.key("max_bytes_rate"), bytes_rate);
        let messages_rate = self.required(&keys.key("max_messages_rate"), rate());
        let carrier = self.carrier(id.kind, keys, mqtt);
        Some(ListenerConfig {
            id,
            bind: bind?,
            max_connections: max_connections?,
            max_connect_rate: connect_rate?,
            first_packet_timeout: timeout?,
            max_bytes_rate: bytes_rate?,
            max_messages_rate: messages_rate?,
            carrier: carrier?,
        })
    }

    fn carrier(
        &mut self,
        kind: ListenerKind,
        keys: &Keys,
        mqtt: Option<&MqttConfig>,
    ) -> Option<Carrier> {
        if kind == ListenerKind::Quic {
            let tls = self.listener_tls(keys, Some(TlsVersion::V1_3))?;
            return Some(Carrier::Quic { tls });
        }
        let proxy_protocol = self.required(&keys.key("proxy_protocol"), switch);
        let tls = kind.has_tls().then(|| self.listener_tls(keys, None));
        let websocket = kind.has_websocket().then(|| self.websocket(keys, mqtt));
        Some(Carrier::Stream {
            proxy_protocol: proxy_protocol?,
            tls: all_or_none(tls)?,
            websocket: all_or_none(websocket)?,
        })
    }

    fn websocket(&mut self, keys: &Keys, mqtt: Option<&MqttConfig>) -> Option<WebSocketConfig> {
        let path = self.required(&keys.key("path"), url_path);
        let size = size(1..=MAX_MESSAGE_SIZE);
        let max_message_size = self.optional(&keys.key("max_message_size"), size)?;
        let packet = mqtt?.max_packet_size;
        Some(WebSocketConfig {
            path: path?,
            max_message_size: max_message_size
                .unwrap_or(ByteSize::of(packet.bytes() + MESSAGE_HEAD_ROOM)),
        })
    }

    fn listener_tls(&mut self, keys: &Keys, only: Option<TlsVersion>) -> Option<ListenerTls> {
        let cert = self.certificate_file(keys, "cert");
        let key = self.certificate_file(keys, "key");
        let min_version = only.or_else(|| {
            let version = word(TlsVersion::ALL, TlsVersion::as_str);
            self.required(&keys.key("min_tls_version"), version)
        });
        let client_certificates = self.client_certificates(keys);
        Some(ListenerTls {
            cert: cert?,
            key: key?,
            min_version: min_version?,
            client_certificates: client_certificates?,
        })
    }

    fn certificate_file(&mut self, keys: &Keys, name: &str) -> Option<PathBuf> {
        let path = self.optional(&keys.key(name), file_path)?;
        if path.is_none() {
            let origin = self.merged.origins().of(&keys.0);
            let problem = Problem::new(format!("`{name}` is missing"))
                .about(&keys.0)
                .from(origin)
                .with_hint(format!("set {} to a PEM file", keys.key(name)));
            self.problems.push(problem);
        }
        path
    }

    /// Without a word on it, clients are asked if there is something to check
    /// their certificates with.
    fn client_certificates(&mut self, keys: &Keys) -> Option<ClientCertificates> {
        let ca = self.optional(&keys.key("client_ca"), file_path);
        let verify = self.optional(&keys.key("verify"), |text| {
            let known = ClientCertificates::WORDS.into_iter();
            let found = known.clone().find(|one| *one == text);
            found.ok_or_else(|| unknown_value(text, &ClientCertificates::WORDS))
        });
        match (ca?, verify?) {
            (Some(ca), None | Some("required")) => Some(ClientCertificates::Required { ca }),
            (Some(ca), Some("optional")) => Some(ClientCertificates::Optional { ca }),
            (_, Some("none")) | (None, None) => Some(ClientCertificates::NotAsked),
            (_, Some(verify)) => {
                let key = keys.key("verify");
                let problem = Problem::new(format!("`{verify}` needs client_ca as well"))
                    .about(&key)
                    .from(self.merged.origins().of(&key))
                    .with_hint(format!(
                        "set {} to the PEM file of who signs clients' certificates",
                        keys.key("client_ca")
                    ));
                self.problems.push(problem);
                None
            }
        }
    }
}

/// What was not asked for is not missing.
fn all_or_none<T>(asked: Option<Option<T>>) -> Option<Option<T>> {
    match asked {
        Some(found) => found.map(Some),
        None => Some(None),
    }
}

fn url_path(text: &str) -> Result<String, Problem> {
    let is_plain = |byte: u8| byte.is_ascii_graphic() && !matches!(byte, b'?' | b'#');
    if text.starts_with('/') && text.bytes().all(is_plain) {
        return Ok(text.to_owned());
    }
    Err(Problem::new(format!("`{text}` is no path of a URL"))
        .with_hint("write it like /mqtt, without `?` and `#`"))
}
