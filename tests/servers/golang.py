"""What is built with Go: Filebeat, checkers, and the newest Prometheus and Alertmanager."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable, Mapping
from pathlib import Path

from tests.servers.obtaining import Part, Unobtainable, cache, kept, on_path, place, run, scratch

HERE = Path(__file__).resolve().parent
GO_NEEDED = (1, 21)  # older ones cannot fetch the toolchain that the modules name
FILEBEAT = "7.17.29"
MUSTACHE = "0.5.3"
COMPOSE = "2.9.0"
#: As newest/go.mod pins them; Prometheus's module of 3.13.5 is called v0.313.5.
PROMETHEUS_NEWEST = "3.13.5"
ALERTMANAGER_NEWEST = "0.34.0"


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


_ENVIRONMENT = {"GOFLAGS": "", "GOWORK": "off"}


def built(
    module: str, folder: str, programs: Mapping[str, str], *, version: str = "", empty: str = ""
) -> Callable[[], None]:
    """An obtainer that builds programs from one of our pinned Go modules.

    Args:
        module: Folder of the module, beside this file.
        folder: Its folder in the cache.
        programs: Name of each program to its import path.
        version: What a program of Prometheus's shall say that it is; a build from the module does not know.
        empty: A file, as ``module/path@file``, that is left out of a published module and that its
            programs embed: it is built with an empty one, of a copy.
    """

    def obtain() -> None:
        with scratch() as out:
            ready = out / folder
            ready.mkdir(mode=0o755)
            source = HERE / module
            if empty:
                source = _with_empty(shutil.copytree(source, out / module), *empty.split("@"))
            stamp = f"-X github.com/prometheus/common/version.Version={version}" if version else ""
            for name, package in programs.items():
                run(
                    [go(), "build", "-mod=readonly", "-trimpath", "-buildvcs=false", f"-ldflags={stamp}",
                     "-o", str(ready / name), package],
                    cwd=source,
                    env=_ENVIRONMENT,
                )  # fmt: skip
            place(ready, cache() / folder)

    return obtain


def _with_empty(source: Path, module: str, file: str) -> Path:
    """Let a copy of our module use a copy of one that it needs, with one more, empty file."""
    run([go(), "mod", "download", module], cwd=source, env=_ENVIRONMENT)
    original = run([go(), "list", "-m", "-f", "{{.Dir}}", module], cwd=source, env=_ENVIRONMENT)
    theirs = source / "theirs"
    shutil.copytree(original.strip(), theirs, copy_function=shutil.copyfile)
    for folder in (theirs, *(path for path in theirs.rglob("*") if path.is_dir())):
        folder.chmod(0o755)  # the module cache is read-only
    (theirs / file).parent.mkdir(parents=True, exist_ok=True)
    (theirs / file).touch()
    run([go(), "mod", "edit", f"-replace={module}=./theirs"], cwd=source, env=_ENVIRONMENT)
    return source


def either(*finders: Callable[[], Path | None]) -> Callable[[], Path | None]:
    """The first finder's answer that is one."""
    return lambda: next((path for find in finders if (path := find())), None)


def parts() -> list[Part]:
    """What the demo and the tests need."""
    return [
        Part(
            f"filebeat {FILEBEAT}",
            "90 to 300 s, 400 MB of sources, 100 MB kept (built with Go)",
            kept(f"filebeat-{FILEBEAT}", "filebeat"),
            built(
                "filebeat",
                f"filebeat-{FILEBEAT}",
                {"filebeat": "github.com/elastic/beats/v7/filebeat"},
            ),
        ),
        Part(
            f"mustache {MUSTACHE}",
            "10 s, 20 MB (built with Go)",
            either(kept(f"mustache-{MUSTACHE}", "mustache"), on_path("mustache")),
            built(
                "mustache",
                f"mustache-{MUSTACHE}",
                {"mustache": "github.com/breml/logstash-config/cmd/mustache"},
            ),
        ),
        Part(
            "composecheck",
            "10 s, 10 MB (built with Go)",
            kept(f"composecheck-{COMPOSE}", "composecheck"),
            built("compose", f"composecheck-{COMPOSE}", {"composecheck": "."}),
        ),
    ]


_PROMETHEUS = "github.com/prometheus/prometheus/cmd"
_ALERTMANAGER = "github.com/prometheus/alertmanager"
PROMETHEUS = Part(
    f"prometheus {PROMETHEUS_NEWEST}",
    "with promtool; 300 to 450 s, 500 MB of sources, 350 MB kept (built with Go)",
    kept(f"prometheus-{PROMETHEUS_NEWEST}", "prometheus"),
    built(
        "newest",
        f"prometheus-{PROMETHEUS_NEWEST}",
        {name: f"{_PROMETHEUS}/{name}" for name in ("promtool", "prometheus")},
        version=PROMETHEUS_NEWEST,
    ),
)
ALERTMANAGER = Part(
    f"alertmanager {ALERTMANAGER_NEWEST}",
    "with amtool; 20 s, 80 MB kept (built with Go)",
    kept(f"alertmanager-{ALERTMANAGER_NEWEST}", "alertmanager"),
    built(
        "newest",
        f"alertmanager-{ALERTMANAGER_NEWEST}",
        {name: f"{_ALERTMANAGER}/cmd/{name}" for name in ("amtool", "alertmanager")},
        version=ALERTMANAGER_NEWEST,
        empty=f"{_ALERTMANAGER}@ui/app/dist/index.html",
    ),
)


def newest() -> list[Part]:
    """The newest Prometheus and Alertmanager with their checkers, beside Debian's, which are old."""
    return [PROMETHEUS, ALERTMANAGER]
