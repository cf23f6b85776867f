"""Any Alertmanager configuration, checked by amtool."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

from obskit.delivery import checker
from obskit.errors import Problem, Severity
from obskit.targets import official

__all__ = ["check_config"]


def check_config(text: str, shown: str, folder: Path | None = None) -> Iterator[Problem]:
    """Findings of amtool on a whole configuration, with their lines.

    Args:
        text: The file's text.
        shown: How the file is called in messages.
        folder: Where the templates lie that it names by relative paths.
    """
    amtool = checker.find("amtool")
    if amtool is None:
        yield Problem(
            rule="alertmanager/no-amtool", severity=Severity.INFO, path=shown,
            message="amtool is not installed here: the configuration was not checked by it",
        )  # fmt: skip
        return
    yield from official.ask(
        [amtool, "check-config"], text, rule="alertmanager/amtool", shown=shown, name="amtool",
        folder=folder,
    )  # fmt: skip
