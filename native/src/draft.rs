//! An event as it comes together.

use pyo3::prelude::*;

use crate::json;
use crate::route::{scalar, Field};

/// An event as it comes together.
#[derive(Default)]
pub struct Draft {
    /// The trace id as JSON; empty for none.
    pub trace: Vec<u8>,
    /// Declared fields, each with a comma in front.
    pub fields: Vec<u8>,
    /// Objects of fields: where they came up among the fields, their key, their content.
    pub objects: Vec<(usize, Box<[u8]>, Vec<u8>)>,
    /// What goes below `attributes`, each with a comma in front.
    pub attributes: Vec<u8>,
    /// Whether the service gave a span id.
    pub span: bool,
    /// Whether it gave an event id.
    pub own_id: bool,
}

impl Draft {
    /// Begins an attribute: its value comes next.
    pub fn attribute(&mut self, name: &str) {
        self.own_id |= name == "event_id";
        self.attributes.push(b',');
        json::text(&mut self.attributes, name);
        self.attributes.push(b':');
    }

    /// Adds a declared field; false if the value is none that it takes.
    pub fn field(
        &mut self,
        field: &Field,
        value: &Bound<'_, PyAny>,
        missing: &Bound<'_, PyAny>,
    ) -> PyResult<bool> {
        let Some(checked) = field.checked(value, missing)? else {
            return Ok(false);
        };
        let value = checked.value();
        if field.trace {
            return Ok(scalar(&mut self.trace, value, usize::MAX));
        }
        self.span |= &*field.key == b"\"span_id\":";
        let Some(parent) = &field.parent else {
            self.fields.push(b',');
            self.fields.extend_from_slice(&field.key);
            return Ok(scalar(&mut self.fields, value, usize::MAX));
        };
        let known = self.objects.iter().position(|(_, name, _)| name == parent);
        let object = known.unwrap_or_else(|| {
            self.objects
                .push((self.fields.len(), parent.clone(), Vec::new()));
            self.objects.len() - 1
        });
        let (_, _, inside) = &mut self.objects[object];
        inside.push(b',');
        inside.extend_from_slice(&field.key);
        Ok(scalar(inside, value, usize::MAX))
    }

    /// Appends fields, objects of fields in the places where they came up, and attributes.
    pub fn end(&self, line: &mut Vec<u8>) {
        let mut written = 0;
        for (place, key, inside) in &self.objects {
            line.extend_from_slice(&self.fields[written..*place]);
            written = *place;
            line.push(b',');
            line.extend_from_slice(key);
            line.push(b'{');
            line.extend_from_slice(&inside[1..]);
            line.push(b'}');
        }
        line.extend_from_slice(&self.fields[written..]);
        if !self.attributes.is_empty() {
            line.extend_from_slice(b",\"attributes\":{");
            line.extend_from_slice(&self.attributes[1..]);
            line.push(b'}');
        }
        line.push(b'}');
    }
}
