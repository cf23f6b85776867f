"""Offline: the pipelines by the grammar checker ``mustache``, where it is installed."""

from __future__ import annotations

import re
import tempfile
from collections.abc import Iterator, Mapping
from pathlib import Path
from typing import Final

from obskit.delivery import checker
from obskit.errors import Problem, Severity

__all__ = ["check_grammar"]

# path:line:column (offset): words
_PLACE: Final = re.compile(r":(?P<line>\d+):(?P<column>\d+) \(\d+\): (?P<words>.*)")


def check_grammar(files: Mapping[str, str]) -> Iterator[Problem]:
    """Findings of pipelines.

    Args:
        files: Their texts by name.
    """
    mustache = checker.find("mustache")
    if mustache is None:
        yield Problem(
            rule="logstash/no-mustache", severity=Severity.INFO, path=", ".join(files),
            message="mustache (github.com/breml/logstash-config) is not installed here: the grammar was not checked",
        )  # fmt: skip
        return
    with tempfile.TemporaryDirectory(prefix="obskit-") as folder:
        for name, text in files.items():
            path = Path(folder, Path(name).name)
            path.write_text(text, encoding="utf-8")
            ran = checker.run([mustache, "check", str(path)])
            if ran.ok:
                continue
            place = _PLACE.search(ran.words)
            yield Problem(
                rule="logstash/grammar",
                message=f"mustache: {place['words'] if place else ran.words[:300]}",
                path=name,
                line=int(place["line"]) if place else None,
                column=int(place["column"]) if place else None,
            )
