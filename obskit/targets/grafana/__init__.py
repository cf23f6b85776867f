"""Grafana: data sources, folder, dashboards, and the proof of every panel."""

from obskit.targets.grafana.target import Grafana

__all__ = ["Grafana"]
