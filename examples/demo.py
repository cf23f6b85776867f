"""The whole way on this machine: real servers, a sample service, provision, proofs: `make demo`.

It ends with `obskit provision` run twice: the first makes the stack and proves it, the second has to
find nothing to change. The exit code is 1 when a proof failed. Nothing is left behind, unless
`--keep` is given.
"""

from __future__ import annotations

import argparse
import contextlib
import json
import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import httpx
import yaml

from obskit import local
from obskit.errors import LocalError, ObskitError
from obskit.local import server

ROOT = Path(__file__).resolve().parent.parent
SERVICE = "user-service"


@dataclass(frozen=True, slots=True, kw_only=True)
class SampleService:
    """The sample service, started as the servers are.

    Args:
        log: File that it logs to.
        load: Requests a second that it sends to itself.
        errors: Share of the order requests that fail.
        name: Its name.
    """

    log: Path
    load: float = 10.0
    errors: float = 0.15  # so many that there is something to see
    name: str = SERVICE

    def prepare(self, folder: Path) -> server.Launch:
        """Choose a port."""
        del folder
        port = server.free_port()
        program = ROOT / "examples" / "service" / "app.py"
        options = {"--port": port, "--log": self.log, "--load": self.load, "--errors": self.errors}
        arguments = [str(part) for option in options.items() for part in option]
        return server.Launch(
            argv=(sys.executable, str(program), *arguments),
            url=f"http://127.0.0.1:{port}",
            ready="/-/ready",
            addresses={"address": f"127.0.0.1:{port}"},
        )


@dataclass(frozen=True, slots=True, kw_only=True)
class Exporter:
    """`obskit exporter`, which counts the logs for rules and panels.

    Args:
        file: The obskit.yml with the servers to ask.
        name: Its name, and that of its job in Prometheus.
    """

    file: Path
    name: str = "obskit-exporter"

    def prepare(self, folder: Path) -> server.Launch:
        """Choose a port."""
        del folder
        address = f"127.0.0.1:{server.free_port()}"
        return server.Launch(
            argv=(
                sys.executable, "-m", "obskit", "exporter",
                "--file", str(self.file), "--listen", address,
            ),
            url=f"http://{address}",
            ready="/-/healthy",
            addresses={"address": address},
        )  # fmt: skip


def configuration(stack: local.Stack, service: server.Running, receiver: str) -> dict[str, Any]:
    """What obskit.yml says about a local stack and the sample service."""
    addresses = stack.addresses
    grafana: dict[str, Any] = {"provisioning": addresses["grafana"]["provisioning"]}
    if "url" in addresses["grafana"]:
        password = "${file:" + addresses["grafana"]["password_file"] + "}"
        grafana = {
            "url": addresses["grafana"]["url"],
            "auth": {"username": "admin", "password": password},
        }
    return {
        "project": "demo",
        "environment": "local",
        "services": [
            {
                "name": SERVICE,
                "version": "1.4.2",
                "logs": [str(stack.logs / f"{SERVICE}.log")],
                "metrics": [service.addresses["address"]],
                "slo": 99,
                "p95_ms": 250,
            }
        ],
        "elasticsearch": {"url": addresses["elasticsearch"]["url"], "retention": "7d"},
        "filebeat": {
            name: addresses["filebeat"][name] for name in ("inputs", "url", "data", "log")
        },
        "prometheus": {
            "url": addresses["prometheus"]["url"],
            "files": addresses["prometheus"]["files"],
        },
        "alertmanager": {
            "url": addresses["alertmanager"]["url"],
            "file": addresses["alertmanager"]["file"],
        },
        "grafana": grafana,
        "verify": {"receiver": receiver},
    }


def say(text: str) -> None:
    """One line, at once."""
    print(text, flush=True)


@contextlib.contextmanager
def running_stack(folder: Path) -> Iterator[str]:
    """The local stack, the sample service and the exporter, for the length of a block; the text of obskit.yml."""
    started: list[server.Running] = []
    try:
        stack = local.up(folder / "local", engine="native", progress=lambda line: say(f"  {line}"))
        service = server.start(SampleService(log=stack.logs / f"{SERVICE}.log"), folder / SERVICE)
        started.append(service)
        say(f"  {SERVICE}: ready at {service.url}, logging to {SERVICE}.log")
        receiver = f"http://127.0.0.1:{server.free_port()}"
        text = yaml.safe_dump(configuration(stack, service, receiver), sort_keys=False)
        file = folder / "obskit.yml"
        file.write_text(text, encoding="utf-8")
        exporter = server.start(Exporter(file=file), folder / "exporter")
        started.append(exporter)
        scrape(stack, exporter)
        say(f"  {exporter.name}: ready at {exporter.url}, scraped by Prometheus")
        yield text
    finally:
        # A second Ctrl-C must not leave servers behind; the clean-up has deadlines of its own.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        for one in started:
            server.stop(one)
        local.down(folder / "local")


def scrape(stack: local.Stack, exporter: server.Running) -> None:
    """Have the exporter scraped, as a line in prometheus.yml would, and wait until it was."""
    prometheus = stack.addresses["prometheus"]
    entry = {"targets": [exporter.addresses["address"]], "labels": {"job": exporter.name}}
    targets = Path(prometheus["files"], "targets", f"{exporter.name}.yml")
    targets.write_text(yaml.safe_dump([entry]), encoding="utf-8")
    query = {"query": f'up{{job="{exporter.name}"}} == 1'}
    deadline = time.monotonic() + 30
    while time.monotonic() < deadline:
        answer = httpx.get(f"{prometheus['url']}/api/v1/query", params=query).json()
        if answer["data"]["result"]:
            return
        time.sleep(0.5)
    raise LocalError("Prometheus did not scrape it within 30 s", where=exporter.name)


def obskit(
    folder: Path, *arguments: str, capture: bool = False
) -> subprocess.CompletedProcess[str]:
    """Run the command line as a user does."""
    say(f"\n$ obskit {' '.join(arguments)}")
    return subprocess.run(
        [sys.executable, "-m", "obskit", *arguments],
        cwd=folder,
        stdout=subprocess.PIPE if capture else None,
        text=True,
        check=False,
    )


def provision_twice(folder: Path) -> int:
    """Provision and prove, then provision again: 0 where all is proved and nothing was left to do."""
    first = obskit(folder, "provision", "--yes")
    second = obskit(folder, "provision", "--yes", "--json", capture=True)
    try:
        facts = json.loads(second.stdout)
    except json.JSONDecodeError:
        say(f"the second run ended with {second.returncode} and did not report:\n{second.stdout}")
        return 1
    changes = facts["plan"]["changes"]
    verdicts = [proof["verdict"] for proof in facts.get("proofs", [])]
    counts = ", ".join(f"{verdicts.count(word)} {word}" for word in dict.fromkeys(verdicts))
    say(f"second run: {len(changes)} changes; {counts}")
    for proof in facts.get("proofs", []):
        if proof["verdict"] == "explained":
            say(f"  explained: {proof['title']}: {proof['detail']}")
    for change in changes:
        say(f"  {change['address']}: {change['cause']}: {json.dumps(change['edits'])}")
    return 1 if first.returncode or second.returncode or changes else 0


def servers_at_hand() -> None:
    """Obtain the servers where some are missing; that says by itself what it costs."""
    get = [sys.executable, str(ROOT / "tests" / "servers" / "get.py")]
    if subprocess.run([*get, "--list"], capture_output=True, check=False).returncode != 0:
        subprocess.run(get, check=True)


def main() -> int:
    """Run the demo; 0 when everything was proved."""
    parser = argparse.ArgumentParser(description="The whole way: `make demo`.")
    parser.add_argument("--keep", action="store_true", help="leave it running until Ctrl-C")
    options = parser.parse_args()
    # `make` and CI end a run with TERM: clean up as on Ctrl-C, which a shell's background job ignores by itself.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGTERM, lambda *_: os.kill(os.getpid(), signal.SIGINT))
    servers_at_hand()
    folder = Path(tempfile.mkdtemp(prefix="obskit-demo-"))
    started = time.monotonic()
    try:
        say("starting a local stack:")
        with running_stack(folder) as text:
            say("\nobskit.yml:\n" + "".join(f"  {line}\n" for line in text.splitlines()))
            code = provision_twice(folder)
            say(f"the demo took {time.monotonic() - started:.0f} s")
            if options.keep:
                say(f"left running for you; obskit.yml is in {folder}. Ctrl-C ends it.")
                signal.pause()
            return code
    except KeyboardInterrupt:
        say("stopped; everything that was started is gone")
        return 130
    except ObskitError as error:
        print(f"error: {error}", file=sys.stderr)
        return error.exit_code
    finally:
        shutil.rmtree(folder, ignore_errors=True)


if __name__ == "__main__":
    sys.exit(main())
