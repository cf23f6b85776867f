"""`obskit exporter`: metrics of what has no exporter of its own, for the packs logs, logstash and filebeat.

Counts of log events by service and level come from Elasticsearch, the state of Logstash from its node
API, that of Filebeat from its HTTP endpoint. Every scrape asks anew, and keeps nothing: two exporters say
the same, and a restart loses nothing.
"""

from obskit.exporter.app import Exporter, application
from obskit.exporter.logs import LogCounts
from obskit.exporter.shippers import FilebeatStats, LogstashStats
from obskit.exporter.source import Source

__all__ = ["Exporter", "FilebeatStats", "LogCounts", "LogstashStats", "Source", "application"]
