"""The fast path and the slow path agree for every schema a project can write, not for ours alone."""

import json
import re
from dataclasses import replace

import pytest
from hypothesis import assume, event, given, settings
from hypothesis import strategies as st

from obskit.lint.context import Context, Options
from obskit.lint.decoder import fast_path
from obskit.lint.linter import Linter
from obskit.lint.profile import select
from obskit.lint.scan import Scan
from obskit.lint.tally import Tally
from obskit.schema.fields import BUILTIN, REFERENCE_LINE
from obskit.schema.model import Field, FieldType, Requirement, Schema
from obskit.schema.tighten import consistent, field_problems

NAMES = st.lists(st.sampled_from(("a", "b_1", "deep")), min_size=1, max_size=3).map(".".join)
#: What a text of a field may be made of: plain signs, signs that JSON escapes, controls, longer UTF-8.
WORDS = st.text('a"\\nZ9_.\n\t\x01\x7f\x9bé世😀', min_size=1, max_size=4)
PATTERNS = st.sampled_from(
    ("^[A-z]{1,4}$", "[a-z0-9_.-]{2,3}", "[A-Za-z]{0,0}", "^[^a]*$", "^.{2,3}$")
)
BOUNDS = st.one_of(
    st.none(),
    st.integers(-3, 3),
    st.floats(-3, 3),
    st.sampled_from((2**53, 2**53 + 1, -(2**53) - 1, 10**17 + 1, 1e17, 2**63 - 1, 1e300)),
)
REQUIREMENTS = st.sampled_from(Requirement)
#: Every one that a project can write, those that more can be said of more often.
KINDS = st.sampled_from(
    [kind for kind in FieldType if kind is not FieldType.FLATTENED]
    + 4 * [FieldType.KEYWORD]
    + 2 * [FieldType.DOUBLE]
)


@st.composite
def field(draw: st.DrawFn) -> Field:
    kind = draw(KINDS)
    made = Field(name=draw(NAMES), type=kind, requirement=draw(REQUIREMENTS))
    if kind in (FieldType.KEYWORD, FieldType.TEXT):
        said = draw(st.sampled_from(("allowed", "pattern", "lengths", "two", "all")))
        if said in ("allowed", "all"):
            made = replace(made, allowed=tuple(draw(st.lists(WORDS, max_size=2, unique=True))))
        if said in ("pattern", "two", "all"):
            made = replace(made, pattern=draw(PATTERNS))
        if said in ("lengths", "two", "all"):
            least, greatest = draw(
                st.sampled_from(((0, 1), (0, 2), (0, 3), (1, 0), (2, 0), (2, 3)))
            )
            made = replace(made, min_length=least, max_length=greatest)
    if kind in (FieldType.LONG, FieldType.DOUBLE):
        made = replace(made, minimum=draw(BOUNDS), maximum=draw(BOUNDS))
    assume(not list(field_problems(made)))
    return made


@st.composite
def schemas(draw: st.DrawFn) -> Schema:
    fields = draw(st.lists(field(), min_size=1, max_size=3, unique_by=lambda item: item.name))
    schema = BUILTIN.extended(fields)
    assume(not list(consistent(schema)))
    return schema


def number(draw: st.DrawFn, item: Field) -> int | float:
    """A number near a bound of its field, or any."""
    near = [bound for bound in (item.minimum, item.maximum) if bound is not None]
    if near and draw(st.integers(0, 3)):
        bound = draw(st.sampled_from(near))
        return draw(st.sampled_from((bound, int(bound), int(bound) + 1, int(bound) - 1)))
    some = st.sampled_from((0, -1, 2.5, 2**53 + 1, 10**17, 1e17, 10**400, 1e308))
    return draw(st.one_of(st.integers(-5, 5), some))


def value(draw: st.DrawFn, item: Field) -> object:
    """A value that mostly suits its field."""
    if draw(st.integers(0, 11)) == 0:
        return draw(st.sampled_from((None, True, 3, "x", [], {}, {"a": None})))
    match item.type:
        case FieldType.KEYWORD | FieldType.TEXT:
            if item.allowed and draw(st.booleans()):
                return draw(st.sampled_from(item.allowed))
            return draw(st.one_of(WORDS, st.text("aZ\n", max_size=6)))
        case FieldType.LONG | FieldType.DOUBLE:
            return number(draw, item)
        case FieldType.DATE:
            return draw(st.sampled_from(("2023-09-10T12:34:56Z", "2023-02-30T12:34:56Z", "")))
        case FieldType.IP:
            return draw(st.sampled_from(("10.0.0.1", "::ffff:1.2.3.4", "1::2", "010.0.0.1", "")))
        case _:
            return draw(st.booleans())


@st.composite
def lines(draw: st.DrawFn, schema: Schema) -> bytes:
    """A line of fields of a schema, as some writer of JSON, or of what it takes for JSON, writes it."""
    made = json.loads(REFERENCE_LINE)
    for item in schema.fields:
        if item.name in BUILTIN.by_name or (not item.required and draw(st.booleans())):
            continue
        *above, last = item.path
        node = made
        for key in above:
            node = node.setdefault(key, {})
            if not isinstance(node, dict):  # a parent that became something else
                break
        else:
            node[last] = value(draw, item)
            if above and draw(st.integers(0, 15)) == 0:
                made[above[0]] = None
    text = json.dumps(made, ensure_ascii=draw(st.booleans()))
    match draw(st.integers(0, 3)):
        case 0:  # escapes that JSON does not ask for
            text = re.sub("[aZ](?=[^:]*[,}])", lambda sign: f"\\u{ord(sign[0]):04x}", text, count=2)
        case 1:  # a writer that escapes nothing
            text = re.sub(r'\\(["\\])', r"\1", text).replace(r"\t", "\t")
    return text.encode("utf-8", "surrogatepass").replace(b"\n", b" ")


def findings(data: bytes, schema: Schema, *, fast: bool) -> list[tuple[str, int, int | None]]:
    selection, options = select(), Options()
    linter = Linter(context=Context(schema=schema, options=options), selection=selection)
    decoder = fast_path(schema, selection, options) if fast else None
    one = Scan(linter=linter, tally=Tally(max_per_rule=0), decoder=decoder)
    one.block(data, "x")
    return [(hit.problem.rule, hit.problem.line, hit.problem.column) for hit in one.tally.hits]


@settings(max_examples=400, deadline=None)
@given(st.data())
def test_both_paths_agree_for_any_schema_and_any_lines_of_it(data: st.DataObject) -> None:
    schema = data.draw(schemas())
    block = b"\n".join(data.draw(st.lists(lines(schema), min_size=1, max_size=6))) + b"\n"
    slow = findings(block, schema, fast=False)
    event("found something" if slow else "found nothing")
    assert findings(block, schema, fast=True) == slow


def shop(**own: object) -> Schema:
    return BUILTIN.extended([Field(**{"name": "own", "type": FieldType.KEYWORD, **own})])


@pytest.mark.parametrize(
    ("schema", "written", "rule"),
    [
        (shop(allowed=('a"b',)), '"a"b"', "json-syntax"),
        (shop(allowed=("a\tb",)), '"a\tb"', "json-syntax"),
        (shop(allowed=(r"a\nb",)), r'"a\nb"', "allowed"),
        (shop(allowed=("a\x7f",)), '"a\x7f"', "control-character"),
        (shop(pattern="^[A-z]{1,4}$"), r'"a\n"', "format"),
        (shop(pattern="^[A-z]{1,4}$"), r'"ab\"', "json-syntax"),
        (shop(pattern="[a-z]{0,0}"), '"a"', "format"),
        (shop(type=FieldType.LONG, minimum=2**53 + 1), str(2**53), "range"),
        (shop(type=FieldType.DOUBLE, maximum=2**53), str(2**53 + 1), "range"),
        (shop(type=FieldType.DOUBLE, minimum=10**17 + 1), "1e17", "range"),
    ],
)
def test_what_the_fast_path_once_let_pass(schema: Schema, written: str, rule: str) -> None:
    line = REFERENCE_LINE.replace("{", '{"own":' + written + ",", 1).encode()
    slow = findings(line, schema, fast=False)
    assert [found for found, _, _ in slow] == [rule]
    assert findings(line, schema, fast=True) == slow
