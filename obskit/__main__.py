"""``python -m obskit``."""

from obskit.cli import main

main()
