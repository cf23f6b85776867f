"""Writes docs/schema.md from the field list: ``python -m tests.generate_schema_docs --write``."""

from __future__ import annotations

import sys
from pathlib import Path

from obskit.schema import BUILTIN
from obskit.schema.export import markdown

PATH = Path(__file__).resolve().parent.parent / "docs" / "schema.md"


def main() -> int:
    """Write the page, or compare it with ``--check``."""
    text = markdown.export(BUILTIN)
    if "--write" in sys.argv:
        PATH.write_text(text, encoding="utf-8")
        return 0
    if not PATH.is_file() or PATH.read_text(encoding="utf-8") != text:
        print("docs/schema.md: not what the schema says", file=sys.stderr)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
