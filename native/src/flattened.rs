//! Objects of anything, below `attributes`: what the index would refuse or cut is a suspect.

use pyo3::prelude::*;

use crate::number::number;
use crate::text::{byte, skip, string};

/// Bounds that the linter keeps.
#[derive(Clone, Copy, FromPyObject)]
#[pyo3(from_item_all)]
pub struct Limits {
    /// Bytes of a line with its line feed.
    pub line_bytes: usize,
    /// Levels of objects below `attributes`, itself the first.
    attribute_depth: usize,
    /// Bytes of a leaf below `attributes`.
    leaf_bytes: usize,
    /// Bytes of a key below `attributes`.
    key_bytes: usize,
}

/// Keys of one object; more are a suspect, since each is compared with all.
const MOST_KEYS: usize = 256;

/// A key: its first bytes, and where it stands.
type Key = (u64, usize, usize);

/// Reads objects of anything.
pub struct Flattened {
    limits: Limits,
    keys: Vec<Key>,
}

impl Flattened {
    /// A reader that keeps these bounds.
    pub fn new(limits: Limits) -> Self {
        Self {
            limits,
            keys: Vec::new(),
        }
    }

    /// The place behind an object whose first byte behind the brace is at `at`.
    pub fn read(&mut self, data: &[u8], at: usize) -> Option<usize> {
        self.keys.clear();
        self.object(data, at, 1)
    }

    /// The place behind an object.
    fn object(&mut self, data: &[u8], at: usize, level: usize) -> Option<usize> {
        if level > self.limits.attribute_depth {
            return None;
        }
        let base = self.keys.len();
        let mut at = skip(data, at);
        if byte(data, at) == b'}' {
            return Some(at + 1);
        }
        loop {
            if byte(data, at) != b'"' {
                return None;
            }
            let key = string(data, at + 1)?;
            // an escape may make two keys equal that look different
            if key.escaped || key.end - at > self.limits.key_bytes {
                return None;
            }
            self.distinct(data, base, at + 1, key.end)?;
            let colon = skip(data, key.end + 1);
            if byte(data, colon) != b':' {
                return None;
            }
            let end = self.anything(data, skip(data, colon + 1), level)?;
            at = skip(data, end);
            match byte(data, at) {
                b',' => at = skip(data, at + 1),
                b'}' => break,
                _ => return None,
            }
        }
        self.keys.truncate(base);
        Some(at + 1)
    }

    /// Takes note of a key, unless its object has it already.
    fn distinct(&mut self, data: &[u8], base: usize, start: usize, end: usize) -> Option<()> {
        let mut head = [0u8; 8];
        let length = (end - start).min(8);
        head[..length].copy_from_slice(&data[start..start + length]);
        let head = u64::from_le_bytes(head);
        let others = &self.keys[base..];
        let twice = others.iter().any(|&(other, from, to)| {
            other == head && to - from == end - start && data[from..to] == data[start..end]
        });
        if twice || others.len() >= MOST_KEYS {
            return None;
        }
        self.keys.push((head, start, end));
        Some(())
    }

    fn anything(&mut self, data: &[u8], at: usize, level: usize) -> Option<usize> {
        match byte(data, at) {
            b'"' => {
                let text = string(data, at + 1)?;
                (text.end - at <= self.limits.leaf_bytes).then_some(text.end + 1)
            }
            b'{' => self.object(data, at + 1, level + 1),
            // arrays are no levels of the index, but they are levels of this function
            b'[' => self.array(data, at + 1, level + 1),
            b't' | b'f' => boolean(data, at),
            b'n' => literal(data, at, b"null"),
            _ => number(data, at).map(|number| number.end),
        }
    }

    fn array(&mut self, data: &[u8], at: usize, level: usize) -> Option<usize> {
        if level > self.limits.attribute_depth {
            return None;
        }
        let mut at = skip(data, at);
        if byte(data, at) == b']' {
            return Some(at + 1);
        }
        loop {
            at = skip(data, self.anything(data, at, level)?);
            match byte(data, at) {
                b',' => at = skip(data, at + 1),
                b']' => return Some(at + 1),
                _ => return None,
            }
        }
    }
}

/// The place behind a word that stands at `at`.
pub fn literal(data: &[u8], at: usize, word: &[u8]) -> Option<usize> {
    data[at..].starts_with(word).then_some(at + word.len())
}

/// The place behind true or false.
pub fn boolean(data: &[u8], at: usize) -> Option<usize> {
    literal(data, at, b"true").or_else(|| literal(data, at, b"false"))
}
