"""obskit makes an observability stack real, proves that it works, and keeps logs in one shape."""

__version__ = "0.1.0"
