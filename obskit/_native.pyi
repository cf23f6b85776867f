"""The fast paths in Rust (native/): absent where obskit was installed without a Rust compiler."""

from collections.abc import Mapping, Sequence
from typing import Any

class Scanner:
    def __init__(self, fields: Sequence[Mapping[str, Any]], limits: Mapping[str, int]) -> None: ...
    def scan(
        self,
        data: bytes,
        start: int,
        stop: int,
        latest: float | None,
        least: float | None,
        tolerance: float,
        horizon: float,
    ) -> tuple[int, int, int, float | None, float | None]: ...

class Writer:
    def __init__(self, options: Mapping[str, Any]) -> None: ...
    def record(
        self, have: dict[str, Any], message: str, bound: Mapping[str, object] | None, /
    ) -> bytes | None: ...
    def event(
        self,
        level: str,
        created: float,
        name: str,
        message: str,
        event: dict[str, Any],
        bound: Mapping[str, object] | None,
        /,
    ) -> bytes | None: ...
