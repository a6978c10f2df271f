//! Packets out of the bytes of one stream.

use quorate_mqtt::codec::DecodeError;
use quorate_mqtt::codec::frame::{Frame, Split, split};

/// Why nothing behind a place is looked at.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum Stop<E> {
    /// There is no packet that the node takes.
    Malformed(DecodeError),
    /// There is one that may not be there.
    Refused(E),
}

/// Goes through the packets that are whole. Returns how many bytes those took that were
/// not refused, and what stood in the way of going on, if it is not that the rest has to
/// come.
pub(super) fn cut<'a, E>(
    bytes: &'a [u8],
    limit: usize,
    mut each: impl FnMut(Frame<'a>, &'a [u8]) -> Result<(), E>,
) -> (usize, Option<Stop<E>>) {
    let mut at = 0;
    while at < bytes.len() {
        match split(&bytes[at..], limit) {
            Ok(Split::Whole {
                frame,
                bytes: length,
            }) => {
                if let Err(refused) = each(frame, &bytes[at..at + length]) {
                    return (at, Some(Stop::Refused(refused)));
                }
                at += length;
            }
            Ok(Split::Partial { .. }) => break,
            Err(error) => return (at, Some(Stop::Malformed(error))),
        }
    }
    (at, None)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn goes_as_far_as_it_can() {
        let two_and_a_half = [0xc0, 0, 0x40, 2, 0, 7, 0x40, 2, 0];
        let mut seen = Vec::new();
        let mut look = |frame: Frame<'_>, whole: &[u8]| {
            seen.push((frame.first, whole.len()));
            if frame.body == [9, 9] {
                Err(())
            } else {
                Ok(())
            }
        };
        assert_eq!(cut(&two_and_a_half, 100, &mut look), (6, None));
        let third_is_refused = [0xc0, 0, 0x40, 2, 0, 7, 0x40, 2, 9, 9, 0xc0, 0];
        let stop = Some(Stop::Refused(()));
        assert_eq!(cut(&third_is_refused, 100, &mut look), (6, stop));
        let (at, stop) = cut(&[0xc0, 0, 0x30, 0x80, 1], 100, &mut look);
        assert_eq!(at, 2);
        assert!(matches!(
            stop,
            Some(Stop::Malformed(DecodeError::TooLarge { .. }))
        ));
        assert_eq!(
            seen,
            [
                (0xc0, 2),
                (0x40, 4),
                (0xc0, 2),
                (0x40, 4),
                (0x40, 4),
                (0xc0, 2)
            ]
        );
    }
}
