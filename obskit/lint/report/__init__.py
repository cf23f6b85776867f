"""What a run of the linter found, and the formats it is told in: one module a format.

A format module has ``render(report)``, a generator of lines without line feeds. A new format is a new
module and one name in the list below.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from types import MappingProxyType
from typing import Final

from obskit.lint.report import github, gitlab, json, junit, sarif, text
from obskit.lint.report.model import Hit, Report, RuleSummary

__all__ = ["FORMATS", "Hit", "Report", "RuleSummary"]

#: The formats by name.
FORMATS: Final[Mapping[str, Callable[[Report], Iterator[str]]]] = MappingProxyType(
    {
        "text": text.render,
        "json": json.render,
        "sarif": sarif.render,
        "junit": junit.render,
        "github": github.render,
        "gitlab": gitlab.render,
    }
)
