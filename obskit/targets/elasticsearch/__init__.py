"""Elasticsearch: templates of the log schema, retention, rollover, and the proofs that events arrive."""

from obskit.targets.elasticsearch.settings import ElasticsearchSettings
from obskit.targets.elasticsearch.target import Elasticsearch

__all__ = ["Elasticsearch", "ElasticsearchSettings"]
