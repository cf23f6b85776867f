"""Filebeat: the inputs of the services, delivered as files, reloaded by itself, and proved."""

from obskit.targets.filebeat.settings import FilebeatSettings, Source
from obskit.targets.filebeat.target import Filebeat

__all__ = ["Filebeat", "FilebeatSettings", "Source"]
