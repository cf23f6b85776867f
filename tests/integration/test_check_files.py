"""``obskit check FILE`` over public configurations: the good pass, the bad are refused with their line."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest

from obskit.errors import Severity
from obskit.targets.loose import check_files
from obskit.targets.official import top_keys

pytestmark = [pytest.mark.slow, pytest.mark.timeout(600), pytest.mark.xdist_group("check-files")]


def errors(path: Path) -> list[tuple[int | None, str]]:
    (checked,) = check_files([path])
    return [(p.line, p.message) for p in checked.problems if p.severity is Severity.ERROR]


def accepted(command: list[str], path: Path) -> bool:
    return subprocess.run([*command, str(path)], capture_output=True).returncode == 0


def judge(paths: list[Path], command: list[str]) -> tuple[list[str], list[str], int, int]:
    """False alarms, refusals without a line, and how many are good and bad by the checker of this version."""
    alarms, nowhere, good, bad = [], [], 0, 0
    for path in paths:
        found = errors(path)
        if accepted(command, path):
            good += 1
            alarms += [f"{path.name}: {message}" for _, message in found]
        else:
            bad += 1
            if not any(line for line, _ in found):
                nowhere.append(f"{path.name}: {found}")
    return alarms, nowhere, good, bad


ROWS = {"Debian's": ("promtool", "amtool"), "the newest": ("promtool_newest", "amtool_newest")}


@pytest.fixture(params=ROWS, ids=ROWS)
def checkers(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> tuple[str, str]:
    promtool, amtool = (str(request.getfixturevalue(name)) for name in ROWS[request.param])
    monkeypatch.setenv("OBSKIT_PROMTOOL", promtool)
    monkeypatch.setenv("OBSKIT_AMTOOL", amtool)
    return promtool, amtool


def prometheus_files(corpora: Path, *kinds: str) -> list[Path]:
    """Files of Prometheus' own repository with one of these keys at their top, and none of another kind."""
    found = sorted((corpora / "prom-rules" / "promtool").rglob("*.y*ml"))
    keys = {path: top_keys(path, path.read_text()) for path in found}
    return [
        path for path in found
        if keys[path] & set(kinds) and "apiVersion" not in keys[path]
        and ("tests" in kinds or "tests" not in keys[path])
    ]  # fmt: skip


def test_prometheus_configurations(corpora: Path, checkers: tuple[str, str]) -> None:
    paths = prometheus_files(
        corpora, "global", "scrape_configs", "rule_files", "remote_write", "remote_read", "alerting",
        "otlp", "tracing", "storage", "scrape_config_files",
    )  # fmt: skip
    alarms, nowhere, good, bad = judge(paths, [checkers[0], "check", "config", "--syntax-only"])
    assert alarms == []
    assert bad > 60
    assert good > 25
    assert len(nowhere) <= 0.05 * bad, nowhere


def test_tests_of_rules(corpora: Path, checkers: tuple[str, str]) -> None:
    """What fails only because its rules are not there is no error, and is told."""
    paths = prometheus_files(corpora, "tests")
    alarms, nowhere, good, bad = judge(paths, [checkers[0], "test", "rules"])
    assert alarms == []
    assert good > 0
    assert bad > 4
    names = {item.partition(":")[0] for item in nowhere}
    assert names == {"long-period.yml", "rules_run.yml"}
    for path in paths:
        if path.name in names:
            (checked,) = check_files([path])
            assert [p.rule for p in checked.problems] == ["prometheus/test-rules-missing"]


def test_rule_files(corpora: Path, checkers: tuple[str, str]) -> None:
    folder = corpora / "prom-rules"
    paths = [
        *(folder / "promtool" / "model").rglob("*.y*ml"), *(folder / "promtool" / "rules").rglob("*.y*ml"),
        *(folder / "awesome-prometheus-alerts").rglob("*.yml"), *(folder / "monitoring-mixins").rglob("*.yaml"),
    ]  # fmt: skip
    alarms, nowhere, good, bad = judge(sorted(paths), [checkers[0], "check", "rules"])
    assert alarms == []
    assert good > 80
    assert bad >= 5
    assert len(nowhere) <= 0.05 * bad, nowhere


def test_alertmanager_configurations(corpora: Path, checkers: tuple[str, str]) -> None:
    paths = [p for p in (corpora / "alertmanager").rglob("*.yml") if "route" in p.read_text()]
    alarms, nowhere, good, bad = judge(sorted(paths), [checkers[1], "check-config"])
    assert alarms == []
    assert good > 5
    assert bad > 8
    assert len(nowhere) <= 0.05 * bad, nowhere


def test_tests_of_rules_objects_and_lists_of_targets_are_known_for_what_they_are(
    corpora: Path, checkers: tuple[str, str]
) -> None:
    """Tests whose rules are not there are not judged, and say so; none is read as a prometheus.yml."""
    rules = corpora / "prom-rules"
    checked = check_files(
        [rules / "kube-prometheus", rules / "kubernetes-mixin-tests",
         *(rules / "promtool/cmd/promtool/testdata").glob("good-sd-file.*")]
    )  # fmt: skip
    assert sum(item.target == "prometheus" for item in checked) >= 8
    found = {item.path.name: item.problems for item in checked if item.target == "prometheus"}
    assert [str(p) for item in checked for p in item.problems if p.severity is Severity.ERROR] == []
    for name in ("tests.yaml", "apps_alerts-test.yaml", "resource_alerts-test.yaml"):
        assert {p.rule for p in found[name]} == {"prometheus/test-rules-missing"}
        assert all(p.line for p in found[name])


def test_dashboards_of_others_are_no_errors(corpora: Path) -> None:
    """One is one: an undefined variable in a public dashboard."""
    checked = check_files([corpora / "grafana"])
    boards = [item for item in checked if item.target == "grafana"]
    assert len(boards) > 60
    wrong = {
        item.path.name: [p.message for p in item.problems if p.severity is Severity.ERROR]
        for item in boards
        if any(p.severity is Severity.ERROR for p in item.problems)
    }
    assert set(wrong) <= {"nodejs-overview.json"}, wrong


def test_pipelines_are_read_by_the_grammar(
    corpora: Path, mustache: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    monkeypatch.setenv("OBSKIT_MUSTACHE", str(mustache))
    bad = tmp_path / "bad.conf"
    bad.write_text("input { stdin { } }\nfilter {\n  mutate {\n}\n")
    ((line, message),) = errors(bad)
    assert line
    assert "mustache" in message
    checked = check_files([corpora / "logstash"])
    assert sum(item.target == "logstash" for item in checked) > 10


def test_the_place_is_found_where_the_checker_names_none(tmp_path: Path, promtool: Path) -> None:
    path = tmp_path / "prometheus.yml"
    path.write_text(
        "scrape_configs:\n"
        "  - job_name: a\n"
        "  - job_name: b\n"
        "    relabel_configs:\n"
        "      - action: lowercase\n"
        "        source_labels: [x]\n"
    )
    ((line, message),) = errors(path)
    assert line == 5
    assert "lowercase" in message


def test_a_named_file_of_no_known_kind_is_not_passed_in_silence(tmp_path: Path) -> None:
    odd, broken = tmp_path / "odd.yml", tmp_path / "broken.yml"
    odd.write_text("scrape_config: []\n")
    broken.write_text("a: b\n c: d\n")
    (first,), (second,) = (item.problems for item in check_files([odd, broken]))
    assert (first.rule, first.severity) == ("check/unknown-kind", Severity.WARNING)
    assert (second.rule, second.severity, second.line) == ("check/syntax", Severity.ERROR, 2)
    assert [item.problems for item in check_files([tmp_path])] == [(), ()], (
        "a folder holds anything"
    )


def test_without_its_checker_a_file_is_not_called_good(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("obskit.delivery.checker.find", lambda _: None)
    texts = {
        "prometheus.yml": "scrape_configs: []\n", "rules.yml": "groups: []\n",
        "tests.yml": "tests: []\nevaluation_interval: 1m\n", "targets.yml": "- targets: [a:1]\n",
        "alertmanager.yml": "route: {receiver: a}\n",
    }  # fmt: skip
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
        (checked,) = check_files([tmp_path / name])
        assert [p.rule.rpartition("/")[2][:3] for p in checked.problems] == ["no-"], checked


def test_nothing_is_written_beside_the_file(tmp_path: Path, amtool: Path) -> None:
    """Also where a file there has the name of the copy that amtool reads."""
    texts = {
        "am.yml": "route: {receiver: b}\nreceivers: [{name: a}]\n",
        "obskit-copy.yml": "theirs\n",
    }
    for name, text in texts.items():
        (tmp_path / name).write_text(text)
    ((line, _),) = errors(tmp_path / "am.yml")
    assert line == 1
    assert {path.name: path.read_text() for path in tmp_path.iterdir()} == texts
