"""JSONTestSuite (nst/JSONTestSuite, MIT) through the linter's reader."""

# ruff: noqa: E501 (cases stand in one line)

import os
from pathlib import Path

import pytest

from obskit.lint.line import Line
from obskit.lint.linter import Linter
from obskit.schema.fields import BUILTIN

CORPORA = Path(os.environ.get("OBSKIT_CORPORA", Path(__file__).parents[4] / "shared" / "corpora"))
SUITE = CORPORA / "jsontestsuite" / "test_parsing"
FILES = sorted(SUITE.glob("*.json")) if SUITE.is_dir() else []
pytestmark = pytest.mark.skipif(not FILES, reason="JSONTestSuite is not here; see OBSKIT_CORPORA")

#: What the specification leaves open, decided: only what every reader of the log path reads alike is taken.
OPEN = {
    "number_double_huge_neg_exp": "", "number_huge_exp": "", "number_neg_int_huge_exp": "",
    "number_pos_double_huge_exp": "", "number_real_neg_overflow": "", "number_real_pos_overflow": "",
    "number_real_underflow": "", "number_too_big_neg_int": "", "number_too_big_pos_int": "", "number_very_big_negative_int": "",
    "object_key_lone_2nd_surrogate": "json-syntax", "string_1st_surrogate_but_2nd_missing": "json-syntax",
    "string_1st_valid_surrogate_2nd_invalid": "json-syntax", "string_incomplete_surrogate_and_escape_valid": "json-syntax",
    "string_incomplete_surrogate_pair": "json-syntax", "string_incomplete_surrogates_escape_valid": "json-syntax",
    "string_invalid_lonely_surrogate": "json-syntax", "string_invalid_surrogate": "json-syntax", "string_invalid_utf-8": "encoding",
    "string_inverted_surrogates_U+1D11E": "json-syntax", "string_iso_latin_1": "encoding", "string_lone_second_surrogate": "json-syntax",
    "string_lone_utf8_continuation_byte": "encoding", "string_not_in_unicode_range": "encoding", "string_overlong_sequence_2_bytes": "encoding",
    "string_overlong_sequence_6_bytes": "encoding", "string_overlong_sequence_6_bytes_null": "encoding", "string_truncated-utf-8": "encoding",
    "string_UTF8_surrogate_U+D800": "encoding", "string_utf16BE_no_BOM": "encoding", "string_utf16LE_no_BOM": "encoding",
    "string_UTF-16LE_with_BOM": "encoding", "string_UTF-8_invalid_sequence": "encoding", "structure_500_nested_arrays": "",
    "structure_UTF-8_BOM_empty_object": "json-syntax",
}  # fmt: skip
# UTF-16 of ASCII without a byte order mark is UTF-8 with NULs: refused for those
OPEN |= dict.fromkeys(("string_utf16BE_no_BOM", "string_utf16LE_no_BOM"), "encoding or json-syntax")


@pytest.mark.parametrize(
    "path", [p for p in FILES if p.name.startswith("n_")], ids=lambda p: p.stem
)
def test_what_is_no_json_is_refused_with_a_position(path):
    # the suite's files are one text each, some over several lines
    line = Line(path.read_bytes(), BUILTIN)
    assert line.syntax is not None
    assert 1 <= line.syntax.column <= len(line.text) + 2
    found = [
        item.problem("x")
        for item in Linter().check(line)
        if item.rule in ("json-syntax", "encoding")
    ]
    # a log may have blank lines: they are no events, and no findings
    assert [item.column for item in found] == ([] if line.blank else [line.syntax.column])


@pytest.mark.parametrize(
    "path", [p for p in FILES if p.name.startswith("y_")], ids=lambda p: p.stem
)
def test_what_is_json_is_read(path):
    line = Line(path.read_bytes(), BUILTIN)
    assert line.syntax is None
    rules = {item.rule for item in Linter().check(line)}
    assert not rules & {"json-syntax", "encoding"}


@pytest.mark.parametrize(
    "path", [p for p in FILES if p.name.startswith("i_")], ids=lambda p: p.stem
)
def test_what_is_left_open_is_decided(path):
    rules = {item.rule for item in Linter().check(Line(path.read_bytes(), BUILTIN))} & {
        "json-syntax",
        "encoding",
    }
    decided = OPEN[path.stem.removeprefix("i_")]
    assert (rules or {""}) <= set(decided.split(" or ")), rules


def test_the_counts_are_those_of_the_suite():
    counts = {
        kind: sum(path.name.startswith(kind) for path in FILES) for kind in ("n_", "y_", "i_")
    }
    assert counts == {"n_": 188, "y_": 95, "i_": 35}
