"""Writes the conformance corpus: ``python tests/conformance/generate.py`` (``--check`` compares only).

Every verdict, rule and normalised event below is stated by hand from docs/normalisation.md and the schema; nothing here
calls the linter or the normaliser. The tests run both over the result, and so do the log path's own tests.
"""

from __future__ import annotations

import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import cases_aliases
import cases_attributes
import cases_json
import cases_reference
import cases_timestamp
import cases_values
from cases import Corpus

MODULES = (
    cases_reference,
    cases_timestamp,
    cases_values,
    cases_aliases,
    cases_attributes,
    cases_json,
)


def texts() -> dict[str, str]:
    """The files of the corpus by name."""
    made = {}
    for module in MODULES:
        corpus = Corpus()
        module.add(corpus)
        made[module.__name__.removeprefix("cases_") + ".jsonl"] = corpus.text()
    return made


def main() -> int:
    here = Path(__file__).parent
    stale = []
    for name, text in texts().items():
        path = here / name
        if not path.exists() or path.read_text(encoding="utf-8") != text:
            stale.append(name)
            if "--check" not in sys.argv:
                path.write_text(text, encoding="utf-8")
    print("changed:", ", ".join(stale) or "nothing")
    return 1 if stale and "--check" in sys.argv else 0


if __name__ == "__main__":
    sys.exit(main())
