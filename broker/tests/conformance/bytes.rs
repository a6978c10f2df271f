//! Packets by hand, right and wrong ones. Nothing here knows the codec under test.

use quorate_mqtt::version::Version;

pub(crate) fn join(parts: &[&[u8]]) -> Vec<u8> {
    parts.concat()
}

/// Two bytes of length, and the bytes themselves: any string, valid or not.
pub(crate) fn counted(bytes: impl AsRef<[u8]>) -> Vec<u8> {
    let bytes = bytes.as_ref();
    let length = u16::try_from(bytes.len()).unwrap();
    join(&[&length.to_be_bytes(), bytes])
}

pub(crate) fn variable_integer(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    loop {
        let byte = (number % 128) as u8;
        number /= 128;
        if number == 0 {
            bytes.push(byte);
            return bytes;
        }
        bytes.push(byte | 0x80);
    }
}

pub(crate) fn packet(first: u8, body: &[u8]) -> Vec<u8> {
    join(&[&[first], &variable_integer(body.len()), body])
}

/// A block of properties with its length; nothing at all in version 3.
pub(crate) fn properties(version: Version, block: &[u8]) -> Vec<u8> {
    match version.is_5() {
        true => join(&[&variable_integer(block.len()), block]),
        false => Vec::new(),
    }
}

/// A CONNECT, field by field.
#[derive(Clone)]
pub(crate) struct ConnectBytes {
    pub(crate) version: Version,
    pub(crate) first: u8,
    pub(crate) name: Vec<u8>,
    pub(crate) level: u8,
    pub(crate) flags: u8,
    pub(crate) keep_alive_s: u16,
    pub(crate) properties: Vec<u8>,
    pub(crate) payload: Vec<u8>,
}

impl ConnectBytes {
    /// Of a client that wants nothing special and begins anew.
    pub(crate) fn new(version: Version, client_id: &str) -> Self {
        Self {
            version,
            first: 0x10,
            name: counted(version.protocol_name()),
            level: version.level(),
            flags: 0b0000_0010,
            keep_alive_s: 0,
            properties: Vec::new(),
            payload: counted(client_id),
        }
    }

    pub(crate) fn flags(mut self, flags: u8) -> Self {
        self.flags = flags;
        self
    }

    /// Adds to the payload.
    pub(crate) fn field(mut self, field: &[u8]) -> Self {
        self.payload.extend_from_slice(field);
        self
    }

    /// The empty properties of a will, in the version that has them.
    pub(crate) fn will_properties(self, block: &[u8]) -> Self {
        let properties = properties(self.version, block);
        self.field(&properties)
    }

    pub(crate) fn property(mut self, property: &[u8]) -> Self {
        self.properties.extend_from_slice(property);
        self
    }

    pub(crate) fn bytes(&self) -> Vec<u8> {
        let body = join(&[
            &self.name,
            &[self.level, self.flags],
            &self.keep_alive_s.to_be_bytes(),
            &properties(self.version, &self.properties),
            &self.payload,
        ]);
        packet(self.first, &body)
    }
}

/// A PUBLISH with the flags of its first byte; the id is written if there is one.
pub(crate) fn publish(
    version: Version,
    flags: u8,
    topic: impl AsRef<[u8]>,
    packet_id: Option<u16>,
    block: &[u8],
    payload: &[u8],
) -> Vec<u8> {
    let id = packet_id.map(u16::to_be_bytes);
    let id = id.as_ref().map_or(&[][..], |id| id);
    let properties = properties(version, block);
    let body = join(&[&counted(topic), id, &properties, payload]);
    packet(0x30 | flags, &body)
}

/// A SUBSCRIBE of these filters, each with the byte of its options.
pub(crate) fn subscribe(
    version: Version,
    packet_id: u16,
    block: &[u8],
    filters: &[(&[u8], u8)],
) -> Vec<u8> {
    let mut body = join(&[&packet_id.to_be_bytes(), &properties(version, block)]);
    for (filter, options) in filters {
        body.extend(counted(filter));
        body.push(*options);
    }
    packet(0x82, &body)
}

pub(crate) fn unsubscribe(version: Version, packet_id: u16, filters: &[&[u8]]) -> Vec<u8> {
    let mut body = join(&[&packet_id.to_be_bytes(), &properties(version, &[])]);
    for filter in filters {
        body.extend(counted(filter));
    }
    packet(0xa2, &body)
}

/// A PUBACK, PUBREC, PUBREL or PUBCOMP in its shortest form.
pub(crate) fn acknowledgement(first: u8, packet_id: u16) -> Vec<u8> {
    packet(first, &packet_id.to_be_bytes())
}

/// One with a reason code, as version 5 has it.
pub(crate) fn refusal(first: u8, packet_id: u16, reason: u8) -> Vec<u8> {
    let [high, low] = packet_id.to_be_bytes();
    packet(first, &[high, low, reason])
}

/// The property 0x26.
pub(crate) fn user_property(key: impl AsRef<[u8]>, value: impl AsRef<[u8]>) -> Vec<u8> {
    join(&[&[0x26], &counted(key), &counted(value)])
}

/// A property whose value is a string or binary data.
pub(crate) fn text_property(id: u8, value: impl AsRef<[u8]>) -> Vec<u8> {
    join(&[&[id], &counted(value)])
}

pub(crate) const PUBACK: u8 = 0x40;
pub(crate) const PUBREC: u8 = 0x50;
pub(crate) const PUBREL: u8 = 0x62;
pub(crate) const PUBCOMP: u8 = 0x70;
pub(crate) const PINGREQ: [u8; 2] = [0xc0, 0];
pub(crate) const PINGRESP: [u8; 2] = [0xd0, 0];

/// Byte strings that are no MQTT strings: cut off, overlong, surrogates, beyond
/// Unicode.
pub(crate) const NO_TEXTS: [&[u8]; 6] = [
    b"a\xc3",
    b"\xff",
    b"\xc0\xaf",
    b"\xed\xa0\x80",
    b"\xed\xbf\xbf/b",
    b"\xf4\x90\x80\x80",
];
