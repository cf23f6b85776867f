"""What is derived from a schema: one module a format, each with ``export(schema)``."""
