"""The local stack: real servers on the loopback, as native processes or by Docker Compose."""

from obskit.local.server import Running
from obskit.local.stack import SERVICES, Progress, Stack, current, down, up

__all__ = ["SERVICES", "Progress", "Running", "Stack", "current", "down", "up"]
