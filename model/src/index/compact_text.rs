//! A string that is stored in place when it is short.

/// As long as it can be without making the enum larger than its pointer needs.
const INLINE_BYTES: usize = 22;

/// The levels of a topic are mostly short: in place they cost neither an
/// allocation nor a second cache line when they are compared.
pub(super) enum CompactText {
    Inline { len: u8, bytes: [u8; INLINE_BYTES] },
    Boxed(Box<str>),
}

impl CompactText {
    pub(super) const EMPTY: Self = Self::Inline {
        len: 0,
        bytes: [0; INLINE_BYTES],
    };

    pub(super) fn new(text: &str) -> Self {
        if text.len() > INLINE_BYTES {
            return Self::Boxed(text.into());
        }
        let mut bytes = [0; INLINE_BYTES];
        bytes[..text.len()].copy_from_slice(text.as_bytes());
        Self::Inline {
            len: text.len() as u8,
            bytes,
        }
    }

    pub(super) fn as_bytes(&self) -> &[u8] {
        match self {
            Self::Inline { len, bytes } => &bytes[..usize::from(*len)],
            Self::Boxed(text) => text.as_bytes(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keeps_every_length() {
        assert_eq!(size_of::<CompactText>(), 24);
        for length in 0..60 {
            let text = "é".repeat(length / 2) + if length % 2 == 0 { "" } else { "x" };
            let compact = CompactText::new(&text);
            assert_eq!(compact.as_bytes(), text.as_bytes());
            let inline = matches!(compact, CompactText::Inline { .. });
            assert_eq!(inline, length <= INLINE_BYTES);
        }
        assert!(CompactText::EMPTY.as_bytes().is_empty());
    }
}
