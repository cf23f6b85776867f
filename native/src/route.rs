//! Where a value goes that a service logs, as Python's router found it.

use std::net::{Ipv4Addr, Ipv6Addr};

use pyo3::prelude::*;
use pyo3::types::{PyBool, PyFloat, PyInt, PyString};

/// Names that are remembered: those made from data must not fill the memory.
pub const REMEMBERED: usize = 4_096;

/// What Python says of a name.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Answer {
    kind: String,
    parent: Option<String>,
    leaf: String,
    alphabet: Option<Vec<u8>>,
    least: f64,
    greatest: f64,
    check: Option<Py<PyAny>>,
}

/// What is done with the values of one name.
pub enum Route {
    /// It goes below `attributes`.
    Attribute,
    /// It does too, but its value is replaced.
    Redacted,
    /// It is left out.
    Skipped,
    /// Python has to look at it.
    Not,
    /// It is a declared field.
    Field(Field),
}

/// A declared field.
pub struct Field {
    /// The object that it stands in, with quotes and colon.
    pub parent: Option<Box<[u8]>>,
    /// Its key, with quotes and colon.
    pub key: Box<[u8]>,
    /// Whether it is the trace id, which has a place of its own.
    pub trace: bool,
    kind: Kind,
    check: Py<PyAny>,
}

enum Kind {
    /// Any text of so many characters.
    Text(usize, usize),
    /// A text made of so many of some bytes.
    Class(Box<[bool; 256]>, usize, usize),
    Address,
    Long(i64, i64),
    Double(f64, f64),
    Boolean,
    /// Only Python can tell.
    Other,
}

impl Answer {
    /// The route that was meant.
    #[allow(clippy::cast_possible_truncation, clippy::cast_sign_loss)] // lengths of texts, numbers of 64 bits
    pub fn route(self) -> Route {
        let kind = match self.kind.as_str() {
            "attribute" => return Route::Attribute,
            "redacted" => return Route::Redacted,
            "skipped" => return Route::Skipped,
            "text" => match self.alphabet {
                None => Kind::Text(self.least as usize, self.greatest as usize),
                Some(signs) => {
                    let mut inside = Box::new([false; 256]);
                    for sign in signs {
                        inside[usize::from(sign)] = true;
                    }
                    Kind::Class(inside, self.least as usize, self.greatest as usize)
                }
            },
            "long" => Kind::Long(self.least.ceil() as i64, self.greatest.floor() as i64),
            "ip" => Kind::Address,
            "double" => Kind::Double(self.least, self.greatest),
            "boolean" => Kind::Boolean,
            "other" => Kind::Other,
            _ => return Route::Not,
        };
        let Some(check) = self.check else {
            return Route::Not;
        };
        Route::Field(Field {
            trace: self.parent.is_none() && self.leaf == "trace_id",
            parent: self.parent.map(|name| quoted(&name)),
            key: quoted(&self.leaf),
            kind,
            check,
        })
    }
}

/// A key as it stands in a line.
pub fn quoted(name: &str) -> Box<[u8]> {
    let mut key = Vec::with_capacity(name.len() + 3);
    crate::json::text(&mut key, name);
    key.push(b':');
    key.into()
}

impl Field {
    /// The value as the field takes it; None where it does not.
    pub fn checked<'a, 'py>(
        &self,
        value: &'a Bound<'py, PyAny>,
        missing: &Bound<'py, PyAny>,
    ) -> PyResult<Option<Checked<'a, 'py>>> {
        let plain = match &self.kind {
            // no text has more characters than bytes; Python counts what may be too short or too long
            Kind::Text(least, greatest) => string(value).is_some_and(|text| {
                text.len() <= *greatest
                    && (text.len() >= *least && *least <= 1 || text.len() / 4 >= *least)
            }),
            Kind::Class(inside, least, greatest) => string(value).is_some_and(|text| {
                (*least..=*greatest).contains(&text.len())
                    && text.bytes().all(|sign| inside[usize::from(sign)])
            }),
            Kind::Long(least, greatest) => {
                value.is_exact_instance_of::<PyInt>()
                    && value
                        .extract::<i64>()
                        .is_ok_and(|number| (*least..=*greatest).contains(&number))
            }
            Kind::Address => string(value).is_some_and(is_address),
            Kind::Double(least, greatest) => value
                .cast_exact::<PyFloat>()
                .is_ok_and(|number| (*least..=*greatest).contains(&number.value())),
            Kind::Boolean => value.is_exact_instance_of::<PyBool>(),
            Kind::Other => false,
        };
        if plain {
            return Ok(Some(Checked::Same(value)));
        }
        let made = self.check.bind(value.py()).call1((value,))?;
        Ok((!made.is(missing)).then_some(Checked::Made(made)))
    }
}

/// A value that a field takes.
pub enum Checked<'a, 'py> {
    /// The one that was given.
    Same(&'a Bound<'py, PyAny>),
    /// What Python made of it.
    Made(Bound<'py, PyAny>),
}

impl<'py> Checked<'_, 'py> {
    /// The value.
    pub fn value(&self) -> &Bound<'py, PyAny> {
        match self {
            Self::Same(value) => value,
            Self::Made(value) => value,
        }
    }
}

/// The text of an exact `str`; None of anything else, and of one that UTF-8 cannot carry.
#[inline]
pub fn string<'a>(value: &'a Bound<'_, PyAny>) -> Option<&'a str> {
    value.cast_exact::<PyString>().ok()?.to_str().ok()
}

fn is_address(text: &str) -> bool {
    text.parse::<Ipv4Addr>().is_ok() || (text.len() <= 45 && text.parse::<Ipv6Addr>().is_ok())
}

/// Appends a value of no parts; false if it is none that JSON takes.
#[inline]
pub fn scalar(out: &mut Vec<u8>, value: &Bound<'_, PyAny>, longest: usize) -> bool {
    if let Ok(text) = value.cast_exact::<PyString>() {
        return match text.to_str() {
            Ok(text) if text.len() <= longest => {
                crate::json::text(out, text);
                true
            }
            _ => false,
        };
    }
    if value.is_exact_instance_of::<PyInt>() {
        if let Ok(number) = value.extract::<i64>() {
            crate::json::integer(out, number);
        } else if let Ok(number) = value.extract::<u64>() {
            crate::json::integer(out, number);
        } else {
            return false;
        }
        return true;
    }
    if value.is_none() {
        out.extend_from_slice(b"null");
        return true;
    }
    if let Ok(truth) = value.cast_exact::<PyBool>() {
        let word: &[u8] = if truth.is_true() { b"true" } else { b"false" };
        out.extend_from_slice(word);
        return true;
    }
    match value.cast_exact::<PyFloat>() {
        Ok(number) if number.value().is_finite() => {
            crate::json::double(out, number.value());
            true
        }
        _ => false,
    }
}
