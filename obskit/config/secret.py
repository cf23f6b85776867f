"""Values that are never shown: not in a plan, a log, an error or a bundle."""

from __future__ import annotations

import hashlib
import hmac
from typing import Any, ClassVar

__all__ = ["REDACTED", "Secret"]

REDACTED = "(secret)"


class Secret:
    """A string that shows itself to nobody who does not ask for it by name.

    Equality compares the values in constant time, so that a diff can tell a changed secret without
    printing it.

    Args:
        value: The secret text.
        reference: Where it came from, such as ``${env:TOKEN}``; safe to show.
    """

    __slots__ = ("_value", "reference")
    __match_args__: ClassVar[tuple[str, ...]] = ()

    def __init__(self, value: str, reference: str = "") -> None:
        self._value = value
        self.reference = reference

    def reveal(self) -> str:
        """The text itself, for the one place that sends it."""
        return self._value

    def fingerprint(self, key: bytes) -> str:
        """A short keyed digest (HMAC-SHA256, RFC 2104) that tells a change without telling the value.

        Args:
            key: The project's key; an unkeyed digest of a short password could be guessed.
        """
        return hmac.new(key, self._value.encode(), hashlib.sha256).hexdigest()[:16]

    def __eq__(self, other: object) -> bool:
        if not isinstance(other, Secret):
            return NotImplemented
        return hmac.compare_digest(self._value.encode(), other._value.encode())

    def __hash__(self) -> int:
        return hash((Secret, self._value))

    def __bool__(self) -> bool:
        return bool(self._value)

    def __repr__(self) -> str:
        return f"Secret({self.reference or '***'})"

    def __str__(self) -> str:
        return REDACTED

    def __reduce__(self) -> Any:
        raise TypeError("a Secret is not pickled or copied into files")

    @classmethod
    def __get_pydantic_core_schema__(cls, source: object, handler: object) -> Any:
        from pydantic_core import core_schema

        def read(value: object) -> Secret:
            if isinstance(value, Secret):
                return value
            if not isinstance(value, str):
                raise ValueError("must be text, best a reference like ${env:NAME}")  # noqa: TRY004
            return cls(str(value), getattr(value, "written", ""))

        return core_schema.no_info_plain_validator_function(
            read, serialization=core_schema.plain_serializer_function_ser_schema(lambda _: REDACTED)
        )
