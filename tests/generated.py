"""Every generated file in one list: ``python -m tests.generated --check`` or ``--write``.

A generated file is made by a command and never edited by hand; ``make check`` runs all the checks.
"""

from __future__ import annotations

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent

#: What is generated → the command that writes it; with ``check`` in place of ``write`` it compares only.
COMMANDS: dict[str, list[str]] = {
    "dashboards/*.json": ["-m", "dashboards.builder", "--write"],
    "tests/conformance/*.jsonl": ["tests/conformance/generate.py", "--write"],
    "docs/schema.md": ["-m", "tests.generate_schema_docs", "--write"],
}


def main() -> int:
    """Run every command; 1 when a file is not what its command writes."""
    parser = argparse.ArgumentParser(description=__doc__)
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--write", action="store_true")
    choice.add_argument("--check", action="store_true")
    options = parser.parse_args()
    code = 0
    for name, command in COMMANDS.items():
        argv = [part if part != "--write" or options.write else "--check" for part in command]
        done = subprocess.run([sys.executable, *argv], cwd=ROOT, check=False)
        if done.returncode:
            print(f"{name}: not current: run make generate", file=sys.stderr)
            code = 1
    return code


if __name__ == "__main__":
    sys.exit(main())
