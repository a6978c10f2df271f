//! Strings in a row, each with a fixed number of bytes behind it.

use super::error::Malformed;
use super::reader::Reader;

/// Iterates over what [`check`] has passed; stops at anything else.
#[derive(Clone, Debug)]
pub struct TextsIn<'a> {
    reader: Reader<'a>,
    bytes_behind: usize,
}

impl<'a> TextsIn<'a> {
    pub(crate) fn new(bytes: &'a [u8], bytes_behind: usize) -> Self {
        Self {
            reader: Reader::new(bytes),
            bytes_behind,
        }
    }

    fn read(&mut self) -> Result<(&'a str, &'a [u8]), Malformed> {
        Ok((self.reader.text()?, self.reader.take(self.bytes_behind)?))
    }
}

impl<'a> Iterator for TextsIn<'a> {
    type Item = (&'a str, &'a [u8]);

    fn next(&mut self) -> Option<Self::Item> {
        self.read().ok()
    }
}

/// Walks over all of `bytes` and shows what stands behind each string.
pub(super) fn check<E: From<Malformed>>(
    bytes: &[u8],
    bytes_behind: usize,
    mut see: impl FnMut(&str, &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    let mut texts = TextsIn::new(bytes, bytes_behind);
    while !texts.reader.is_empty() {
        let (text, behind) = texts.read()?;
        see(text, behind)?;
    }
    Ok(())
}
