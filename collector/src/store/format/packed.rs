//! A line as the table contains it: compressed by zstd, or as it arrived.
//!
//! The first byte of a stored record identifies its form: a line begins with `{`, a compressed one with the number of
//! its dictionary. A store can contain lines of every form, because an older store is not rewritten.
//!
//! Both dictionaries have the same text, lines like those a recorder sends. The text is not taken from stored lines,
//! because a deletion must be able to remove captured text. The second dictionary begins with statistics, so that
//! zstd need not compute and store them for each line. `ZDICT_finalizeDictionary` made them once, at level 1, from 800
//! made-up lines: those of the text, with other ids, times and addresses, and with random words of the docs in their
//! messages. A released dictionary is never edited, because stored lines need it byte for byte. A better one gets the
//! next number.
//!
//! Measured on 2 cores, with the first dictionary and with the second: a recorder's lines of 500 bytes take 195 and 173
//! bytes, 4.8 and 1.7 µs to compress, 1.9 and 0.6 µs to decompress. 935 bytes of random words take 376 and 396.

use crate::store::StoreError;
use std::sync::LazyLock;
use zstd::bulk::{Compressor, Decompressor};
use zstd::dict::{DecoderDictionary, EncoderDictionary};
use zstd::zstd_safe::CParameter;

const TEXT: &[u8] = include_bytes!("dictionary-1.txt");
/// The statistics, which precede the text in the second dictionary.
const STATISTICS: &[u8] = include_bytes!("dictionary-2-statistics.bin");
/// The first byte of lines of the first dictionary.
const FIRST: u8 = 1;
/// The number of the dictionary that lines are compressed against, and the first byte of each such line.
const NUMBER: u8 = 2;
/// The fastest level; higher ones gain hundredths.
const LEVEL: i32 = 1;
/// Compressing shorter lines costs more than it gains: events of 300 bytes would take half the room, but be stored a
/// sixth slower.
const MIN_BYTES: usize = 400;

static ENCODER: LazyLock<EncoderDictionary<'static>> =
    LazyLock::new(|| EncoderDictionary::copy(&dictionary_2(), LEVEL));
/// It reads lines of the first dictionary too: the text is the same, and those lines contain their own statistics.
static DECODER: LazyLock<DecoderDictionary<'static>> =
    LazyLock::new(|| DecoderDictionary::copy(&dictionary_2()));

fn dictionary_2() -> Vec<u8> {
    [STATISTICS, TEXT].concat()
}

/// The lines of a batch, compressed, in order.
#[derive(Debug, Default)]
pub(in crate::store) struct CompressedLines {
    bytes: Vec<u8>,
    ends: Vec<usize>,
}

impl CompressedLines {
    /// Compresses lines. A line that would not get smaller, and each line if zstd fails, is kept as it is.
    pub(in crate::store) fn of<'l>(lines: impl Iterator<Item = &'l [u8]>) -> Self {
        let mut packer = compressor();
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

fn compressor() -> std::io::Result<Compressor<'static>> {
    let mut compressor = Compressor::with_prepared_dictionary(&ENCODER)?;
    // The first byte of a stored line already contains the dictionary's number.
    compressor.set_parameter(CParameter::DictIdFlag(false))?;
    Ok(compressor)
}

fn pack(packer: &mut Compressor<'static>, line: &[u8], out: &mut Vec<u8>) -> std::io::Result<()> {
    out.push(NUMBER);
    let start = out.len();
    out.resize(start + zstd::zstd_safe::compress_bound(line.len()), 0);
    let written = packer.compress_to_buffer(line, &mut out[start..])?;
    out.truncate(start + written);
    Ok(())
}

/// Restores stored lines.
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

    /// Returns the line that `stored` contains.
    pub(in crate::store) fn line<'a>(&'a mut self, stored: &'a [u8]) -> Result<&'a [u8], StoreError> {
        let packed = match stored.split_first() {
            Some((&FIRST | &NUMBER, packed)) => packed,
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
        let digest = |dictionary: &[u8]| hex::encode(sha2::Sha256::digest(dictionary));
        assert_eq!(
            digest(TEXT),
            "e13cea8ce87d1abc76c446b23969fed6ee8472cbc1c197cc56dc1d9dada17b48"
        );
        assert_eq!(
            digest(&dictionary_2()),
            "72f6971415e0e82b843441d9d6a18ad4ce893489849906a982f0efc54d05dcc2"
        );
    }

    #[test]
    fn a_line_like_a_recorders_gets_several_times_smaller() {
        let line = br#"{"capture_session_id":"0193b3a0-7c1e-7000-8000-0123456789ab","seq":77,"event":{"ts":1764000000000000,"type":"console.log","category":"console","detail_level":"standard","source":{"kind":"extension","event":"console.log","metadata":{"document_id":"1D56C802A856DEF1D547F2773A40510B","frame_id":"0","navigation_id":"965433712.0.1795516576596","tab_id":"965433712","window_id":"965433708"}},"url":"https://shop.example/cart","data":{"text":"3 wares in the cart"}}}"#;
        let sizes = round_trip(&[line.to_vec()]);
        assert!(sizes[0] * 7 < line.len() * 2, "{} of {}", sizes[0], line.len());
    }

    #[test]
    fn a_line_packed_against_the_first_dictionary_can_be_read() {
        let line = br#"{"capture_session_id":"0193b3a0-7c1e-7000-8000-0123456789ab","seq":77,"event":"#;
        // A line that repeats the dictionary's text, one that does not, and one of several blocks.
        let random: Vec<u8> = (0..500_u32).flat_map(|n| (n * n).to_be_bytes()).collect();
        for rest in [&TEXT[..700], &random, &TEXT.repeat(12)] {
            let line = [line, rest].concat();
            let mut packer = Compressor::with_dictionary(LEVEL, TEXT).unwrap();
            let stored = [vec![FIRST], packer.compress(&line).unwrap()].concat();
            assert_eq!(Unpacker::new().unwrap().line(&stored).unwrap(), line);
        }
    }

    #[test]
    fn a_broken_line_is_reported_as_corrupt() {
        let packed = CompressedLines::of([[b'{'; 500].as_slice()].into_iter());
        let good = packed.get(0);
        assert_eq!(good[0], NUMBER);
        let mut unpacker = Unpacker::new().unwrap();
        let unknown = [&[NUMBER + 1], &good[1..]].concat();
        let half = &good[..good.len() / 2];
        for broken in [&[][..], &[NUMBER], half, &[FIRST, 9, 9], &unknown] {
            assert!(
                matches!(unpacker.line(broken), Err(StoreError::Corrupt(_))),
                "{broken:?}"
            );
        }
        assert_eq!(unpacker.line(good).unwrap(), [b'{'; 500]);
    }

    /// Lines that zstd can compress, as most are, and lines that it cannot.
    fn lines() -> impl Strategy<Value = Vec<Vec<u8>>> {
        let text = (0..TEXT.len(), 0..2_000_usize).prop_map(|(start, length)| {
            let end = TEXT.len().min(start + length);
            TEXT[start..end].to_vec()
        });
        let part = prop_oneof![text, prop::collection::vec(any::<u8>(), 0..700)];
        let line =
            prop::collection::vec(part, 0..4).prop_map(|parts| [b"{".to_vec(), parts.concat()].concat());
        prop::collection::vec(line, 0..20)
    }

    proptest! {
        #[test]
        fn lines_come_back_as_they_were(lines in lines()) {
            let sizes = round_trip(&lines);
            for (size, line) in sizes.into_iter().zip(lines) {
                prop_assert!(size <= line.len());
            }
        }
    }

    #[test]
    fn the_longest_line_comes_back_as_it_was() {
        let mut line = TEXT.repeat(tabtape::record::MAX_LINE_BYTES / TEXT.len() + 1);
        line.truncate(tabtape::record::MAX_LINE_BYTES);
        round_trip(&[line]);
    }
}
