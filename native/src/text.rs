//! Strings of JSON, judged where they stand: nothing is copied.

/// A string that nothing is wrong with.
#[derive(Clone, Copy)]
pub struct Text {
    /// Where its closing quote stands.
    pub end: usize,
    /// Whether it has escapes.
    pub escaped: bool,
    /// Whether all of its bytes are ASCII.
    pub ascii: bool,
}

/// The byte at a place; behind the end it is NUL, which is never right.
#[inline(always)]
pub fn byte(data: &[u8], at: usize) -> u8 {
    match data.get(at) {
        Some(&found) => found,
        None => 0,
    }
}

/// The first place from `at` that is no white space of JSON but the line feed.
#[inline(always)]
pub fn skip(data: &[u8], mut at: usize) -> usize {
    while matches!(byte(data, at), b' ' | b'\t' | b'\r') {
        at += 1;
    }
    at
}

/// Whether 16 bytes are printable ASCII without quote and backslash.
#[inline(always)]
fn plain(chunk: &[u8; 16]) -> bool {
    let mut bad = 0u8;
    for &sign in chunk {
        bad |= u8::from(sign.wrapping_sub(0x20) > 0x5e)
            | u8::from(sign == b'"')
            | u8::from(sign == b'\\');
    }
    bad == 0
}

/// Reads a string whose first byte behind the opening quote is at `at`.
///
/// None means that it is no string of JSON in UTF-8, or has a control character other than tab and
/// line ends, however that is written, or half of a surrogate pair.
#[inline]
pub fn string(data: &[u8], at: usize) -> Option<Text> {
    let mut text = Text {
        end: at,
        escaped: false,
        ascii: true,
    };
    loop {
        while let Some(chunk) = data.get(text.end..text.end + 16) {
            match <&[u8; 16]>::try_from(chunk) {
                Ok(chunk) if plain(chunk) => text.end += 16,
                _ => break,
            }
        }
        // at most 16 bytes one by one, then perhaps many at once again
        for _ in 0..16 {
            match byte(data, text.end) {
                b'"' => {
                    let sound = text.ascii || is_sound(&data[at..text.end]);
                    return sound.then_some(text);
                }
                b'\\' => {
                    text.end = escape(data, text.end)?;
                    text.escaped = true;
                }
                0x20..=0x7e => text.end += 1,
                0x80..=0xff => {
                    text.end += 1;
                    text.ascii = false;
                }
                _ => return None,
            }
        }
    }
}

/// Whether bytes are UTF-8 without control characters of the block C1.
#[cold]
#[inline(never)]
fn is_sound(text: &[u8]) -> bool {
    std::str::from_utf8(text).is_ok()
        && !text
            .windows(2)
            .any(|pair| pair[0] == 0xc2 && pair[1] < 0xa0)
}

/// The place behind an escape that begins at `at`.
fn escape(data: &[u8], at: usize) -> Option<usize> {
    match byte(data, at + 1) {
        b'"' | b'\\' | b'/' | b'n' | b'r' | b't' => Some(at + 2),
        b'u' => match unit(data, at + 2)? {
            0x09 | 0x0a | 0x0d | 0x20..=0x7e | 0xa0..=0xd7ff | 0xe000..=0xffff => Some(at + 6),
            0xd800..=0xdbff => {
                let paired = byte(data, at + 6) == b'\\'
                    && byte(data, at + 7) == b'u'
                    && (0xdc00..=0xdfff).contains(&unit(data, at + 8)?);
                paired.then_some(at + 12)
            }
            _ => None,
        },
        _ => None,
    }
}

/// Four hexadecimal digits.
fn unit(data: &[u8], at: usize) -> Option<u32> {
    let mut value = 0;
    for place in at..at + 4 {
        value = value << 4 | (byte(data, place) as char).to_digit(16)?;
    }
    Some(value)
}

impl Text {
    /// Whether the number of characters is surely within bounds.
    pub fn fits(&self, start: usize, least: usize, greatest: usize) -> bool {
        let bytes = self.end - start;
        if self.ascii && !self.escaped {
            return (least..=greatest).contains(&bytes);
        }
        // one character takes twelve bytes at most, two escapes of a surrogate pair, and one at least
        bytes <= greatest && (least <= 1 && bytes >= least || bytes / 12 >= least)
    }
}
