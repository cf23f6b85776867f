//! The fast paths of obskit. Whatever is not plain here is left to Python, which is the truth that both
//! are tested by.

mod address;
mod clock;
mod draft;
mod entries;
mod flattened;
mod json;
mod line;
mod number;
mod route;
mod scan;
mod shape;
mod stamp;
mod text;
mod values;

use std::panic::{catch_unwind, AssertUnwindSafe};

use pyo3::exceptions::PyRuntimeError;
use pyo3::prelude::*;
use pyo3::types::{PyBytes, PyDict, PyString};

use flattened::Limits;
use scan::Times;
use shape::{Description, Shape};

/// Says of lines that nothing is wrong with them, and stops at each that it cannot say it of.
#[pyclass]
struct Scanner {
    inner: scan::Scanner,
}

/// How many lines were passed; where the suspect begins and ends; the latest and the earliest timestamp.
type Passed = (usize, usize, usize, Option<f64>, Option<f64>);

#[pymethods]
impl Scanner {
    #[new]
    fn new(fields: Vec<Description>, limits: Limits) -> PyResult<Self> {
        let shape = Shape::new(fields)?;
        Ok(Self {
            inner: scan::Scanner::new(shape, limits),
        })
    }

    #[allow(clippy::too_many_arguments)] // by position: keywords cost as much as a line
    fn scan(
        &mut self,
        py: Python<'_>,
        data: &[u8],
        start: usize,
        stop: usize,
        latest: Option<f64>,
        least: Option<f64>,
        tolerance: f64,
        horizon: f64,
    ) -> PyResult<Passed> {
        let mut times = Times {
            latest,
            least,
            tolerance,
            horizon,
        };
        let (lines, from, to) = self.inner.scan(py, data, start, stop, &mut times)?;
        Ok((lines, from, to, times.latest, times.least))
    }
}

/// Writes lines of plain values; None where an event is not plain.
#[pyclass]
struct Writer {
    inner: line::Writer,
}

type Line<'py> = PyResult<Option<Bound<'py, PyBytes>>>;

/// A panic as an exception that formatters catch; PyO3's own is no `Exception`, and would end the service's call.
fn caught<T>(write: impl FnOnce() -> PyResult<T>) -> PyResult<T> {
    catch_unwind(AssertUnwindSafe(write))
        .unwrap_or_else(|_| Err(PyRuntimeError::new_err("the native part panicked")))
}

#[pymethods]
impl Writer {
    #[new]
    fn new(py: Python<'_>, options: line::Options) -> PyResult<Self> {
        Ok(Self {
            inner: line::Writer::new(py, options)?,
        })
    }

    fn record<'py>(
        &mut self,
        have: &Bound<'py, PyDict>,
        message: &str,
        bound: Option<&Bound<'py, PyDict>>,
    ) -> Line<'py> {
        caught(|| self.inner.record(have, message, bound))
    }

    #[allow(clippy::too_many_arguments)]
    fn event<'py>(
        &mut self,
        level: &str,
        created: f64,
        name: &Bound<'py, PyString>,
        message: &str,
        event: &Bound<'py, PyDict>,
        bound: Option<&Bound<'py, PyDict>>,
    ) -> Line<'py> {
        caught(|| {
            self.inner
                .event(level, created, name, message, event, bound)
        })
    }
}

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Scanner>()?;
    module.add_class::<Writer>()
}
