//! Lines of plain values, written in one go.
//!
//! A line is byte for byte what the careful path in Python writes of the same event; where that is not certain,
//! there is none, and Python writes it.

use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyFloat, PyInt, PyString};

use crate::draft::Draft;
use crate::entries::{own, pairs, Entries, Pair};
use crate::json;
use crate::route::{scalar, string, Answer, Route, REMEMBERED};
use crate::stamp::Stamp;
use crate::values::Values;

/// What a formatter is told once.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Options {
    /// By Python's names of levels: what stands between timestamp and trace id, and behind the message.
    levels: Vec<(String, Vec<u8>, Vec<u8>)>,
    /// The attributes of a record of the standard library, in their order.
    standard: Vec<Py<PyString>>,
    /// Whether each line has its logger, thread and process.
    logger: bool,
    thread: bool,
    pid: bool,
    /// Says of a name where its values go.
    route: Py<PyAny>,
    /// Says of a name below `attributes` whether it is secret.
    secret: Py<PyAny>,
    /// Gives the next id of an event, where events have some.
    next_id: Option<Py<PyAny>>,
    /// The trace and span of OpenTelemetry, where the service has loaded it.
    span: Py<PyAny>,
    /// `sys.modules`, and the module whose presence says that it has.
    modules: Py<PyDict>,
    otel: Py<PyString>,
    /// Stands for "no valid value".
    missing: Py<PyAny>,
    /// What is written in place of a secret.
    redacted: String,
    /// Bytes of a line, of a leaf, of a key; levels of objects; items of one object or list.
    most: usize,
    leaf: usize,
    key: usize,
    depth: usize,
    items: usize,
}

/// Writes lines for one formatter.
pub struct Writer {
    options: Options,
    levels: Py<PyDict>,
    routes: Vec<Route>,
    by_name: Py<PyDict>,
    values: Values,
    stamp: Stamp,
    /// For each attribute of a record its place among the needed ones, if it is one.
    places: Vec<Option<usize>>,
}

/// The attributes of a record that are needed, in the order of `Needed`.
const NEEDED: [&str; 7] = [
    "name",
    "levelname",
    "exc_info",
    "stack_info",
    "created",
    "threadName",
    "process",
];

/// Values of these attributes.
type Needed<'py> = [Bound<'py, PyAny>; NEEDED.len()];

impl Writer {
    /// A writer of lines.
    pub fn new(py: Python<'_>, options: Options) -> PyResult<Self> {
        let levels = PyDict::new(py);
        for (number, (name, _, _)) in options.levels.iter().enumerate() {
            levels.set_item(name, number)?;
        }
        let mut places = Vec::new();
        for name in &options.standard {
            let name = name.bind(py).to_str()?;
            places.push(NEEDED.iter().position(|needed| *needed == name));
        }
        let mut redacted = Vec::new();
        json::text(&mut redacted, &options.redacted);
        let values = Values {
            secret: options.secret.clone_ref(py),
            known: PyDict::new(py).unbind(),
            redacted,
            most: options.most,
            leaf: options.leaf,
            key: options.key,
            depth: options.depth,
            items: options.items,
        };
        Ok(Self {
            options,
            levels: levels.unbind(),
            routes: Vec::new(),
            by_name: PyDict::new(py).unbind(),
            values,
            stamp: Stamp::default(),
            places,
        })
    }

    /// The line of a record of the standard library.
    pub fn record<'py>(
        &mut self,
        have: &Bound<'py, PyDict>,
        message: &str,
        bound: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let py = have.py();
        let Some((needed, extras)) = self.taken_apart(have) else {
            return Ok(None); // a record of another make
        };
        let [name, level, exception, stack, created, thread, pid] = &needed;
        if exception.is_truthy()? || stack.is_truthy()? {
            return Ok(None);
        }
        let (Some(level), Ok(name), Ok(created)) = (
            string(level),
            name.cast_exact::<PyString>(),
            created.cast_exact::<PyFloat>(),
        ) else {
            return Ok(None);
        };
        let mut draft = Draft::default();
        if self.options.thread {
            if let Some(thread) = string(thread) {
                if thread.len() > 1_024 {
                    return Ok(None);
                }
                draft.fields.extend_from_slice(b",\"thread\":");
                json::text(&mut draft.fields, thread);
            }
        }
        if self.options.pid && pid.is_exact_instance_of::<PyInt>() {
            draft.fields.extend_from_slice(b",\"pid\":");
            if !scalar(&mut draft.fields, pid, 0) {
                return Ok(None);
            }
        }
        let taken = (!extras.is_empty()).then_some(have);
        if !self.sort(py, &mut draft, &extras)? || !self.bound(&mut draft, bound, taken)? {
            return Ok(None);
        }
        self.finish(py, draft, level, created.value(), name, message)
    }

    /// What is needed of a record, and what the service added to it; None if it is not a plain record.
    fn taken_apart<'py>(&self, have: &Bound<'py, PyDict>) -> Option<(Needed<'py>, Vec<Pair<'py>>)> {
        let py = have.py();
        let mut entries = Entries::of(have);
        let mut needed: [Option<Bound<'py, PyAny>>; NEEDED.len()] = Default::default();
        for (name, place) in self.options.standard.iter().zip(&self.places) {
            let (key, value) = entries.next()?;
            if key != name.as_ptr() {
                return None;
            }
            if let Some(place) = place {
                needed[*place] = Some(own(py, value));
            }
        }
        let mut extras = Vec::with_capacity(have.len().saturating_sub(self.places.len()));
        for (key, value) in entries {
            extras.push((own(py, key), own(py, value)));
        }
        let [a, b, c, d, e, f, g] = needed;
        Some(([a?, b?, c?, d?, e?, f?, g?], extras))
    }

    /// The line of an event of structlog.
    pub fn event<'py>(
        &mut self,
        level: &str,
        created: f64,
        name: &Bound<'py, PyString>,
        message: &str,
        event: &Bound<'py, PyDict>,
        bound: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let mut draft = Draft::default();
        let py = event.py();
        if !self.sort(py, &mut draft, &pairs(event))?
            || !self.bound(&mut draft, bound, Some(event))?
        {
            return Ok(None);
        }
        self.finish(py, draft, level, created, name, message)
    }

    /// Sorts what is bound in the context; an event's own value beats it.
    fn bound<'py>(
        &mut self,
        draft: &mut Draft,
        bound: Option<&Bound<'py, PyDict>>,
        taken: Option<&Bound<'py, PyDict>>,
    ) -> PyResult<bool> {
        let Some(bound) = bound else {
            return Ok(true);
        };
        let mut found = pairs(bound);
        if let Some(taken) = taken {
            let mut kept = Vec::with_capacity(found.len());
            for pair in found {
                if !pair.0.is_exact_instance_of::<PyString>() {
                    return Ok(false);
                }
                if !taken.contains(&pair.0)? {
                    kept.push(pair);
                }
            }
            found = kept;
        }
        self.sort(bound.py(), draft, &found)
    }

    /// Sorts values into declared fields and attributes; false if one is not plain.
    fn sort(&mut self, py: Python<'_>, draft: &mut Draft, pairs: &[Pair<'_>]) -> PyResult<bool> {
        for (key, value) in pairs {
            let Some(number) = self.route(py, key)? else {
                return Ok(false);
            };
            match &self.routes[number] {
                Route::Skipped => {}
                Route::Not => return Ok(false),
                Route::Redacted => {
                    let Some(name) = string(key) else {
                        return Ok(false);
                    };
                    draft.attribute(name);
                    draft.attributes.extend_from_slice(&self.values.redacted);
                }
                Route::Attribute => {
                    let Some(name) = string(key) else {
                        return Ok(false);
                    };
                    draft.attribute(name);
                    if !scalar(&mut draft.attributes, value, self.options.leaf)
                        && !self.values.composed(&mut draft.attributes, value, 1)?
                    {
                        return Ok(false);
                    }
                }
                Route::Field(field) => {
                    if !value.is_none()
                        && !draft.field(field, value, self.options.missing.bind(py))?
                    {
                        return Ok(false);
                    }
                }
            }
        }
        Ok(true)
    }

    /// The number of a name's route; None if Python has not routed it yet.
    #[inline]
    fn route(&mut self, py: Python<'_>, key: &Bound<'_, PyAny>) -> PyResult<Option<usize>> {
        if !key.is_exact_instance_of::<PyString>() {
            return Ok(None);
        }
        let by_name = self.by_name.bind(py);
        if let Some(number) = by_name.get_item(key)? {
            return Ok(Some(number.extract()?));
        }
        let answer = self.options.route.bind(py).call1((key,))?;
        if answer.is_none() {
            return Ok(None);
        }
        let route = answer.extract::<Answer>()?.route();
        if self.routes.len() >= REMEMBERED {
            self.routes.clear();
            by_name.clear();
        }
        by_name.set_item(key, self.routes.len())?;
        self.routes.push(route);
        Ok(Some(self.routes.len() - 1))
    }

    fn finish<'py>(
        &mut self,
        py: Python<'py>,
        mut draft: Draft,
        level: &str,
        created: f64,
        name: &Bound<'py, PyString>,
        message: &str,
    ) -> PyResult<Option<Bound<'py, PyBytes>>> {
        let Some(number) = self.levels.bind(py).get_item(level)? else {
            return Ok(None);
        };
        let Ok(name) = name.to_str() else {
            return Ok(None);
        };
        if name.len() > 1_024 {
            return Ok(None);
        }
        if !self.identify(py, &mut draft)? || !self.traced(py, &mut draft)? {
            return Ok(None);
        }
        let (_, head, after) = &self.options.levels[number.extract::<usize>()?];
        let mut line =
            Vec::with_capacity(256 + message.len() + draft.fields.len() + draft.attributes.len());
        line.extend_from_slice(b"{\"timestamp\":\"");
        if self.stamp.write(&mut line, created).is_none() {
            return Ok(None);
        }
        line.extend_from_slice(head);
        if draft.trace.is_empty() {
            line.extend_from_slice(b"null");
        } else {
            line.extend_from_slice(&draft.trace);
        }
        line.extend_from_slice(b",\"message\":");
        json::text(&mut line, message);
        line.extend_from_slice(after);
        if self.options.logger {
            line.extend_from_slice(b",\"logger\":");
            json::text(&mut line, name);
        }
        draft.end(&mut line);
        Ok((line.len() <= self.options.most).then(|| PyBytes::new(py, &line)))
    }

    /// Adds the event's id, where events have one; false if the service logs one of its own.
    fn identify(&self, py: Python<'_>, draft: &mut Draft) -> PyResult<bool> {
        let Some(next) = &self.options.next_id else {
            return Ok(true);
        };
        if draft.own_id {
            return Ok(false);
        }
        let id = next.call0(py)?;
        let Some(id) = string(id.bind(py)) else {
            return Ok(false);
        };
        draft.attribute("event_id");
        json::text(&mut draft.attributes, id);
        Ok(true)
    }

    /// Takes trace and span of OpenTelemetry, where an event has no trace; false if it has a span all the same.
    fn traced(&self, py: Python<'_>, draft: &mut Draft) -> PyResult<bool> {
        if !draft.trace.is_empty() || !self.options.modules.bind(py).contains(&self.options.otel)? {
            return Ok(true);
        }
        let found = self.options.span.call0(py)?;
        let Ok((trace, span)) = found.extract::<(String, String)>(py) else {
            return Ok(found.is_none(py));
        };
        if draft.span {
            return Ok(false);
        }
        json::text(&mut draft.trace, &trace);
        let mut first = b",\"span_id\":".to_vec();
        json::text(&mut first, &span);
        for (place, _, _) in &mut draft.objects {
            *place += first.len();
        }
        draft.fields.splice(0..0, first);
        Ok(true)
    }
}
