//! What a schema says of the values of an event, made ready for reading.

use std::collections::HashSet;

use pyo3::exceptions::PyValueError;
use pyo3::prelude::*;

use crate::text::string;

/// One field, as Python describes it.
#[derive(FromPyObject)]
#[pyo3(from_item_all)]
pub struct Description {
    path: Vec<String>,
    kind: String,
    required: bool,
    nullable: bool,
    /// As JSON writes them, with their quotes.
    allowed: Option<Vec<Vec<u8>>>,
    alphabet: Option<Vec<u8>>,
    pattern: Option<Py<PyAny>>,
    least_length: usize,
    greatest_length: Option<usize>,
    least: f64,
    greatest: f64,
    clock: bool,
}

/// What a text has to be beside UTF-8.
pub struct Words {
    /// The only values, with their quotes, that nothing else is wrong with; None for any.
    pub allowed: Option<Vec<Box<[u8]>>>,
    /// The bytes that it may be made of, and no escapes.
    pub alphabet: Option<Box<[bool; 256]>>,
    /// A test in Python, made once for each value that is not known to pass.
    pub pattern: Option<Pattern>,
    /// Least number of characters.
    pub least: usize,
    /// Greatest number of characters.
    pub greatest: usize,
}

impl Words {
    /// Whether any text will do.
    pub fn any(&self) -> bool {
        self.allowed.is_none()
            && self.alphabet.is_none()
            && self.pattern.is_none()
            && self.least == 0
            && self.greatest == usize::MAX
    }
}

/// A test of texts in Python, and the texts that are known to pass it.
pub struct Pattern {
    test: Py<PyAny>,
    passed: HashSet<Box<[u8]>>,
}

const REMEMBERED: usize = 65_536;
const LONGEST_REMEMBERED: usize = 128;

impl Pattern {
    /// Whether a text passes.
    pub fn passes(&mut self, py: Python<'_>, text: &[u8]) -> PyResult<bool> {
        if self.passed.contains(text) {
            return Ok(true);
        }
        let Ok(plain) = std::str::from_utf8(text) else {
            return Ok(false);
        };
        let passed = self.test.bind(py).call1((plain,))?.is_truthy()?;
        if passed && text.len() <= LONGEST_REMEMBERED {
            if self.passed.len() >= REMEMBERED {
                self.passed.clear();
            }
            self.passed.insert(text.into());
        }
        Ok(passed)
    }
}

/// What a value has to be.
pub enum Check {
    /// A text.
    Text(Words),
    /// A timestamp; whether it is the event's own.
    Date(bool),
    /// An IP address.
    Address,
    /// A whole number within bounds.
    Long(i64, i64),
    /// A number within bounds.
    Double(f64, f64),
    /// True or false.
    Boolean,
    /// An object of anything, as the index takes it.
    Flattened,
    /// An object of fields: the number of its table.
    Object(usize),
}

/// One key of an object of fields.
pub struct Node {
    /// The key with its quotes and the colon, as it is mostly written.
    pub key: Box<[u8]>,
    /// What its value has to be.
    pub check: Check,
    /// Whether null will do.
    pub nullable: bool,
    /// Whether every event has it.
    pub required: bool,
    /// The node that came behind it last time.
    pub follower: usize,
}

impl Node {
    /// The key alone.
    pub fn name(&self) -> &[u8] {
        &self.key[1..self.key.len() - 2]
    }
}

/// The nodes of one object of fields.
#[derive(Default)]
pub struct Table {
    /// Their numbers.
    pub nodes: Vec<usize>,
    /// The one that came first last time.
    pub first: usize,
}

/// A schema.
pub struct Shape {
    /// All nodes.
    pub nodes: Vec<Node>,
    /// All objects; the event itself is the first.
    pub tables: Vec<Table>,
    /// How many nodes every event has.
    pub required: usize,
}

impl Shape {
    /// Makes a schema ready.
    ///
    /// # Errors
    /// ValueError: a field is of a kind that is not read here, or the event has no timestamp.
    pub fn new(fields: Vec<Description>) -> PyResult<Self> {
        let mut shape = Self {
            nodes: Vec::new(),
            tables: vec![Table::default()],
            required: 0,
        };
        let mut clocks = 0;
        for field in fields {
            clocks += usize::from(field.clock);
            shape.add(field)?;
        }
        if clocks != 1 {
            return Err(PyValueError::new_err("an event has one timestamp"));
        }
        Ok(shape)
    }

    fn add(&mut self, field: Description) -> PyResult<()> {
        let mut table = 0;
        let Some((last, parents)) = field.path.split_last() else {
            return Err(PyValueError::new_err("a field has a name"));
        };
        for name in parents {
            table = self.object(table, name, field.required)?;
        }
        let node = Node {
            key: quoted(last),
            nullable: field.nullable,
            required: field.required,
            follower: 0,
            check: check(field)?,
        };
        self.push(table, node)?;
        Ok(())
    }

    fn object(&mut self, table: usize, name: &str, required: bool) -> PyResult<usize> {
        let key = quoted(name);
        let known = self.tables[table]
            .nodes
            .iter()
            .copied()
            .find(|&node| self.nodes[node].key == key);
        if let Some(node) = known {
            self.nodes[node].nullable &= !required;
            return match self.nodes[node].check {
                Check::Object(inner) => Ok(inner),
                _ => Err(PyValueError::new_err(format!(
                    "{name} is a field and an object"
                ))),
            };
        }
        let inner = self.tables.len();
        self.tables.push(Table::default());
        let node = Node {
            key,
            nullable: !required,
            required: false,
            follower: 0,
            check: Check::Object(inner),
        };
        self.push(table, node)?;
        Ok(inner)
    }

    fn push(&mut self, table: usize, mut node: Node) -> PyResult<()> {
        if self.tables[table]
            .nodes
            .iter()
            .any(|&known| self.nodes[known].key == node.key)
        {
            return Err(PyValueError::new_err("a field stands twice"));
        }
        let number = self.nodes.len();
        node.follower = number;
        if let Some(&before) = self.tables[table].nodes.last() {
            self.nodes[before].follower = number;
        } else {
            self.tables[table].first = number;
        }
        self.required += usize::from(node.required);
        self.tables[table].nodes.push(number);
        self.nodes.push(node);
        Ok(())
    }
}

fn quoted(name: &str) -> Box<[u8]> {
    format!("\"{name}\":").into_bytes().into()
}

#[allow(clippy::cast_possible_truncation)] // a cast stops at the ends of 64 bits, and so does a long
fn check(field: Description) -> PyResult<Check> {
    let (least, greatest) = within(field.least, field.greatest);
    Ok(match field.kind.as_str() {
        "keyword" | "text" => Check::Text(words(field)),
        "date" => Check::Date(field.clock),
        "ip" => Check::Address,
        "long" => Check::Long(least.ceil() as i64, greatest.floor() as i64),
        "double" => Check::Double(least, greatest),
        "boolean" => Check::Boolean,
        "flattened" => Check::Flattened,
        other => return Err(PyValueError::new_err(format!("no kind of field: {other}"))),
    })
}

/// Bounds that hold whatever was rounded. From 2^53 on not each whole number is a double, and Python compares
/// the ones that were meant.
fn within(least: f64, greatest: f64) -> (f64, f64) {
    const ROUNDED: f64 = 9_007_199_254_740_992.0;
    (
        if least.abs() < ROUNDED {
            least
        } else {
            least.next_up()
        },
        if greatest.abs() < ROUNDED {
            greatest
        } else {
            greatest.next_down()
        },
    )
}

fn words(field: Description) -> Words {
    let (least, greatest) = (
        field.least_length,
        field.greatest_length.unwrap_or(usize::MAX),
    );
    let right = |word: &Vec<u8>| string(word, 1).is_some_and(|text| text.fits(1, least, greatest));
    Words {
        allowed: field.allowed.map(|words| {
            let words = words.into_iter().filter(right);
            words.map(Vec::into_boxed_slice).collect()
        }),
        alphabet: field.alphabet.map(|signs| {
            let mut inside = Box::new([false; 256]);
            for sign in signs {
                inside[usize::from(sign)] = true;
            }
            inside
        }),
        pattern: field.pattern.map(|test| Pattern {
            test,
            passed: HashSet::new(),
        }),
        least,
        greatest,
    }
}
