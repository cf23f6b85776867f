"""Servers that misbehave: each call ends within its deadline with an error that says what to do.

Through the HTTP seam alone, and through the Elasticsearch client on it.
"""

from __future__ import annotations

import hashlib
import json
import ssl
import time
from collections.abc import Callable
from pathlib import Path

import pytest
import trustme

from obskit.config import Auth
from obskit.config.secret import Secret
from obskit.deadline import Deadline
from obskit.delivery.http import Http
from obskit.engine.verify import Verdict, verify
from obskit.errors import (
    BadAnswerError,
    DeniedError,
    RejectedError,
    ServerError,
    UnreachableError,
)
from obskit.targets.elasticsearch.client import Client
from tests.contract.rigs.base import make_target
from tests.servers import bad_server as bad

WHOLE = json.dumps({"component_templates": [{"name": "a" * 200}]}).encode()
fine = bad.says(200, {"ok": True}, x_elastic_product="Elasticsearch")

Ask = Callable[..., object]


def by_seam(
    url: str, *, seconds: float = 2.0, auth: Auth | None = None, method: str = "GET"
) -> object:
    return Http(url, auth=auth).request(method, "/x", deadline=Deadline.after(seconds)).json()


def by_client(
    url: str, *, seconds: float = 2.0, auth: Auth | None = None, method: str = "GET"
) -> object:
    client = Client([url], auth=auth or Auth(), seconds=seconds)
    return client.call(method, "/x", deadline=Deadline.after(seconds)).body


@pytest.fixture(params=[by_seam, by_client], ids=["seam", "elasticsearch"])
def ask(request: pytest.FixtureRequest) -> Ask:
    found: Ask = request.param
    return found


@pytest.mark.parametrize(
    ("behave", "error", "words"),
    [
        pytest.param(bad.html, BadAnswerError, "HTML", id="html-with-200"),
        pytest.param(bad.html_as_json, BadAnswerError, "JSON|HTML", id="html-said-to-be-json"),
        pytest.param(bad.empty, BadAnswerError, "nothing", id="empty-200"),
        pytest.param(bad.half(WHOLE), BadAnswerError, "broke off", id="half-a-body"),
        pytest.param(bad.cut_json(WHOLE), BadAnswerError, "cut short", id="half-of-the-json"),
        pytest.param(bad.redirect, BadAnswerError, "redirects", id="redirect"),
        pytest.param(bad.denied, DeniedError, "credentials", id="wrong-password"),
        pytest.param(bad.forbidden, DeniedError, "unauthorized", id="missing-privilege"),
        pytest.param(bad.says(400, {"error": "no"}), RejectedError, "400: no", id="refused"),
        pytest.param(bad.silent, UnreachableError, "within 2 s", id="silence"),
        pytest.param(bad.drip, UnreachableError, "within 2 s", id="byte-a-second"),
        pytest.param(bad.hang_up, ServerError, "broke off|connection lost", id="hangs-up"),
    ],
)
def test_each_misbehaviour_has_its_own_error(
    ask: Ask, behave: bad.Behaviour, error: type[ServerError], words: str
) -> None:
    with bad.serving(behave) as server:
        started = time.monotonic()
        with pytest.raises(error, match=words) as caught:
            ask(server.url)
        assert time.monotonic() - started < 3.0
    assert server.url in str(caught.value), "the message says where"


def test_503_once_is_asked_again(ask: Ask) -> None:
    with bad.serving(bad.first(1, bad.says(503, {}), fine)) as server:
        assert ask(server.url) == {"ok": True}
    assert len(server.requests) == 2


def test_retry_after_is_kept(ask: Ask) -> None:
    """429 with Retry-After: nothing is asked before that time, also for a write."""
    busy = bad.says(429, {}, retry_after="1")
    with bad.serving(bad.first(1, busy, fine)) as server:
        started = time.monotonic()
        assert ask(server.url, seconds=5.0, method="PUT") == {"ok": True}
        assert time.monotonic() - started >= 1.0


def test_retry_after_beyond_the_deadline_gives_up_at_once(ask: Ask) -> None:
    with bad.serving(bad.says(429, {}, retry_after="3600")) as server:
        started = time.monotonic()
        with pytest.raises(UnreachableError, match="asks to wait 3600 s"):
            ask(server.url)
        assert time.monotonic() - started < 1.0
    assert len(server.requests) == 1


def test_a_write_whose_connection_is_lost_is_not_made_twice(ask: Ask) -> None:
    with bad.serving(bad.hang_up) as server:
        with pytest.raises(ServerError):
            ask(server.url, method="PUT")
    assert len(server.requests) == 1


@pytest.fixture(scope="module")
def authority() -> trustme.CA:
    return trustme.CA()


@pytest.fixture(scope="module")
def tls(authority: trustme.CA) -> tuple[ssl.SSLContext, str]:
    """A server's context, and the fingerprint of its certificate."""
    certificate = authority.issue_cert("127.0.0.1")
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    certificate.configure_cert(context)
    der = ssl.PEM_cert_to_DER_cert(certificate.cert_chain_pems[0].bytes().decode())
    return context, hashlib.sha256(der).hexdigest()


def test_a_certificate_that_nobody_vouches_for_is_refused(
    ask: Ask, tls: tuple[ssl.SSLContext, str]
) -> None:
    with bad.serving(fine, tls=tls[0]) as server:
        with pytest.raises(UnreachableError, match="not trusted") as caught:
            ask(server.url)
    assert "ca_file" in caught.value.hint
    assert not server.requests


def test_its_authority_or_its_fingerprint_makes_it_trusted(
    ask: Ask, tls: tuple[ssl.SSLContext, str], authority: trustme.CA, tmp_path: Path
) -> None:
    authority.cert_pem.write_to_path(str(tmp_path / "ca.pem"))
    with bad.serving(fine, tls=tls[0]) as server:
        assert ask(server.url, auth=Auth(ca_file=tmp_path / "ca.pem")) == {"ok": True}
        assert ask(server.url, auth=Auth(ca_fingerprint=tls[1])) == {"ok": True}
        with pytest.raises(UnreachableError, match="fingerprint"):
            ask(server.url, auth=Auth(ca_fingerprint="00" * 32))


def _shows(folder: Path, leaf: trustme.LeafCert, more: trustme.CA) -> ssl.SSLContext:
    """A server's context that sends one more certificate behind its own."""
    file = folder / "chain.pem"
    file.write_bytes(leaf.cert_chain_pems[0].bytes() + more.cert_pem.bytes())
    leaf.private_key_pem.write_to_path(str(folder / "key.pem"))
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(file, folder / "key.pem")
    return context


def test_the_fingerprint_of_an_authority_vouches_for_what_it_signed_only(
    ask: Ask, authority: trustme.CA, tmp_path: Path
) -> None:
    """An impostor can send the authority's certificate along, which is public; he cannot sign with it."""
    der = ssl.PEM_cert_to_DER_cert(authority.cert_pem.bytes().decode())
    auth = Auth(ca_fingerprint=hashlib.sha256(der).hexdigest(), username="a", password=Secret("b"))
    genuine = _shows(tmp_path, authority.issue_cert("127.0.0.1"), authority)
    with bad.serving(fine, tls=genuine) as server:
        assert ask(server.url, auth=auth) == {"ok": True}
    impostor = _shows(tmp_path, trustme.CA().issue_cert("127.0.0.1"), authority)
    with bad.serving(fine, tls=impostor) as server:
        with pytest.raises(UnreachableError, match="not trusted"):
            ask(server.url, auth=auth)
        assert not server.requests, "no password is sent"
    elsewhere = _shows(tmp_path, authority.issue_cert("another.example"), authority)
    with bad.serving(fine, tls=elsewhere) as server:
        with pytest.raises(UnreachableError, match="not trusted"):
            ask(server.url, auth=auth)


def test_https_to_a_server_without_tls_says_so(ask: Ask) -> None:
    with bad.serving(fine) as server:
        with pytest.raises(UnreachableError, match="does not speak TLS"):
            ask(server.url.replace("http:", "https:"))


def test_credentials_are_sent_and_never_shown(ask: Ask) -> None:
    auth = Auth(username="obskit", password=Secret("hunter2"))
    with bad.serving(bad.denied) as server:
        with pytest.raises(DeniedError) as caught:
            ask(server.url, auth=auth)
    assert server.requests[0].headers["authorization"].startswith("Basic ")
    assert "hunter2" not in str(caught.value)


def test_an_api_key_is_sent_as_one() -> None:
    with bad.serving(fine) as server:
        by_client(server.url, auth=Auth(token=Secret("a2V5")))
    assert server.requests[0].headers["authorization"] == "ApiKey a2V5"


def test_another_product_is_not_taken_for_elasticsearch() -> None:
    with bad.serving(bad.says(200, {"version": {"distribution": "opensearch"}})) as server:
        with pytest.raises(BadAnswerError, match="not Elasticsearch"):
            by_client(server.url)


@pytest.mark.parametrize("status", [404, 500])
def test_a_proxys_not_found_is_no_empty_elasticsearch(status: int) -> None:
    """Also where 404 is an answer: "nothing was rejected" must not be proved by a proxy."""
    with bad.serving(bad.says(status, {"message": "no such page"})) as server:
        client = Client([server.url], auth=Auth(), seconds=2.0)
        with pytest.raises(BadAnswerError, match="not as Elasticsearch does"):
            client.call("POST", "/x/_search", body={}, allow={status})


@pytest.mark.parametrize(
    "part",
    [
        {"timed_out": True, "_shards": {"total": 2, "failed": 0}},
        {"_shards": {"total": 2, "failed": 1, "failures": [{"reason": {"reason": "disk gone"}}]}},
    ],
)
def test_a_search_of_a_part_proves_nothing(part: dict[str, object], tmp_path: Path) -> None:
    """Shards that failed would count as "nothing was rejected"."""
    whole = {"hits": {"total": {"value": 0}, "hits": []}, **part}
    with bad.serving(bad.says(200, whole, x_elastic_product="Elasticsearch")) as server:
        target = make_target("elasticsearch", {"url": server.url}, folder=tmp_path)
        proofs = verify(target.checks(), only="rejected")
    assert [proof.verdict for proof in proofs] == [Verdict.FAILED]
    assert "searched only a part" in proofs[0].detail
