"""The Logstash target against the stand-in that follows the recorded node API."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Iterator
from dataclasses import replace
from pathlib import Path
from typing import Any

import pytest

from obskit.deadline import Deadline
from obskit.engine.resource import Resource
from obskit.engine.verify import Proof, Verdict, verify
from obskit.errors import ConfigError, DeliveryError, Severity
from obskit.local import binaries
from obskit.targets.base import Canary
from obskit.targets.logstash import Logstash
from tests.contract.rigs.base import apply, make_target, plan_of
from tests.servers import logstash_standin, normalisers
from tests.servers.logstash_standin import Standin


@pytest.fixture
def standin(tmp_path: Path) -> Iterator[Standin]:
    """A Logstash that looks at its files ten times a second."""
    (tmp_path / "pipelines").mkdir()
    with logstash_standin.running(tmp_path / "pipelines.yml", interval=0.1) as one:
        yield one


def _target(standin: Standin, **more: Any) -> Logstash:
    section = {
        "url": standin.url, "files": "pipelines", "pipelines": "pipelines.yml", "settle": "3s",
        "elasticsearch_url": "http://127.0.0.1:9", **more,
    }  # fmt: skip
    target = make_target("logstash", section, folder=standin.listing.parent)
    assert isinstance(target, Logstash)
    return target


def _proofs(target: Logstash) -> list[Proof]:
    return verify([replace(check, seconds=1.5) for check in target.checks()])


def _canary(folder: Path) -> Canary:
    return Canary(service="a", path=folder / "a.log", trace_id="x", line="{}", offset=0)


def test_what_runs_is_proved_by_its_hash(standin: Standin) -> None:
    """The proof compares the node API's hash with the SHA-256 of the file."""
    target = _target(standin, dead_letter_queue="/var/lib/dlq")
    apply(target, plan_of(target))
    proofs = _proofs(target)
    assert [(proof.id, proof.verdict) for proof in proofs] == [
        ("loaded/logstash/obskit", Verdict.PROVED),
        ("loaded/logstash/obskit-dead-letters", Verdict.PROVED),
    ]
    file = standin.listing.parent / "pipelines" / "obskit.conf"
    assert hashlib.sha256(file.read_bytes()).hexdigest() in proofs[0].evidence[0].answer


def test_a_broken_edit_is_silent_to_logstash_and_not_to_obskit(standin: Standin) -> None:
    """The old pipeline runs on; the proof fails with the words of the failed reload."""
    target = _target(standin)
    apply(target, plan_of(target))
    file = standin.listing.parent / "pipelines" / "obskit.conf"
    file.write_text(file.read_text() + "filter { nonsense }\n")
    standin.scan()
    (proof,) = _proofs(target)
    assert proof.verdict is Verdict.FAILED
    assert "Expected one of" in proof.detail
    assert "in silence" in proof.detail
    hop = target.hop(_canary(standin.listing.parent), Deadline.after(5))
    assert hop is not None
    assert hop.passed is False


def test_a_pipeline_that_logstash_refuses_is_put_back(standin: Standin) -> None:
    """At once, with its words, and what ran before runs on."""
    target = _target(standin)
    apply(target, plan_of(target))
    file = standin.listing.parent / "pipelines" / "obskit.conf"
    before = file.read_text()
    desired = [
        Resource(address=item.address, body=item.body.replace("filter {", "filter { nonsense }\nfilter {", 1))
        if item.address.name == "obskit.conf" else item
        for item in target.desired()
    ]  # fmt: skip
    (change,) = plan_of(target, desired=desired).changes
    target.write(change)
    with pytest.raises(DeliveryError, match=r"put back.*Expected one of") as refused:
        target.settle([change])
    assert refused.value.hint
    assert file.read_text() == before
    standin.scan()
    assert target.api.pipelines()["obskit"].hash == hashlib.sha256(before.encode()).hexdigest()
    # The text that runs has never changed, so Logstash counts no success: its failure is of another text.
    assert target.api.pipelines()["obskit"].failing
    (proof,) = _proofs(target)
    assert proof.verdict is Verdict.PROVED


def test_a_pipeline_without_an_entry_is_told_by_doctor(standin: Standin) -> None:
    """Where pipelines.yml is not obskit's, the files are written and the missing entry is printed."""
    target = _target(standin, pipelines=None)
    apply(target, plan_of(target))
    findings = {item.subject: item for item in target.examine(Deadline.after(5))}
    assert findings["version"].ok is True
    assert findings["pipeline obskit"].ok is None
    assert "- pipeline.id: obskit" in findings["pipeline obskit"].next
    assert "queue.type: persisted" in findings["pipeline obskit"].next
    (proof,) = _proofs(target)
    assert proof.verdict is Verdict.FAILED
    assert "does not run" in proof.detail


def test_automatic_reload_that_is_off_is_a_fault(standin: Standin) -> None:
    """Nothing that is written would ever run."""
    target = _target(standin)
    apply(target, plan_of(target))
    standin.automatic = False
    findings = {item.subject: item for item in target.examine(Deadline.after(5))}
    assert findings["pipeline obskit"].ok is False
    assert "config.reload.automatic" in findings["pipeline obskit"].next


def test_a_logstash_that_is_not_there_is_a_failed_hop(tmp_path: Path) -> None:
    """With the address and what to do, and no traceback."""
    section = {"url": "http://127.0.0.1:9", "files": ".", "elasticsearch_url": "http://127.0.0.1:9"}
    target = make_target("logstash", section, folder=tmp_path)
    hop = target.hop(_canary(tmp_path), Deadline.after(5))
    assert hop is not None
    assert (hop.name, hop.passed) == ("logstash", False)
    assert hop.next


def test_filebeat_that_ships_past_it_is_no_hop(standin: Standin) -> None:
    """With ``shipping: direct`` the log path does not go through Logstash."""
    section = {
        "url": standin.url,
        "files": "pipelines",
        "elasticsearch_url": "http://127.0.0.1:9",
    }
    folder = standin.listing.parent
    for shipping, is_hop in (("direct", False), ("logstash", True)):
        peers = {"filebeat": {"inputs": "inputs", "shipping": shipping}}
        target = make_target("logstash", section, folder=folder, peers=peers)
        assert (target.hop(_canary(folder), Deadline.after(5)) is not None) is is_hop


def test_no_elasticsearch_is_a_configuration_error(standin: Standin) -> None:
    with pytest.raises(ConfigError, match="none is configured"):
        _target(standin, elasticsearch_url=None).desired()


def test_check_names_a_missing_checker_and_a_missing_sign_in(
    standin: Standin, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Neither is an error; the grammar's is, with its line."""
    monkeypatch.delenv("OBSKIT_MUSTACHE", raising=False)
    monkeypatch.setenv("PATH", "")
    peers = {"elasticsearch": {"url": "http://127.0.0.1:9", "auth": {"username": "u"}}}
    section = {"url": standin.url, "files": "pipelines"}
    target = make_target("logstash", section, folder=standin.listing.parent, peers=peers)
    found = {item.rule: item.severity for item in target.check()}
    assert found == {
        "logstash/no-mustache": Severity.INFO,
        "logstash/sign-in": Severity.WARNING,
    }
    mustache = binaries.look_for("mustache", "mustache", cached="mustache")
    if mustache is None:
        pytest.skip("mustache is not on this machine: run make servers")
    monkeypatch.setenv("OBSKIT_MUSTACHE", str(mustache))
    signed = _target(standin, output={"user": "u", "password": "${ES_PASSWORD}"})
    assert list(signed.check()) == []
    assert 'password => "${ES_PASSWORD}"' in signed.files["obskit.conf"]
    signed.files["obskit.conf"] += "output { nonsense }\n"
    (problem,) = signed.check()
    assert problem.rule == "logstash/grammar"
    assert problem.line


def test_a_certificate_turns_tls_on(standin: Standin) -> None:
    """Logstash ignores a certificate without ``ssl_enabled``, and its tcp input asks for a client's by default."""
    files = {"ssl_certificate": "/c.pem", "ssl_key": "/k.pem"}
    text = _target(standin, tcp_port=5045, tls=files).files["obskit.conf"]
    assert text.count("    ssl_enabled => true\n") == 2
    assert text.count('    ssl_client_authentication => "none"\n') == 2
    own = files | {"ssl_enabled": False, "ssl_certificate_authorities": ["/ca.pem"]}
    text = _target(standin, tls=own).files["obskit.conf"]
    assert "ssl_enabled => true" not in text
    assert "ssl_enabled => false" in text
    assert 'ssl_client_authentication => "required"' in text
    text = _target(standin, tls=own | {"ssl_client_authentication": "optional"}).files[
        "obskit.conf"
    ]
    assert text.count("ssl_client_authentication") == 1
    assert 'ssl_client_authentication => "optional"' in text
    assert "ssl_" not in _target(standin).files["obskit.conf"]


def test_options_are_written_in_the_language_of_logstash(standin: Standin, mustache: Path) -> None:
    """No escapes: other quotes around a quote; what has both, or ends with a backslash, is refused."""
    output = {
        "password": 'a"b\\c', "custom_headers": {"X-Team": "it's"}, "pool_max": 5,
        "ssl_supported_protocols": ["TLSv1.3"],
    }  # fmt: skip
    target = _target(standin, output=output)
    text = target.files["obskit.conf"]
    assert "password => 'a\"b\\c'" in text
    assert 'custom_headers => { "X-Team" => "it\'s" }' in text
    assert "pool_max => 5" in text
    assert 'ssl_supported_protocols => ["TLSv1.3"]' in text
    folder = standin.listing.parent
    (folder / "whole.conf").write_text(text)
    subprocess.run([mustache, "check", folder / "whole.conf"], check=True)
    for value in ("'\"", "C:\\"):
        with pytest.raises(ConfigError, match="keystore") as refused:
            _ = _target(standin, output={"password": value}).files
        assert value not in str(refused.value)


def test_what_elasticsearch_refused_goes_to_the_quarantine_as_text(
    standin: Standin, tmp_path: Path
) -> None:
    """The dead letter pipeline keeps the event and the reason, and nothing that can be refused again."""
    command = normalisers.jruby()
    if command is None:
        pytest.skip("no JRuby on this machine: run make servers")
    text = _target(standin, dead_letter_queue="/var/lib/dlq").files["obskit-dead-letters.conf"]
    code = text.split("code => '", 1)[1].split("'", 1)[0]
    event = {
        "service": "shop", "attributes": {"a": [1]}, "host": {"name": "x"},
        "@metadata": {"dead_letter_queue": {"reason": "Could not index event: 400"}},
    }  # fmt: skip
    ruby = f"@obskit = Object.new\ndef @obskit.apply(event)\n{code}\nend\n"
    (kept,) = normalisers.logstash_documents(command, ruby, [event], tmp_path / "ruby")
    assert kept is not None
    refused = json.loads(kept.pop("message"))
    assert refused["service"] == "shop"
    assert refused["attributes"] == {"a": [1]}
    del kept["@timestamp"]
    assert kept == {
        "reasons": ["elasticsearch: Could not index event: 400"],
        "error": {"type": "elasticsearch", "message": "Could not index event: 400"},
        "data_stream": {"type": "logs", "dataset": "obskit.invalid", "namespace": "default"},
    }
