"""The fast paths in Rust (native/): absent where obskit was installed without a Rust compiler."""

from collections.abc import Mapping, Sequence
from typing import Any

class Scanner:
    def __init__(
        self, fields: Sequence[Mapping[str, Any]], limits: Mapping[str, int]
    ) -> None: ...
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
