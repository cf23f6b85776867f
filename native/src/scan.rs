//! Reads blocks of lines and stops at each that may have something wrong with it.
//!
//! It may be wrong in one direction only: what it passes, the rules in Python find nothing on. So whatever
//! is rare and costly to judge is a suspect, and the code here stays short.

use pyo3::prelude::*;

use crate::address::address;
use crate::clock::Clock;
use crate::flattened::{boolean, literal, Flattened, Limits};
use crate::number::number;
use crate::shape::{Check, Shape, Words};
use crate::text::{byte, skip, string};

/// Reads lines by one schema.
pub struct Scanner {
    shape: Shape,
    limits: Limits,
    clock: Clock,
    /// For each node the number of the line that it was seen on last.
    seen: Vec<u64>,
    line: u64,
    found: usize,
    instant: i64,
    flattened: Flattened,
}

/// What earlier lines of a source said of time, in seconds since 1970.
#[derive(Clone, Copy)]
pub struct Times {
    /// The latest timestamp.
    pub latest: Option<f64>,
    /// The earliest one.
    pub least: Option<f64>,
    /// How far a timestamp may be behind the latest.
    pub tolerance: f64,
    /// Beyond which a timestamp lies in the future.
    pub horizon: f64,
}

impl Times {
    /// Takes note of a timestamp; false if a rule may have something against it.
    fn pass(&mut self, micros: i64) -> bool {
        // as Python's timestamp(): one division, rounded correctly
        #[allow(clippy::cast_precision_loss)]
        let moment = micros as f64 / 1e6;
        if moment > self.horizon {
            return false;
        }
        if self
            .latest
            .is_some_and(|latest| latest - moment > self.tolerance)
        {
            return false;
        }
        self.latest = Some(self.latest.map_or(moment, |latest| latest.max(moment)));
        self.least = Some(self.least.map_or(moment, |least| least.min(moment)));
        true
    }
}

impl Scanner {
    /// A scanner for one schema.
    pub fn new(shape: Shape, limits: Limits) -> Self {
        let nodes = shape.nodes.len();
        Self {
            shape,
            limits,
            clock: Clock::default(),
            seen: vec![0; nodes],
            line: 0,
            found: 0,
            instant: 0,
            flattened: Flattened::new(limits),
        }
    }

    /// Passes lines from `start` on: how many, and where the next suspect begins and ends.
    ///
    /// A line that begins at `stop` is a suspect, whatever it is. Where there is none, both places are the end.
    pub fn scan(
        &mut self,
        py: Python<'_>,
        data: &[u8],
        start: usize,
        stop: usize,
        times: &mut Times,
    ) -> PyResult<(usize, usize, usize)> {
        let mut at = start;
        let mut lines = 0;
        while at < data.len() {
            match if at == stop {
                None
            } else {
                self.one(py, data, at)?
            } {
                Some((end, timed)) if !timed || times.pass(self.instant) => at = end + 1,
                _ => {
                    let length = data[at..].iter().position(|&sign| sign == b'\n');
                    let end = length.map_or(data.len(), |length| at + length);
                    return Ok((lines, at, end));
                }
            }
            lines += 1;
        }
        Ok((lines, data.len(), data.len()))
    }

    /// Where the line that begins at `at` ends, and whether it has an event; None for a suspect.
    fn one(
        &mut self,
        py: Python<'_>,
        data: &[u8],
        start: usize,
    ) -> PyResult<Option<(usize, bool)>> {
        let mut at = skip(data, start);
        let event = byte(data, at) == b'{';
        if event {
            self.line += 1;
            self.found = 0;
            match self.object(py, data, at + 1, 0)? {
                Some(end) if self.found == self.shape.required => at = skip(data, end),
                _ => return Ok(None),
            }
        }
        let ended = at == data.len() || data[at] == b'\n';
        let short = at - start < self.limits.line_bytes;
        Ok((ended && short).then_some((at, event)))
    }

    /// The place behind an object of fields whose first byte behind the brace is at `at`.
    fn object(
        &mut self,
        py: Python<'_>,
        data: &[u8],
        at: usize,
        table: usize,
    ) -> PyResult<Option<usize>> {
        let mut at = skip(data, at);
        if byte(data, at) == b'}' {
            return Ok(Some(at + 1));
        }
        let mut guess = self.shape.tables[table].first;
        let mut before: Option<usize> = None;
        loop {
            let Some((node, value)) = self.key(data, at, table, guess) else {
                return Ok(None);
            };
            if node != guess {
                match before {
                    None => self.shape.tables[table].first = node,
                    Some(before) => self.shape.nodes[before].follower = node,
                }
            }
            if self.seen[node] == self.line {
                return Ok(None);
            }
            self.seen[node] = self.line;
            self.found += usize::from(self.shape.nodes[node].required);
            let Some(end) = self.value(py, data, value, node)? else {
                return Ok(None);
            };
            at = skip(data, end);
            match byte(data, at) {
                b',' => at = skip(data, at + 1),
                b'}' => return Ok(Some(at + 1)),
                _ => return Ok(None),
            }
            before = Some(node);
            guess = self.shape.nodes[node].follower;
        }
    }

    /// Which node of an object a key at `at` is, and where its value begins.
    #[inline]
    fn key(&self, data: &[u8], at: usize, table: usize, guess: usize) -> Option<(usize, usize)> {
        let key = &*self.shape.nodes[guess].key;
        if data.get(at..at + key.len()) == Some(key) {
            return Some((guess, skip(data, at + key.len())));
        }
        if byte(data, at) != b'"' {
            return None;
        }
        let text = string(data, at + 1)?;
        let name = &data[at + 1..text.end];
        let nodes = &self.shape.tables[table].nodes;
        let node = *nodes
            .iter()
            .find(|&&node| self.shape.nodes[node].name() == name)?;
        let colon = skip(data, text.end + 1);
        (byte(data, colon) == b':').then(|| (node, skip(data, colon + 1)))
    }

    #[inline]
    fn value(
        &mut self,
        py: Python<'_>,
        data: &[u8],
        at: usize,
        node: usize,
    ) -> PyResult<Option<usize>> {
        let own = &mut self.shape.nodes[node];
        let first = byte(data, at);
        if first == b'n' {
            return Ok((own.nullable).then(|| literal(data, at, b"null")).flatten());
        }
        Ok(match &mut own.check {
            Check::Text(words) => {
                if first != b'"' {
                    return Ok(None);
                }
                let end = words.read(data, at);
                match (end, &mut words.pattern) {
                    (Some(end), Some(pattern)) => {
                        let text = &data[at + 1..end - 1];
                        let passes = !text.contains(&b'\\') && pattern.passes(py, text)?;
                        passes.then_some(end)
                    }
                    _ => end,
                }
            }
            Check::Date(own) if first == b'"' => {
                self.clock.read(data, at + 1).map(|(end, moment)| {
                    if *own {
                        self.instant = moment;
                    }
                    end + 1
                })
            }
            Check::Address if first == b'"' => address(data, at + 1).map(|end| end + 1),
            Check::Long(least, greatest) => long(data, at, *least, *greatest),
            Check::Double(least, greatest) => double(data, at, *least, *greatest),
            Check::Boolean => boolean(data, at),
            Check::Flattened if first == b'{' => self.flattened.read(data, at + 1),
            Check::Object(table) if first == b'{' => {
                let table = *table;
                return self.object(py, data, at + 1, table);
            }
            _ => None,
        })
    }
}

impl Words {
    /// The place behind a text whose opening quote is at `at`.
    #[inline]
    fn read(&self, data: &[u8], at: usize) -> Option<usize> {
        let start = at + 1;
        if let Some(allowed) = &self.allowed {
            let word = allowed.iter().find(|word| data[at..].starts_with(word))?;
            return self.alphabet.is_none().then_some(at + word.len());
        }
        if let Some(inside) = &self.alphabet {
            let mut end = start;
            while inside[usize::from(byte(data, end))] {
                end += 1;
            }
            let fits = (self.least..=self.greatest).contains(&(end - start));
            return (fits && byte(data, end) == b'"').then_some(end + 1);
        }
        let text = string(data, start)?;
        (self.any() || text.fits(start, self.least, self.greatest)).then_some(text.end + 1)
    }
}

fn long(data: &[u8], at: usize, least: i64, greatest: i64) -> Option<usize> {
    let number = number(data, at)?;
    if !number.whole || number.digits > 18 {
        return None;
    }
    let value: i64 = std::str::from_utf8(&data[at..number.end])
        .ok()?
        .parse()
        .ok()?;
    (least..=greatest).contains(&value).then_some(number.end)
}

fn double(data: &[u8], at: usize, least: f64, greatest: f64) -> Option<usize> {
    let number = number(data, at)?;
    let value: f64 = std::str::from_utf8(&data[at..number.end])
        .ok()?
        .parse()
        .ok()?;
    (least..=greatest).contains(&value).then_some(number.end)
}
