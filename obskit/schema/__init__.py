"""The one log schema: the field list, and what is derived from it."""

from obskit.schema.fields import ATTRIBUTES, BUILTIN, LEVELS, LIMITS, REFERENCE_LINE
from obskit.schema.model import Field, FieldType, Requirement, Schema

__all__ = [
    "ATTRIBUTES",
    "BUILTIN",
    "LEVELS",
    "LIMITS",
    "REFERENCE_LINE",
    "Field",
    "FieldType",
    "Requirement",
    "Schema",
]
