//! The fast paths of obskit. Whatever is not plain here is left to Python, which is the truth that both
//! are tested by.

mod address;
mod clock;
mod number;
mod scan;
mod shape;
mod text;

use pyo3::prelude::*;

use scan::{Limits, Times};
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

#[pymodule]
fn _native(module: &Bound<'_, PyModule>) -> PyResult<()> {
    module.add_class::<Scanner>()
}
