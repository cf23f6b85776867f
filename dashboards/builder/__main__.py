"""Write ``dashboards/*.json``, or check that the committed files are current."""

from __future__ import annotations

import argparse
import sys
from pathlib import Path

from .boards import BOARDS
from .render import text

FOLDER = Path(__file__).resolve().parent.parent


def main(arguments: list[str] | None = None) -> int:
    """Run the command.

    Args:
        arguments: Arguments in place of the process's own.

    Returns:
        0 when the files are current (or were written), 1 when some are not.
    """
    parser = argparse.ArgumentParser(prog="python -m dashboards.builder", description=__doc__)
    choice = parser.add_mutually_exclusive_group(required=True)
    choice.add_argument("--write", action="store_true", help="write the files")
    choice.add_argument("--check", action="store_true", help="exit 1 if a file is not current")
    chosen = parser.parse_args(arguments)
    wanted = {FOLDER / board.file_name: text(board) for board in BOARDS}
    stale = [
        path for path, content in wanted.items() if not path.exists() or path.read_text() != content
    ]
    left = [path for path in FOLDER.glob("*.json") if path not in wanted]
    if chosen.write:
        for path in stale:
            path.write_text(wanted[path])
        for path in left:
            path.unlink()
        print(f"{len(wanted)} dashboards, {len(stale)} written, {len(left)} removed")  # noqa: T201
        return 0
    for path in stale:
        print(  # noqa: T201
            f"dashboards/{path.name}: not what the builder writes; run python -m dashboards.builder --write"
        )
    for path in left:
        print(f"dashboards/{path.name}: written by no board of the builder")  # noqa: T201
    return 1 if stale or left else 0


if __name__ == "__main__":
    sys.exit(main())
