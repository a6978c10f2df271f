//! What stands once before a stream: the header of a proxy, the request of a WebSocket.

/// Keeps the beginning of a head whose rest has not come.
#[derive(Debug, Default)]
pub(super) struct Head {
    held: Vec<u8>,
}

impl Head {
    /// Gives `parse` all bytes so far. It finds nothing, for as long as the head is not
    /// complete, or something and the length of the head; returned with it is how many
    /// of the fresh bytes belong to the head.
    pub(super) fn take<T, E>(
        &mut self,
        fresh: &[u8],
        parse: impl FnOnce(&[u8]) -> Result<Option<(T, usize)>, E>,
    ) -> Result<Option<(T, usize)>, E> {
        // It almost always comes in one piece.
        if self.held.is_empty() {
            let found = parse(fresh)?;
            if found.is_none() {
                self.held = fresh.to_vec();
            }
            return Ok(found);
        }
        let before = self.held.len();
        self.held.extend_from_slice(fresh);
        let Some((found, length)) = parse(&self.held)? else {
            return Ok(None);
        };
        assert!(
            length > before,
            "a head of {length} was whole within {before}"
        );
        self.held = Vec::new();
        Ok(Some((found, length - before)))
    }

    pub(super) fn held_bytes(&self) -> usize {
        self.held.len()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A head is what comes before the first `!`.
    fn parse(bytes: &[u8]) -> Result<Option<(Vec<u8>, usize)>, ()> {
        match bytes.iter().position(|byte| matches!(byte, b'!' | b'?')) {
            Some(at) if bytes[at] == b'?' => Err(()),
            Some(at) => Ok(Some((bytes[..at].to_vec(), at + 1))),
            None => Ok(None),
        }
    }

    #[test]
    fn a_head_is_whole_however_it_is_cut() {
        let text = b"head!rest";
        for cut in 0..5 {
            let mut head = Head::default();
            assert_eq!(head.take(&text[..cut], parse), Ok(None));
            let found = head.take(&text[cut..], parse).unwrap().unwrap();
            assert_eq!(found, (b"head".to_vec(), 5 - cut));
            assert_eq!(head.held_bytes(), 0);
        }
        let found = Head::default().take(text, parse).unwrap().unwrap();
        assert_eq!(found, (b"head".to_vec(), 5));
        assert_eq!(Head::default().take(b"he?", parse), Err(()));
    }
}
