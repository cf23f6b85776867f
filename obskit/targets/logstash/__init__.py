"""Logstash: its pipelines delivered as files, reloaded by itself, and proved by their hash."""

from obskit.targets.logstash.settings import LogstashSettings
from obskit.targets.logstash.target import Logstash

__all__ = ["Logstash", "LogstashSettings"]
