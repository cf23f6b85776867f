"""Every target before a server that misbehaves, by every command: a message, an exit code, nothing half-written."""

from __future__ import annotations

import json
import re
import ssl
import time
from collections.abc import Iterator
from pathlib import Path

import pytest
import trustme

from obskit.cli import main
from obskit.delivery.http import Http
from obskit.targets import REGISTRY, stack
from tests.servers import bad_server as bad
from tests.servers import grafana_standin, kibana_standin

WHOLE = json.dumps({"status": "success", "data": {"a": "b" * 400}}).encode()

_OTHER = "not the answer|no '|not the list|not as a Grafana|not Elas|does not|cannot make sense"
#: What the server does, and a word of the message that has to name it.
BEHAVIOURS = {
    "html": (bad.html, "HTML"),
    "empty": (bad.empty, "nothing where JSON|not the answer"),
    "half": (bad.half(WHOLE), "broke off"),
    "401": (bad.denied, "does not accept the credentials"),
    "403": (bad.forbidden, "does not permit it"),
    "404": (bad.says(404, {"message": "no such page"}), "404|has no '"),
    "500": (bad.says(500, {"message": "boom"}), "answered 500"),
    "429": (bad.says(429, {}, retry_after="3600"), "asks to wait 3600 s"),
    "byte-a-second": (bad.drip, "no whole answer within"),
    "other-json": (bad.says(200, {"hello": 1}), _OTHER),
    "a-list": (bad.says(200, []), _OTHER),
    # The envelope of each kind of server, with other things in it: another product behind the same API.
    "prometheus-like": (bad.says(200, {"status": "success", "data": {}}), _OTHER),
    "elasticsearch-like": (bad.says(200, {}, x_elastic_product="Elasticsearch"), _OTHER),
    "null": (bad.says(200, None), _OTHER),
}  # fmt: skip
#: Questions that are asked by POST.
_ASKING = re.compile(r"POST \S*(_search|_simulate|/query)")
#: Their state is files, so these read no server; ``provision`` looks at it before the first write.
_BY_FILES = {
    "plan": {"logstash": 3, "filebeat": 3},
    "destroy": dict.fromkeys(("logstash", "filebeat", "alertmanager"), 0),
}


@pytest.fixture(autouse=True)
def deadline(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> float:
    """Seconds for one request, where obskit.yml has no key for it: few where they are waited for."""
    called = getattr(request.node, "callspec", None)
    slow = called is not None and called.params.get("behaviour") == "byte-a-second"
    seconds = 1.5 if slow else 20.0
    monkeypatch.setitem(Http.__init__.__kwdefaults__, "seconds", seconds)
    monkeypatch.setitem(stack.examine.__kwdefaults__, "seconds", seconds)
    monkeypatch.setenv("NO_COLOR", "1")
    return seconds


def configure(
    folder: Path, target: str, url: str, auth: str = "", seconds: float = 20.0
) -> list[str]:
    """An obskit.yml with one server; its files, too."""
    for name in ("files/rules", "files/targets", "inputs", "pipelines", "logs"):
        (folder / name).mkdir(parents=True)
    (folder / "alertmanager.yml").write_text("route: {receiver: x}\nreceivers: [{name: x}]\n")
    more = {
        "elasticsearch": f"timeout: {seconds:.0f}s",
        "logstash": "files: pipelines, elasticsearch_url: 'http://127.0.0.1:9', settle: 2s",
        "filebeat": "inputs: inputs, elasticsearch_url: 'http://127.0.0.1:9', settle: 2s",
        "prometheus": "files: files, settle: 2s",
        "alertmanager": "file: alertmanager.yml, settle: 2s",
        "grafana": "dashboards: [node]",
        "kibana": f"timeout: {seconds:.0f}s",
    }[target]
    given = f"{{url: '{url}', {more}{auth}}}"
    (folder / "obskit.yml").write_text(
        "project: bad\nverify: {deadline: 3s}\n"
        f"services: [{{name: shop, logs: ['{folder}/logs/*.log'], metrics: ['127.0.0.1:9']}}]\n"
        f"{target}: {given}\n"
    )
    return ["-f", str(folder / "obskit.yml")]


def run(*arguments: str) -> int:
    with pytest.raises(SystemExit) as ended:
        main(list(arguments))
    return int(ended.value.code or 0)


def everything(folder: Path) -> dict[str, bytes]:
    return {str(path): path.read_bytes() for path in folder.rglob("*") if path.is_file()}


@pytest.mark.parametrize("behaviour", BEHAVIOURS)
@pytest.mark.parametrize("target", REGISTRY)
def test_a_command_ends_in_time_with_a_message_and_leaves_nothing(
    target: str,
    behaviour: str,
    deadline: float,
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    behave, words = BEHAVIOURS[behaviour]
    with bad.serving(behave) as server:
        where = configure(tmp_path, target, server.url, seconds=deadline)
        before = everything(tmp_path)
        for command in (
            ["plan"],
            ["provision", "--yes"],
            ["doctor"],
            ["verify"],
            ["destroy", "--yes"],
        ):
            started = time.monotonic()
            code = run(*command, *where)
            told = capsys.readouterr()
            said = re.sub(r"\s+", " ", told.out + told.err)
            assert time.monotonic() - started < 10 * deadline, command
            assert "Traceback" not in said
            assert everything(tmp_path) == before, command
            expected = _BY_FILES.get(command[0], {}).get(target, 1)
            assert code == expected, (command, said)
            if expected != 1:
                continue
            if command[0] != "verify":  # a table, whose cells are broken into lines
                assert re.search(words, said), (command, said)
                if "-like" not in behaviour:
                    assert server.url in said, (command, said)
                # Of a status like these there is no more to say than what the server says.
                assert "→" in said or behaviour in ("404", "500"), (command, said)
            assert "obskit itself broke" not in said, said
        writes = [line for line in server.methods() if not line.startswith("GET ")]
        assert [line for line in writes if not _ASKING.match(line)] == []


@pytest.fixture(scope="module")
def tls() -> ssl.SSLContext:
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    trustme.CA().issue_cert("127.0.0.1").configure_cert(context)
    return context


@pytest.mark.parametrize("target", REGISTRY)
def test_a_certificate_that_nobody_vouches_for_is_said_to_be_that(
    target: str, tls: ssl.SSLContext, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    with bad.serving(bad.says(200, {}), tls=tls) as server:
        where = configure(tmp_path, target, server.url)
        for command in ("doctor", "provision"):
            assert run(command, *where) == 1
            said = re.sub(r"\s+", " ", "".join(capsys.readouterr()))
            assert "its certificate is not trusted" in said
            assert "auth.ca_file" in said
    assert not server.requests


@pytest.fixture(params=["grafana", "kibana"])
def busy_once(request: pytest.FixtureRequest) -> Iterator[tuple[str, str, str]]:
    """A stand-in behind a proxy that is busy at first: 503, then 429."""
    busy = bad.first(1, bad.says(503, {}), bad.says(429, {}, retry_after="1"))
    if request.param == "grafana":
        with grafana_standin.running() as one, bad.serving(bad.first(2, busy, bad.relay(one.url))) as proxy:  # fmt: skip  # noqa: E501
            yield request.param, proxy.url, f", auth: {{username: {one.user}, password: {one.password}}}"  # fmt: skip
    else:
        user, password = kibana_standin.USER, kibana_standin.PASSWORD
        with kibana_standin.kibana() as two, bad.serving(bad.first(2, busy, bad.relay(two.url))) as proxy:  # fmt: skip
            yield request.param, proxy.url, f", auth: {{username: {user}, password: {password}}}"


def test_a_server_that_is_busy_once_is_planned_all_the_same(
    busy_once: tuple[str, str, str],
    tmp_path: Path,
    capsys: pytest.CaptureFixture[str],
) -> None:
    target, url, auth = busy_once
    assert run("plan", "--json", *configure(tmp_path, target, url, auth)) == 3
    assert json.loads(capsys.readouterr().out)["summary"]["create"] > 0
