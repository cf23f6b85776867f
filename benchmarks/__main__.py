"""``python -m benchmarks [GROUP…]``: measure, print, and write BENCHMARKS.md."""

from __future__ import annotations

import sys

from benchmarks.report import main

if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
