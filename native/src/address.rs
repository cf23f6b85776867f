//! IP addresses, as `inet_pton` takes them: no zones, no leading zeros.

use std::net::Ipv6Addr;

use crate::text::byte;

const LONGEST: usize = 45;

/// An address whose first byte behind the opening quote is at `at`: the place of its closing quote.
#[inline]
pub fn address(data: &[u8], at: usize) -> Option<usize> {
    four(data, at).or_else(|| six(data, at))
}

fn four(data: &[u8], mut at: usize) -> Option<usize> {
    for part in 0..4 {
        let start = at;
        let mut value = 0u32;
        while byte(data, at).is_ascii_digit() && at - start < 3 {
            value = value * 10 + u32::from(data[at] - b'0');
            at += 1;
        }
        let count = at - start;
        if count == 0 || value > 255 || (count > 1 && data[start] == b'0') {
            return None;
        }
        if byte(data, at) != if part < 3 { b'.' } else { b'"' } {
            return None;
        }
        at += 1;
    }
    Some(at - 1)
}

fn six(data: &[u8], at: usize) -> Option<usize> {
    let end = (at..=at + LONGEST).find(|&place| byte(data, place) == b'"')?;
    let text = std::str::from_utf8(data.get(at..end)?).ok()?;
    text.parse::<Ipv6Addr>().is_ok().then_some(end)
}
