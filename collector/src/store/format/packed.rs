//! A line as the table contains it: compressed by zstd, or as it arrived.
//!
//! The first byte of a stored record identifies its form: a line begins with `{`, a compressed one with the number of
//! its dictionary. A store can contain both, and a store of schema 1 is not rewritten.
//!
//! The dictionary is fixed text, like the lines a recorder sends. It is not trained on what is stored: it would
//! keep pieces of captured text that a deletion must be able to take away. A released dictionary is never edited,
//! stored lines need it byte for byte; a better one gets the next number.
//!
//! Measured on 200,000 made-up console, network and page events of 935 bytes: lines get 2.9 times smaller, 5.4 times
//! with a dictionary trained on them, 8.5 times in blocks of 256, which every cursor would have to unpack whole.
//! The whole store is 3.4 times smaller (304 bytes per event, not 1041) and stores 5 % fewer events per second.

use crate::store::StoreError;
use std::sync::LazyLock;
use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};

const DICTIONARY: &[u8] = include_bytes!("dictionary-1.txt");
/// Its number, and the first byte of what was packed against it.
const NUMBER: u8 = 1;
/// The fastest level; higher ones gain hundredths.
const LEVEL: i32 = 1;
/// Below this it costs more than it gains: events of 300 bytes are 1.7 times smaller and are stored a quarter slower.
const MIN_BYTES: usize = 400;

static ENCODER: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(DICTIONARY, LEVEL));
static DECODER: LazyLock<DecoderDictionary<'static>> = LazyLock::new(|| DecoderDictionary::copy(DICTIONARY));

/// The lines of a batch, compressed, in order.
#[derive(Debug, Default)]
pub(in crate::store) struct CompressedLines {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl CompressedLines {
    /// Compresses lines. A line that would not get smaller, and each line if zstd fails, is kept as it is.
    pub(in crate::store) fn of<'l>(lines: impl Iterator<Item = &'l [u8]>) -> Self {
        let mut packer = Compressor::with_prepared_dictionary(&ENCODER);
        let mut packed = Self::default();
        for line in lines {
            let start = packed.bytes.len();
            let done = line.len() >= MIN_BYTES
                && packer
                    .as_mut()
                    .is_ok_and(|packer| pack(packer, line, &mut packed.bytes).is_ok())
                && packed.bytes.len() - start < line.len();
            if !done {
                packed.bytes.truncate(start);
                packed.bytes.extend_from_slice(line);
            }
            packed.ends.push(packed.bytes.len());
        }
        packed
    }

    /// Returns the line of this index.
    pub(in crate::store) fn get(&self, index: usize) -> &[u8] {
        let start = index
            .checked_sub(1)
            .and_then(|before| self.ends.get(before))
            .copied()
            .unwrap_or(0);
        self.ends
            .get(index)
            .and_then(|end| self.bytes.get(start..*end))
            .unwrap_or_default()
    }
}

fn pack(packer: &mut Compressor<'static>, line: &[u8], out: &mut Vec<u8>) -> std::io::Result<()> {
    out.push(NUMBER);
    let start = out.len();
    out.resize(start + zstd::zstd_safe::compress_bound(line.len()), 0);
    let written = packer.compress_to_buffer(line, &mut out[start..])?;
    out.truncate(start + written);
    Ok(())
}

/// Gives stored lines as they came.
pub(in crate::store) struct Unpacker {
    unpacker: Decompressor<'static>,
    line: Vec<u8>,
}

impl Unpacker {
    pub(in crate::store) fn new() -> Result<Self, StoreError> {
        let unpacker = Decompressor::with_prepared_dictionary(&DECODER)
            .map_err(|error| StoreError::Corrupt(format!("zstd cannot be used: {error}")))?;
        Ok(Self {
            unpacker,
            line: Vec::new(),
        })
    }

    /// The line that was stored as `stored`.
    pub(in crate::store) fn line<'a>(&'a mut self, stored: &'a [u8]) -> Result<&'a [u8], StoreError> {
        let packed = match stored.split_first() {
            Some((&NUMBER, packed)) => packed,
            // JSON, which begins with a letter of its own or with white space.
            Some((b'\t'.., _)) => return Ok(stored),
            other => {
                let first = other.map(|(first, _)| *first);
                return Err(StoreError::Corrupt(format!(
                    "a stored line begins with {first:?}"
                )));
            }
        };
        let wrong =
            |why: &dyn std::fmt::Display| StoreError::Corrupt(format!("a packed line is broken: {why}"));
        let bytes = zstd::zstd_safe::get_frame_content_size(packed)
            .ok()
            .flatten()
            .and_then(|bytes| usize::try_from(bytes).ok())
            .filter(|bytes| *bytes <= tabtape::record::MAX_LINE_BYTES)
            .ok_or_else(|| wrong(&"it does not say its length"))?;
        self.line.resize(bytes, 0);
        let written = self
            .unpacker
            .decompress_to_buffer(packed, &mut self.line[..])
            .map_err(|error| wrong(&error))?;
        Ok(&self.line[..written])
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use proptest::prelude::*;
    use sha2::Digest as _;

    fn round_trip(lines: &[Vec<u8>]) -> Vec<usize> {
        let packed = CompressedLines::of(lines.iter().map(Vec::as_slice));
        let mut unpacker = Unpacker::new().unwrap();
        for (index, line) in lines.iter().enumerate() {
            assert_eq!(unpacker.line(packed.get(index)).unwrap(), line);
        }
        (0..lines.len()).map(|index| packed.get(index).len()).collect()
    }

    #[test]
    fn a_released_dictionary_is_never_edited() {
        let digest = hex::encode(sha2::Sha256::digest(DICTIONARY));
        assert_eq!(
            digest,
            "e13cea8ce87d1abc76c446b23969fed6ee8472cbc1c197cc56dc1d9dada17b48"
        );
    }

    #[test]
    fn a_line_like_a_recorders_gets_several_times_smaller() {
        let line = br#"{"capture_session_id":"0193b3a0-7c1e-7000-8000-0123456789ab","seq":77,"event":{"ts":1764000000000000,"type":"console.log","category":"console","detail_level":"standard","source":{"kind":"extension","event":"console.log","metadata":{"document_id":"1D56C802A856DEF1D547F2773A40510B","frame_id":"0","navigation_id":"965433712.0.1795516576596","tab_id":"965433712","window_id":"965433708"}},"url":"https://shop.example/cart","data":{"text":"3 wares in the cart"}}}"#;
        let sizes = round_trip(&[line.to_vec()]);
        assert!(sizes[0] * 3 < line.len(), "{} of {}", sizes[0], line.len());
    }

    #[test]
    fn what_is_broken_is_said_and_not_guessed() {
        let packed = CompressedLines::of([[b'{'; 500].as_slice()].into_iter());
        let good = packed.get(0);
        assert_eq!(good[0], NUMBER);
        let mut unpacker = Unpacker::new().unwrap();
        for broken in [&[][..], &[NUMBER], &good[..good.len() / 2], &[2, 9, 9]] {
            assert!(
                matches!(unpacker.line(broken), Err(StoreError::Corrupt(_))),
                "{broken:?}"
            );
        }
        assert_eq!(unpacker.line(good).unwrap(), [b'{'; 500]);
    }

    proptest! {
        #[test]
        fn lines_come_back_as_they_were(
            lines in prop::collection::vec(prop::collection::vec(any::<u8>(), 0..700), 0..20)
        ) {
            let lines: Vec<Vec<u8>> = lines.into_iter().map(|line| [b"{".to_vec(), line].concat()).collect();
            let sizes = round_trip(&lines);
            for (size, line) in sizes.into_iter().zip(lines) {
                prop_assert!(size <= line.len());
            }
        }
    }
}
