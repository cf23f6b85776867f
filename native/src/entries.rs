//! Keys and values of dictionaries: the one place with unsafe code.

use pyo3::ffi;
use pyo3::prelude::*;
use pyo3::types::PyDict;

/// A key and its value.
pub type Pair<'py> = (Bound<'py, PyAny>, Bound<'py, PyAny>);

/// All keys and values of a dictionary.
pub fn pairs<'py>(dict: &Bound<'py, PyDict>) -> Vec<Pair<'py>> {
    let py = dict.py();
    let mut found = Vec::with_capacity(dict.len());
    for (key, value) in Entries::of(dict) {
        found.push((own(py, key), own(py, value)));
    }
    found
}

/// Keys and values of a dictionary, borrowed from it.
///
/// `PyDict`'s own iterator panics where another thread changes the dictionary meanwhile, and a formatter must
/// not. While this one is used nothing runs that could change it, nor let another thread run.
pub struct Entries<'a, 'py> {
    dict: &'a Bound<'py, PyDict>,
    place: ffi::Py_ssize_t,
}

impl<'a, 'py> Entries<'a, 'py> {
    /// Those of a dictionary.
    pub fn of(dict: &'a Bound<'py, PyDict>) -> Self {
        Self { dict, place: 0 }
    }
}

impl Iterator for Entries<'_, '_> {
    type Item = (*mut ffi::PyObject, *mut ffi::PyObject);

    fn next(&mut self) -> Option<Self::Item> {
        let mut key = std::ptr::null_mut();
        let mut value = std::ptr::null_mut();
        // SAFETY: the interpreter is attached, as `Bound` says; the pointers are ours.
        let more = unsafe {
            ffi::PyDict_Next(
                self.dict.as_ptr(),
                &raw mut self.place,
                &raw mut key,
                &raw mut value,
            )
        };
        (more != 0).then_some((key, value))
    }
}

/// A reference of our own to what `Entries` gave.
pub fn own(py: Python<'_>, borrowed: *mut ffi::PyObject) -> Bound<'_, PyAny> {
    // SAFETY: the dictionary holds a reference, and nothing ran since that could have dropped it.
    unsafe { Bound::from_borrowed_ptr(py, borrowed) }
}
