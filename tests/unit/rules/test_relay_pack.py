"""The pack that watches the relay reads metrics that the relay exposes."""

from __future__ import annotations

from pathlib import Path

from prometheus_client.exposition import generate_latest
from prometheus_client.parser import text_string_to_metric_families

from obskit.relay.metrics import Metrics
from obskit.relay.queue import Queue
from obskit.relay.robots.base import Target
from obskit.targets.prometheus.inputs import metric_names
from obskit.targets.prometheus.packs import load_packs


def test_every_metric_and_label_of_the_pack_is_the_relays(tmp_path: Path) -> None:
    target = Target(project="demo", receiver="oncall", kind="dingtalk")
    metrics = Metrics(Queue(tmp_path / "queue.db"), [target])
    metrics.rejected(401)
    text = generate_latest(metrics.registry).decode()
    exposed = {
        sample.name: sample.labels
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }
    (pack,) = [pack for pack in load_packs() if pack.name == "relay"]
    read = {name for rule in pack.rules for name in metric_names(rule.expr)}
    assert {*read, *pack.needs} <= set(exposed)
    assert exposed["obskit_relay_queue_oldest_age_seconds"] == target._asdict()
    assert exposed["obskit_relay_rejected_total"] == {"status": "401"}
