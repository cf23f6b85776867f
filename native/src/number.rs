//! Numbers of JSON.

use crate::text::byte;

/// A number: where it ends, and what it is made of.
pub struct Number {
    /// The place behind it.
    pub end: usize,
    /// Digits in front of the point.
    pub digits: usize,
    /// Whether it has neither a fraction nor an exponent.
    pub whole: bool,
}

/// Reads a number that begins at `at`. None means that it is none, or one that a double may not hold.
#[inline]
pub fn number(data: &[u8], at: usize) -> Option<Number> {
    let first = at + usize::from(byte(data, at) == b'-');
    let mut end = digits(data, first);
    let count = end - first;
    if count == 0 || count > 300 || (count > 1 && data[first] == b'0') {
        return None;
    }
    let mut whole = true;
    if byte(data, end) == b'.' {
        let from = end + 1;
        end = digits(data, from);
        if end == from {
            return None;
        }
        whole = false;
    }
    if matches!(byte(data, end), b'e' | b'E') {
        let from = end + 1 + usize::from(matches!(byte(data, end + 1), b'+' | b'-'));
        end = digits(data, from);
        // an exponent of two digits, and not many digits before it: far from infinity
        if end == from || end - from > 2 || count > 100 {
            return None;
        }
        whole = false;
    }
    Some(Number {
        end,
        digits: count,
        whole,
    })
}

fn digits(data: &[u8], mut at: usize) -> usize {
    while byte(data, at).is_ascii_digit() {
        at += 1;
    }
    at
}
