"""The pictures of the README, from real runs: `make captures` writes docs/images/*.svg anew.

Everything in them was printed by obskit, or arrived at a receiver: a mail server and a robot of DingTalk
on the loopback, told by the real Alertmanager of an alert that really fired. Nothing is drawn by hand, and
nothing is shown of servers that are not there (Grafana): only what is too long is cut, which a line says.
"""

from __future__ import annotations

import email
import email.policy
import fcntl
import json
import os
import pty
import re
import struct
import subprocess
import sys
import tempfile
import termios
import threading
import time
from collections.abc import Iterator
from contextlib import contextmanager
from email.message import EmailMessage
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import demo
import yaml
from aiosmtpd.controller import Controller
from rich._export_format import CONSOLE_SVG_FORMAT
from rich.console import Console
from rich.text import Text

from obskit.local import server

IMAGES = demo.ROOT / "docs" / "images"
WIDTH = 122
#: As rich draws it, without fonts of the web and without the mark that differs in each run.
_SVG = re.sub(r"@font-face \{\{.*?\}\}\n", "", CONSOLE_SVG_FORMAT, flags=re.DOTALL).replace(
    "Fira Code, monospace", "monospace"
)
#: What differs in each run and says nothing: shortened, and as wide as it was, so that tables stay tables.
_NOISE = re.compile(r"/\S*/obskit-captures-\w+/|(?<=127\.0\.0\.1:)\d{4,5}")

LINES = """\
{"timestamp":"2023-09-10T12:34:56Z","level":"INFO","service":"shop","trace_id":"abc123xyz","message":"ok"}
{"timestamp":"2023-09-10 12:34:57","level":"info","service":"shop","trace_id":"abc123xyz","message":"ok"}
{"timestamp":"2023-09-10T12:34:58Z","level":"WARN","service":"shop","message":"a slow answer"}
{"timestamp":"2023-09-10T12:34:59Z","level":"INFO","service":"shop","trace_id":null,"message":"","clientip":"::1"}
"""


class Mailbox:
    """Keeps what a mail server on the loopback is sent."""

    def __init__(self) -> None:
        self.mails: list[EmailMessage] = []

    async def handle_DATA(self, _server: Any, _session: Any, envelope: Any) -> str:  # noqa: N802
        """Take a mail, as aiosmtpd calls it."""
        message = email.message_from_bytes(envelope.content, policy=email.policy.default)
        self.mails.append(message)  # type: ignore[arg-type]
        return "250 OK"


@contextmanager
def robot() -> Iterator[tuple[str, list[dict[str, Any]]]]:
    """A robot's address on the loopback, and the bodies that it was sent."""
    bodies: list[dict[str, Any]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            bodies.append(json.loads(self.rfile.read(int(self.headers["content-length"]))))
            answer = b'{"errcode":0,"errmsg":"ok"}'
            self.send_response(200)
            self.send_header("content-type", "application/json")
            self.send_header("content-length", str(len(answer)))
            self.end_headers()
            self.wfile.write(answer)

        def log_message(self, *_: Any) -> None:
            """Say nothing."""

    listening = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    thread = threading.Thread(target=listening.serve_forever, daemon=True)
    thread.start()
    try:
        yield f"http://127.0.0.1:{listening.server_port}/robot/send?access_token=t", bodies
    finally:
        listening.shutdown()
        listening.server_close()
        thread.join()


def on_a_terminal(folder: Path, *arguments: str) -> str:
    """Run the command line on a terminal of its own, and give what it printed there, with its colours."""
    inner, outer = pty.openpty()
    fcntl.ioctl(outer, termios.TIOCSWINSZ, struct.pack("HHHH", 50, WIDTH, 0, 0))
    environ = {**os.environ, "TERM": "xterm-256color", "COLUMNS": str(WIDTH)}
    demo.say(f"$ obskit {' '.join(arguments)}")
    process = subprocess.Popen(
        [sys.executable, "-m", "obskit", *arguments],
        cwd=folder, stdout=outer, stderr=subprocess.PIPE, env=environ, text=True,
    )  # fmt: skip
    os.close(outer)
    printed = b""
    while True:
        try:
            part = os.read(inner, 65536)
        except OSError:  # the other end is closed: Linux says so by EIO
            break
        if not part:
            break
        printed += part
    os.close(inner)
    _, said = process.communicate()
    if process.returncode not in (0, 1, 3):
        raise SystemExit(f"obskit {' '.join(arguments)} ended with {process.returncode}: {said}")
    return printed.decode().replace("\r\n", "\n")


def draw(name: str, title: str, printed: str, *, at_most: int = 46) -> None:
    """Write a picture of what a terminal showed."""
    printed = _NOISE.sub(lambda found: "…".ljust(len(found[0])), printed)
    console = Console(record=True, width=WIDTH, file=open(os.devnull, "w"), force_terminal=True)  # noqa: PTH123, SIM115
    lines = Text.from_ansi(printed.strip("\n")).wrap(console, WIDTH)
    for line in lines[:at_most]:
        console.print(line, end="\n")
    if len(lines) > at_most:
        console.print(f"… {len(lines) - at_most} more lines", style="dim")
    svg = console.export_svg(title=title, code_format=_SVG, unique_id=name)
    (IMAGES / f"{name}.svg").write_text(svg, encoding="utf-8")
    demo.say(f"  docs/images/{name}.svg, {len(svg) // 1000} kB")


def wait(what: str, there: Any, seconds: float = 420.0) -> Any:
    """Wait for something that comes by itself."""
    end = time.monotonic() + seconds
    while not (found := there()):
        if time.monotonic() > end:
            raise SystemExit(f"{what} did not come within {seconds:g} s")
        time.sleep(1)
    return found


def alert_as_it_arrived(mails: list[EmailMessage], bodies: list[dict[str, Any]]) -> str:
    """The first mail and the first message of the robot on a service that is down."""
    mail = wait("a mail", lambda: [m for m in mails if "ServiceDown" in m["Subject"]], 420)[0]
    body = wait(
        "a message of the robot",
        lambda: [b for b in bodies if "ServiceDown" in b["markdown"]["title"]], 60,
    )[0]  # fmt: skip
    plain = mail.get_body(("plain",))
    head = "".join(f"{name}: {mail[name]}\n" for name in ("From", "To", "Subject"))
    text = f"{head}\n{plain.get_content().strip()}".replace("\r", "")
    return (
        f"\033[1mthe mail\033[0m\n\n{text}\n\n\n"
        f"\033[1mthe Markdown that the robot of DingTalk was sent by obskit relay\033[0m\n\n"
        f"{body['markdown']['text']}"
    )


def main() -> None:
    """Run the whole way, and write the pictures."""
    demo.servers_at_hand()
    IMAGES.mkdir(exist_ok=True)
    folder = Path(tempfile.mkdtemp(prefix="obskit-captures-"))
    (folder / "app.log").write_text(LINES, encoding="utf-8")
    draw("lint", "obskit lint app.log", on_a_terminal(folder, "lint", "app.log"))
    mailbox = Mailbox()
    post = Controller(mailbox, hostname="127.0.0.1", port=server.free_port())
    post.start()
    with robot() as (address, bodies), demo.running_stack(folder) as (stack, service):
        config = demo.configuration(stack, service, f"http://127.0.0.1:{server.free_port()}")
        relay = f"127.0.0.1:{server.free_port()}"
        config["services"][0]["team"] = "web"
        config["prometheus"]["runbooks"] = "https://wiki.example.org/runbooks"
        config["alertmanager"] |= {
            "relay": f"http://{relay}", "group_wait": "5s",
            "receivers": [{
                "name": "oncall",
                "email": {"to": "oncall@example.org", "from": "obskit@example.org",
                          "smarthost": f"127.0.0.1:{post.port}", "require_tls": False},
                "dingtalk": {"url": address, "secret": "SEC-of-the-picture"},
            }],
        }  # fmt: skip
        file = folder / "obskit.yml"
        file.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
        queue = ["--listen", relay, "--queue", str(folder / "relay.sqlite")]
        telling = subprocess.Popen(
            [sys.executable, "-m", "obskit", "relay", *queue], cwd=folder, stderr=subprocess.DEVNULL
        )
        try:
            on_a_terminal(folder, "provision", "--yes")
            draw("proofs", "obskit verify", on_a_terminal(folder, "verify"))
            # One change in obskit.yml, and one made by hand on the server.
            config["services"][0]["p95_ms"] = 200
            file.write_text(yaml.safe_dump(config, sort_keys=False), encoding="utf-8")
            rules = next(
                Path(stack.addresses["prometheus"]["files"]).rglob("rules/obskit-demo-services.yml")
            )
            rules.write_text(rules.read_text().replace("for: 3m", "for: 20m", 1), encoding="utf-8")
            draw("plan", "obskit plan", on_a_terminal(folder, "plan"))
            on_a_terminal(folder, "provision", "--yes")
            server.stop(service)
            draw("alert", "user-service was stopped", alert_as_it_arrived(mailbox.mails, bodies))
        finally:
            telling.terminate()
            telling.wait(20)
            post.stop()


if __name__ == "__main__":
    main()
