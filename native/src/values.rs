//! Objects and arrays below `attributes`.

use pyo3::prelude::*;
use pyo3::types::{PyDict, PyList, PyTuple};

use crate::entries::pairs;
use crate::json;
use crate::route::{scalar, string, REMEMBERED};

/// Writes objects and arrays, with what is secret replaced by name.
pub struct Values {
    /// Says of a name whether it is secret, and what it said.
    pub secret: Py<PyAny>,
    /// Names that were asked for.
    pub known: Py<PyDict>,
    /// What is written in place of a secret, as JSON.
    pub redacted: Vec<u8>,
    /// Bytes of a line, of a leaf, of a key; levels of objects; items of one object or array.
    pub most: usize,
    /// See above.
    pub leaf: usize,
    /// See above.
    pub key: usize,
    /// See above.
    pub depth: usize,
    /// See above.
    pub items: usize,
}

impl Values {
    /// Appends an object or an array; false if something in it is not plain.
    pub fn composed(
        &self,
        out: &mut Vec<u8>,
        value: &Bound<'_, PyAny>,
        level: usize,
    ) -> PyResult<bool> {
        if level >= self.depth || out.len() > self.most {
            return Ok(false);
        }
        if let Ok(object) = value.cast_exact::<PyDict>() {
            return self.object(out, object, level + 1);
        }
        let items: Vec<Bound<'_, PyAny>> = if let Ok(list) = value.cast_exact::<PyList>() {
            list.iter().take(self.items + 1).collect()
        } else if let Ok(tuple) = value.cast_exact::<PyTuple>() {
            tuple.iter().take(self.items + 1).collect()
        } else {
            return Ok(false);
        };
        if items.len() > self.items {
            return Ok(false);
        }
        out.push(b'[');
        for (number, item) in items.iter().enumerate() {
            if number > 0 {
                out.push(b',');
            }
            if !self.inner(out, item, level + 1)? {
                return Ok(false);
            }
        }
        out.push(b']');
        Ok(true)
    }

    fn inner(&self, out: &mut Vec<u8>, value: &Bound<'_, PyAny>, level: usize) -> PyResult<bool> {
        Ok(scalar(out, value, self.leaf) || self.composed(out, value, level)?)
    }

    fn object(
        &self,
        out: &mut Vec<u8>,
        object: &Bound<'_, PyDict>,
        level: usize,
    ) -> PyResult<bool> {
        if object.len() > self.items {
            return Ok(false);
        }
        out.push(b'{');
        for (number, (key, value)) in pairs(object).iter().enumerate() {
            let Some(name) = string(key) else {
                return Ok(false);
            };
            if name.len() > self.key || name.contains('\0') {
                return Ok(false);
            }
            if number > 0 {
                out.push(b',');
            }
            json::text(out, name);
            out.push(b':');
            if self.is_secret(key)? {
                out.extend_from_slice(&self.redacted);
            } else if !self.inner(out, value, level)? {
                return Ok(false);
            }
        }
        out.push(b'}');
        Ok(true)
    }

    fn is_secret(&self, key: &Bound<'_, PyAny>) -> PyResult<bool> {
        let secrets = self.known.bind(key.py());
        if let Some(known) = secrets.get_item(key)? {
            return known.is_truthy();
        }
        let secret = self.secret.bind(key.py()).call1((key,))?;
        if secrets.len() >= REMEMBERED {
            secrets.clear();
        }
        secrets.set_item(key, &secret)?;
        secret.is_truthy()
    }
}
