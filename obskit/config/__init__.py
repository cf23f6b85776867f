"""obskit.yml as frozen settings."""

from obskit.config.load import load
from obskit.config.secret import REDACTED, Secret
from obskit.config.settings import Auth, Duration, Links, Name, Section, Service, Settings, Url

__all__ = [
    "REDACTED",
    "Auth",
    "Duration",
    "Links",
    "Name",
    "Secret",
    "Section",
    "Service",
    "Settings",
    "Url",
    "load",
]
