#!/usr/bin/env python3
"""Obtain the real servers that the tests and the demo run against: `make servers`.

Idempotent: what is on the PATH or in the cache already is left alone, and a second run does nothing.
Needs Python's standard library only, so that it also works before the environment is there. Every
download is checked against a digest that is committed: SHA-256 here, go.sum beside the Go modules,
the archive's own signatures for Debian packages.
"""

from __future__ import annotations

import argparse
import contextlib
import dataclasses
import fcntl
import hashlib
import os
import pwd
import re
import shutil
import subprocess
import sys
import tempfile
import threading
import time
import zipfile
from collections.abc import Callable, Iterator
from pathlib import Path

HERE = Path(__file__).resolve().parent
FILEBEAT = "7.17.29"
MUSTACHE = "0.5.3"
ELASTICSEARCH = {
    "8.7.1": "b04ed46176cd43d6f717aa69c9864bd8af4ac9c35bc3294b0cbeacdb42c5168f",
    "8.19.21": "215d5f3dbf0609a149f6218a9e47b6ae2df34ebbff3c5754e35f15a5e5393c8a",
}
JRUBY = ("9.4.9.0", "c069cd9240c2a341e9df4aae55c54ac81577eb161d0afd6d026d6b3fafc7fefd")
GO_NEEDED = (1, 21)  # older ones cannot fetch the toolchain that the modules name
JAVA_NEEDED = 17


class Unobtainable(Exception):
    """Something cannot be had here; the text says what to do about it."""


def home() -> Path:
    """The user's home, also where HOME is empty or unset."""
    return Path(os.environ.get("HOME") or pwd.getpwuid(os.getuid()).pw_dir)


def cache() -> Path:
    """Where the servers are kept: outside the checkout, the same folder `obskit up` looks into."""
    if root := os.environ.get("OBSKIT_CACHE"):
        return Path(root).expanduser().absolute() / "servers"
    return Path(os.environ.get("XDG_CACHE_HOME") or home() / ".cache") / "obskit" / "servers"


@dataclasses.dataclass(frozen=True)
class Part:
    """One thing to have: how to find it, what obtaining it costs, and how to obtain it."""

    name: str
    cost: str
    find: Callable[[], Path | None]
    obtain: Callable[[], None]


def say(text: str) -> None:
    """One line of progress, at once, also into a pipe."""
    print(text, flush=True)


def run(argv: list[str], *, cwd: Path | None = None, env: dict[str, str] | None = None) -> str:
    """Run a command, a line every 20 s meanwhile; its output, or Unobtainable with the output's end."""
    started = time.monotonic()
    environment = {"HOME": str(home()), **{k: v for k, v in os.environ.items() if v}, **(env or {})}
    done = threading.Event()

    def tick() -> None:
        while not done.wait(20):
            say(f"    … {Path(argv[0]).name} still working, {time.monotonic() - started:.0f} s")

    ticker = threading.Thread(target=tick, daemon=True)
    ticker.start()
    try:
        result = subprocess.run(
            argv,
            cwd=cwd,
            env=environment,
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            errors="replace",
            check=False,
        )
    except OSError as error:
        raise Unobtainable(f"{argv[0]}: {error.strerror}") from error
    finally:
        done.set()
    if result.returncode:
        tail = "\n".join("    | " + line for line in result.stdout.strip().splitlines()[-12:])
        raise Unobtainable(f"`{' '.join(argv)}` ended with {result.returncode}:\n{tail}")
    return result.stdout


# --- Debian packages ------------------------------------------------------------------------------


def on_path(*names: str) -> Callable[[], Path | None]:
    """A finder for the first of these programs; Debian's sbin folders count."""

    def find() -> Path | None:
        path = os.environ.get("PATH", os.defpath) + ":/usr/local/sbin:/usr/sbin"
        return next((Path(p) for name in names if (p := shutil.which(name, path=path))), None)

    return find


def java() -> Path | None:
    """A Java of at least version 17: JAVA_HOME's, else the one on the PATH."""
    if os.environ.get("JAVA_HOME"):
        found: Path | None = Path(os.environ["JAVA_HOME"], "bin", "java")
    else:
        found = on_path("java")()
    if found is None or not os.access(found, os.X_OK):
        return None
    match = re.search(r'version "(\d+)', run([str(found), "-version"]))
    return found if match and int(match[1]) >= JAVA_NEEDED else None


@contextlib.contextmanager
def no_services() -> Iterator[None]:
    """Keep Debian's packages from starting the servers as system services."""
    policy = Path("/usr/sbin/policy-rc.d")
    if policy.exists():  # the machine has a policy of its own: leave it
        yield
        return
    policy.write_text("#!/bin/sh\nexit 101\n")
    policy.chmod(0o755)
    try:
        yield
    finally:
        policy.unlink(missing_ok=True)


def apt(*packages: str) -> Callable[[], None]:
    """An obtainer by apt-get, without questions and without starting services."""

    def obtain() -> None:
        if not shutil.which("apt-get"):
            raise Unobtainable(f"no apt-get here: put {', '.join(packages)} on the PATH by hand")
        sudo = [] if os.geteuid() == 0 else ["sudo", "-n"]
        if sudo and not shutil.which("sudo"):
            raise Unobtainable(f"needs root: run `apt-get install {' '.join(packages)}` as root")
        install = [
            *sudo, "env", "DEBIAN_FRONTEND=noninteractive", "apt-get", "install", "-y", "-q",
            "--no-install-recommends", "-o", "Dpkg::Options::=--force-confold",
            "-o", "Dpkg::Use-Pty=0", "-o", "DPkg::Lock::Timeout=120", *packages,
        ]  # fmt: skip
        with no_services() if not sudo else contextlib.nullcontext():
            try:
                run(install)
            except Unobtainable:  # the lists of a bare machine are empty or old
                run([*sudo, "apt-get", "update", "-q", "-o", "DPkg::Lock::Timeout=120"])
                run(install)

    return obtain


# --- Elasticsearch --------------------------------------------------------------------------------


def kept(*parts: str) -> Callable[[], Path | None]:
    """A finder for a file in the cache."""
    return lambda: path if (path := cache().joinpath(*parts)).is_file() else None


@contextlib.contextmanager
def scratch() -> Iterator[Path]:
    """A folder on the cache's own file system, so that the last step is one rename."""
    folder = Path(tempfile.mkdtemp(prefix=".obtaining-", dir=cache()))
    try:
        yield folder
    finally:
        shutil.rmtree(folder, ignore_errors=True)


def elasticsearch(version: str, digest: str) -> Callable[[], None]:
    """An obtainer of one version of the server by Maven: verified, unpacked, renamed into place."""

    def obtain() -> None:
        with scratch() as folder:
            artifact = f"org.elasticsearch.distribution.integ-test-zip:elasticsearch:{version}:zip"
            run(
                [
                    "mvn",
                    "-B",
                    "-q",
                    "dependency:get",
                    "-Dtransitive=false",
                    f"-Dartifact={artifact}",
                ]
            )
            run(["mvn", "-B", "-q", "dependency:copy", f"-Dartifact={artifact}",
                 f"-DoutputDirectory={folder}"])  # fmt: skip
            archive = folder / f"elasticsearch-{version}.zip"
            with archive.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != digest:
                raise Unobtainable(
                    f"elasticsearch {version}: SHA-256 is {found}, expected {digest}: refused"
                )
            with zipfile.ZipFile(archive) as zipped:
                zipped.extractall(folder)
            unpacked = folder / f"elasticsearch-{version}"
            for program in (unpacked / "bin").iterdir():
                program.chmod(0o755)
            unpacked.chmod(0o755)
            place(unpacked, cache() / unpacked.name)

    return obtain


def jruby(version: str, digest: str) -> Callable[[], None]:
    """An obtainer of the Ruby that Logstash is made of, as one archive for Java: verified, renamed into place."""

    def obtain() -> None:
        with scratch() as folder:
            run(["mvn", "-B", "-q", "dependency:copy", "-Dmdep.stripVersion=true",
                 f"-Dartifact=org.jruby:jruby-complete:{version}", f"-DoutputDirectory={folder}/jruby"])  # fmt: skip
            archive = folder / "jruby" / "jruby-complete.jar"
            with archive.open("rb") as file:
                found = hashlib.file_digest(file, "sha256").hexdigest()
            if found != digest:
                raise Unobtainable(
                    f"jruby {version}: SHA-256 is {found}, expected {digest}: refused"
                )
            archive.rename(archive.with_name("jruby.jar"))
            (folder / "jruby").chmod(0o755)
            place(folder / "jruby", cache() / f"jruby-{version}")

    return obtain


def place(source: Path, target: Path) -> None:
    """Move a complete folder to its place; half of an older one there goes first."""
    if target.exists():
        shutil.rmtree(target)
    source.rename(target)


# --- programs in Go -------------------------------------------------------------------------------


def go() -> str:
    """The Go command, new enough to fetch the toolchain that a module asks for."""
    found = on_path("go")() or next(iter(Path("/usr/local/go/bin").glob("go")), None)
    advice = (
        f"needs Go {GO_NEEDED[0]}.{GO_NEEDED[1]} or newer on the PATH (Debian 12's golang is too old; "
        "install it from Go's own site or from backports), or the program itself on the PATH"
    )
    if found is None:
        raise Unobtainable(f"no Go here: {advice}")
    text = run([str(found), "version"])
    match = re.search(r"go(\d+)\.(\d+)", text)
    if not match or (int(match[1]), int(match[2])) < GO_NEEDED:
        raise Unobtainable(f"{text.strip()} is too old: {advice}")
    return str(found)


def built(module: str, folder: str, programs: dict[str, str]) -> Callable[[], None]:
    """An obtainer that builds programs (name → import path) from one of our pinned Go modules."""

    def obtain() -> None:
        with scratch() as out:
            ready = out / folder
            ready.mkdir(mode=0o755)
            for name, package in programs.items():
                run(
                    [go(), "build", "-mod=readonly", "-trimpath", "-buildvcs=false",
                     "-o", str(ready / name), package],
                    cwd=HERE / module,
                    env={"GOFLAGS": "", "GOWORK": "off"},
                )  # fmt: skip
            place(ready, cache() / folder)

    return obtain


# --- all of it ------------------------------------------------------------------------------------


def either(*finders: Callable[[], Path | None]) -> Callable[[], Path | None]:
    """The first finder's answer that is one."""
    return lambda: next((path for find in finders if (path := find())), None)


def postgres() -> Path | None:
    """PostgreSQL's server, which Debian keeps beside the PATH."""
    found = sorted(Path("/usr/lib/postgresql").glob("*/bin/postgres"))
    return found[-1] if found else on_path("postgres")()


# What the dashboards and rules of databases and probes are about; only tests of these need them.
EXPORTERS = [
    Part("redis", "5 s, 5 MB (Debian)", on_path("redis-server"), apt("redis-server")),
    Part("mariadb", "60 s, 180 MB (Debian)", on_path("mariadbd"), apt("mariadb-server")),
    Part("postgres", "20 s, 60 MB (Debian)", postgres, apt("postgresql")),
    *(
        Part(
            f"{name}_exporter",
            "5 s, 15 MB (Debian)",
            on_path(f"{name}_exporter", f"prometheus-{name}-exporter"),
            apt(f"prometheus-{name}-exporter"),
        )
        for name in ("redis", "mysqld", "postgres", "elasticsearch", "blackbox")
    ),
]


def parts(*, newest: bool, exporters: bool = False) -> list[Part]:
    """Everything to have, in the order to obtain it."""
    wanted = [
        Part("prometheus", "20 s, 35 MB (Debian)", on_path("prometheus"), apt("prometheus")),
        Part("promtool", "with prometheus", on_path("promtool"), apt("prometheus")),
        Part(
            "alertmanager",
            "10 s, 15 MB (Debian)",
            on_path("alertmanager", "prometheus-alertmanager"),
            apt("prometheus-alertmanager"),
        ),
        Part("amtool", "with alertmanager", on_path("amtool"), apt("prometheus-alertmanager")),
        Part(
            "node_exporter",
            "10 s, 5 MB (Debian)",
            on_path("node_exporter", "prometheus-node-exporter"),
            apt("prometheus-node-exporter"),
        ),
        Part("java", "60 s, 45 MB (Debian)", java, apt("openjdk-17-jre-headless")),
        Part("maven", "60 s, 15 MB (Debian)", on_path("mvn"), apt("maven")),
    ]
    for version, digest in ELASTICSEARCH.items():
        size = {"8.7.1": 78, "8.19.21": 107}[version]
        wanted.append(
            Part(
                f"elasticsearch {version}",
                f"20 s, {size} MB (Maven)",
                kept(f"elasticsearch-{version}", "bin", "elasticsearch"),
                elasticsearch(version, digest),
            )
        )
    wanted.append(
        Part(
            f"jruby {JRUBY[0]}",
            "10 s, 33 MB (Maven)",
            kept(f"jruby-{JRUBY[0]}", "jruby.jar"),
            jruby(*JRUBY),
        )
    )
    beats = "github.com/elastic/beats/v7/filebeat"
    mustache = "github.com/breml/logstash-config/cmd/mustache"
    wanted += [
        Part(
            f"filebeat {FILEBEAT}",
            "90 to 300 s, 400 MB of sources, 100 MB kept (built with Go)",
            kept(f"filebeat-{FILEBEAT}", "filebeat"),
            built("filebeat", f"filebeat-{FILEBEAT}", {"filebeat": beats}),
        ),
        Part(
            f"mustache {MUSTACHE}",
            "10 s, 20 MB (built with Go)",
            either(kept(f"mustache-{MUSTACHE}", "mustache"), on_path("mustache")),
            built("mustache", f"mustache-{MUSTACHE}", {"mustache": mustache}),
        ),
        Part(
            "composecheck",
            "10 s, 10 MB (built with Go)",
            kept("composecheck-2.9.0", "composecheck"),
            built("compose", "composecheck-2.9.0", {"composecheck": "."}),
        ),
    ]
    if exporters:
        wanted += EXPORTERS
    if newest:
        wanted.append(
            Part(
                "newest promtool, amtool",
                "up to 400 s, 500 MB of sources (built with Go)",
                kept("newest", "promtool"),
                built(
                    "newest",
                    "newest",
                    {
                        "promtool": "github.com/prometheus/prometheus/cmd/promtool",
                        "amtool": "github.com/prometheus/alertmanager/cmd/amtool",
                    },
                ),
            )
        )
    return wanted


@contextlib.contextmanager
def alone() -> Iterator[None]:
    """One run at a time on this cache; a second one waits and says so."""
    cache().mkdir(parents=True, exist_ok=True)
    with (cache() / ".lock").open("a") as lock:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            say(f"another run is obtaining servers into {cache()}: waiting for it")
            fcntl.flock(lock, fcntl.LOCK_EX)
        yield


def obtain_all(wanted: list[Part]) -> dict[str, str]:
    """Obtain what is missing; the reason of everything that could not be had."""
    missing = [part for part in wanted if part.find() is None]
    if missing:
        say(f"obtaining {len(missing)} of {len(wanted)} servers and tools, into {cache()}:")
        for part in missing:
            say(f"  {part.name:<24} {part.cost}")
    failed: dict[str, str] = {}
    for part in missing:
        if part.find() is not None:  # came with an earlier package
            continue
        say(f"  {part.name} …")
        started = time.monotonic()
        try:
            part.obtain()
            if part.find() is None:
                raise Unobtainable("obtained, but it is still not found")
            say(f"  {part.name} done in {time.monotonic() - started:.0f} s")
        except Unobtainable as error:
            failed[part.name] = str(error)
            say(f"  {part.name}: NOT obtained")
    return failed


def main(argv: list[str] | None = None) -> int:
    """Obtain everything and print what there is; 1 where something cannot be had."""
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--newest", action="store_true", help="also the newest promtool and amtool")
    parser.add_argument("--exporters", action="store_true", help="also databases and exporters")
    parser.add_argument("--list", action="store_true", help="only say what there is")
    options = parser.parse_args(argv)
    wanted = parts(
        newest=options.newest or kept("newest", "promtool")() is not None,
        exporters=options.exporters or all(part.find() for part in EXPORTERS),
    )
    if options.list:
        failed = {part.name: "not here" for part in wanted if part.find() is None}
    else:
        with alone():
            failed = obtain_all(wanted)
    for part in wanted:
        say(
            f"{'ok' if part.name not in failed else 'MISSING':<8}{part.name:<24}{part.find() or '-'}"
        )
    for name, reason in failed.items():
        print(f"\n{name} cannot be had: {reason}", file=sys.stderr)
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
