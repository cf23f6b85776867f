"""References in values: ``${env:NAME}``, ``${env:NAME:-default}``, ``${file:path}``."""

from __future__ import annotations

import os
import re
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

__all__ = ["Reference", "Resolver", "read_env_file"]

_REFERENCE = re.compile(r"\$\{([a-z0-9_]+):([^{}]*?)(?::-([^{}]*))?\}")
_MAX_SECRET_BYTES = 64 * 1024


class Reference(str):
    """A value that came from a reference: still a string, but never quoted in a message."""

    __slots__ = ("written",)
    written: str

    def __new__(cls, value: str, written: str) -> Reference:
        """Keep beside the value how it was written."""
        self = super().__new__(cls, value)
        self.written = written
        return self


def read_env_file(path: Path) -> dict[str, str]:
    """Read ``NAME=value`` lines; blank lines and lines with ``#`` first are passed over.

    Args:
        path: The file; an empty result when it is not there.
    """
    if not path.is_file():
        return {}
    pairs = {}
    for raw in path.read_text(encoding="utf-8").splitlines():
        name, found, value = raw.strip().removeprefix("export ").partition("=")
        if found and not name.startswith("#"):
            text = value.strip()
            if len(text) >= 2 and text[0] == text[-1] and text[0] in "\"'":
                text = text[1:-1]
            pairs[name.strip()] = text
    return pairs


@dataclass(frozen=True, slots=True, kw_only=True)
class Resolver:
    """Resolves references.

    Args:
        environ: Variables for ``${env:…}``.
        folder: Where relative paths of ``${file:…}`` start.
    """

    environ: Mapping[str, str]
    folder: Path

    @classmethod
    def for_file(cls, config: Path, environment: str = "") -> Resolver:
        """A resolver for a configuration file: ``.env.<environment>`` beside it, then the process."""
        folder = config.resolve().parent
        extra = read_env_file(folder / f".env.{environment}") if environment else {}
        return cls(environ={**extra, **os.environ}, folder=folder)

    def resolve(self, text: str) -> tuple[str, list[str]]:
        """Replace every reference in a text.

        Returns:
            The text (a ``Reference`` when anything was replaced), and what is wrong with it, in words.
        """
        wrong: list[str] = []
        schemes: dict[str, Callable[[str], str | None]] = {"env": self._env, "file": self._file}

        def replace(match: re.Match[str]) -> str:
            scheme, name, default = match.groups()
            if scheme not in schemes:
                known = ", ".join(f"${{{key}:…}}" for key in schemes)
                wrong.append(f"{match[0]}: no secret store is named {scheme!r} (known: {known})")
                return ""
            try:
                value = schemes[scheme](name)
            except (OSError, UnicodeDecodeError, ValueError) as error:
                reason = error.strerror if isinstance(error, OSError) else str(error)
                wrong.append(f"{match[0]}: {reason}")
                return ""
            if value is None:
                if default is None:
                    wrong.append(f"{match[0]}: {name} is not set (set it, or write a default: :-…)")
                return default or ""
            return value

        replaced = _REFERENCE.sub(replace, text)
        return (Reference(replaced, text) if replaced != text else text), wrong

    def _env(self, name: str) -> str | None:
        return self.environ.get(name)

    def _file(self, name: str) -> str:
        path = self.folder / name
        if path.stat().st_size > _MAX_SECRET_BYTES:
            raise ValueError(f"is larger than {_MAX_SECRET_BYTES} bytes")
        return path.read_text(encoding="utf-8").rstrip("\r\n")
