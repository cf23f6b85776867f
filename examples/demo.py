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

import yaml

from obskit import local
from obskit.errors import ObskitError
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
    errors: float = 0.002
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
def running_stack(folder: Path) -> Iterator[tuple[local.Stack, server.Running]]:
    """The local stack and the sample service, for the length of a block."""
    service: server.Running | None = None
    try:
        stack = local.up(folder / "local", engine="native", progress=lambda line: say(f"  {line}"))
        service = server.start(SampleService(log=stack.logs / f"{SERVICE}.log"), folder / SERVICE)
        say(f"  {SERVICE}: ready at {service.url}, logging to {SERVICE}.log")
        yield stack, service
    finally:
        # A second Ctrl-C must not leave servers behind; the clean-up has deadlines of its own.
        signal.signal(signal.SIGINT, signal.SIG_IGN)
        if service is not None:
            server.stop(service)
        local.down(folder / "local")


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
        with running_stack(folder) as (stack, service):
            receiver = f"http://127.0.0.1:{server.free_port()}"
            text = yaml.safe_dump(configuration(stack, service, receiver), sort_keys=False)
            (folder / "obskit.yml").write_text(text, encoding="utf-8")
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
