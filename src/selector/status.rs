//! `status:`: single codes, classes, ranges and comparisons, all kept as inclusive ranges.

use std::fmt;

/// The codes a record can carry ([`crate::record::Header::status`]).
const FIRST: u16 = 100;
const LAST: u16 = 599;

/// HTTP status codes from `first` to `last`, inclusive.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct StatusRange {
    /// The least.
    pub first: u16,
    /// The greatest.
    pub last: u16,
}

impl StatusRange {
    /// Reads `404`, `4xx`, `400..599`, `400..`, `..399`, `>=400`, `>399`, `<=299`, `<300`.
    pub fn parse(text: &str) -> Option<Self> {
        let code = |digits: &str| match digits.len() {
            3 if digits.bytes().all(|b| b.is_ascii_digit()) => {
                digits.parse().ok().filter(|code| (FIRST..=LAST).contains(code))
            }
            _ => None,
        };
        let (first, last) = if let Some((from, to)) = text.split_once("..") {
            match (from, to) {
                ("", "") => return None,
                ("", to) => (FIRST, code(to)?),
                (from, "") => (code(from)?, LAST),
                (from, to) => (code(from)?, code(to)?),
            }
        } else if let Some(from) = text.strip_prefix(">=") {
            (code(from)?, LAST)
        } else if let Some(to) = text.strip_prefix("<=") {
            (FIRST, code(to)?)
        } else if let Some(from) = text.strip_prefix('>') {
            (code(from)? + 1, LAST)
        } else if let Some(to) = text.strip_prefix('<') {
            (FIRST, code(to)? - 1)
        } else if let Some(class) = text.strip_suffix("xx").or_else(|| text.strip_suffix("XX")) {
            let first = code(&format!("{class}00"))?;
            (first, first + 99)
        } else {
            let code = code(text)?;
            (code, code)
        };
        (first <= last).then_some(Self { first, last })
    }

    /// Whether `status` lies in it.
    pub const fn contains(self, status: u16) -> bool {
        self.first <= status && status <= self.last
    }

    /// The same codes in the fewest ranges, in order.
    pub(crate) fn merge(mut ranges: Vec<Self>) -> Vec<Self> {
        super::canonical::sort(&mut ranges);
        let mut merged: Vec<Self> = Vec::with_capacity(ranges.len());
        for range in ranges {
            match merged.last_mut() {
                Some(previous) if range.first <= previous.last + 1 => {
                    previous.last = previous.last.max(range.last);
                }
                _ => merged.push(range),
            }
        }
        merged
    }
}

impl fmt::Display for StatusRange {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.first == self.last {
            write!(f, "{}", self.first)
        } else {
            write!(f, "{}..{}", self.first, self.last)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::StatusRange;
    #[cfg(target_arch = "wasm32")]
    use wasm_bindgen_test::wasm_bindgen_test as test;

    #[test]
    fn every_way_to_write_a_range_is_read() {
        for (text, first, last) in [
            ("404", 404, 404),
            ("4xx", 400, 499),
            ("5XX", 500, 599),
            ("400..599", 400, 599),
            ("400..", 400, 599),
            ("..399", 100, 399),
            (">=400", 400, 599),
            (">399", 400, 599),
            ("<300", 100, 299),
            ("<=299", 100, 299),
        ] {
            assert_eq!(
                StatusRange::parse(text),
                Some(StatusRange { first, last }),
                "{text}"
            );
        }
        for text in [
            "", "..", "99", "600", "0404", "4x", "6xx", "xx", "500..400", ">599", "<100", "4O4", "+40",
        ] {
            assert_eq!(StatusRange::parse(text), None, "{text}");
        }
    }

    #[test]
    fn ranges_that_touch_become_one() {
        let ranges = ["404", "405", "200..204", "203..299"].map(|text| StatusRange::parse(text).unwrap());
        let merged = StatusRange::merge(ranges.to_vec());
        assert_eq!(
            merged.iter().map(ToString::to_string).collect::<Vec<_>>(),
            ["200..299", "404..405"]
        );
    }
}
