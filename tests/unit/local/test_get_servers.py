"""tests/servers/get.py, which obtains the servers."""

from __future__ import annotations

import hashlib
import importlib.util
import os
import subprocess
import sys
import threading
import time
import zipfile
from pathlib import Path
from types import ModuleType

import pytest

from obskit.local import binaries

SCRIPT = Path(__file__).parents[2] / "servers" / "get.py"


@pytest.fixture
def get(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The script as a module, with a cache of its own."""
    monkeypatch.setenv("OBSKIT_CACHE", str(tmp_path / "cache"))
    spec = importlib.util.spec_from_file_location("get_servers", SCRIPT)
    assert spec is not None
    assert spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    monkeypatch.setitem(sys.modules, "get_servers", module)
    spec.loader.exec_module(module)
    (tmp_path / "cache" / "servers").mkdir(parents=True)
    return module


@pytest.mark.parametrize(
    "environment",
    [{}, {"OBSKIT_CACHE": "/somewhere"}, {"XDG_CACHE_HOME": "/xdg"}, {"HOME": "/a/home"}],
    ids=str,
)
def test_the_script_and_obskit_agree_on_the_cache(
    environment: dict[str, str], get: ModuleType, monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("OBSKIT_CACHE", "XDG_CACHE_HOME"):
        monkeypatch.delenv(name, raising=False)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    assert get.cache() == binaries.cache_folder()


def test_a_second_run_does_nothing(get: ModuleType, capsys: pytest.CaptureFixture[str]) -> None:
    """What is found is not obtained again, and the table names it."""
    obtained: list[str] = []
    there: dict[str, Path] = {}

    def part(name: str) -> object:
        def obtain() -> None:
            obtained.append(name)
            there[name] = Path("/bin", name)

        return get.Part(name, "1 s, 2 MB", lambda: there.get(name), obtain)

    wanted = [part("one"), part("two")]
    assert get.obtain_all(wanted) == {}
    first = capsys.readouterr().out
    assert obtained == ["one", "two"]
    # what it costs is said before anything is obtained
    assert first.index("1 s, 2 MB") < first.index("one …")
    assert get.obtain_all(wanted) == {}
    assert obtained == ["one", "two"]
    assert capsys.readouterr().out == ""


def test_one_that_cannot_be_had_does_not_keep_the_others_away(get: ModuleType) -> None:
    there: list[str] = []

    def refuse() -> None:
        raise get.Unobtainable("the net is down")

    failed = get.obtain_all(
        [
            get.Part("bad", "", lambda: None, refuse),
            get.Part("liar", "", lambda: None, lambda: None),
            get.Part("good", "", lambda: Path("/x") if there else None, lambda: there.append("x")),
        ]
    )
    assert failed == {"bad": "the net is down", "liar": "obtained, but it is still not found"}
    assert there == ["x"]


@pytest.mark.parametrize("optional", [False, True])
def test_what_is_optional_and_missing_is_told_and_does_not_fail(
    optional: bool,
    get: ModuleType,
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
) -> None:
    """Its tests skip with that reason; all else is a failure of `make test-servers`."""

    def refuse() -> None:
        raise get.Unobtainable("no such package")

    part = get.Part("java 21", "", lambda: None, refuse, optional=optional)
    monkeypatch.setattr(get, "parts", lambda **_: [part])
    assert get.main([]) == (0 if optional else 1)
    said = capsys.readouterr()
    assert "MISSING java 21" in said.out
    assert "java 21 cannot be had: no such package" in said.err


def _fake_maven(folder: Path, archive: Path) -> str:
    folder.mkdir()
    mvn = folder / "mvn"
    mvn.write_text(
        '#!/bin/sh\nfor a in "$@"; do case $a in -DoutputDirectory=*) '
        f'mkdir -p "${{a#*=}}"; cp "{archive}" "${{a#*=}}/elasticsearch.zip";; esac; done\n'
    )
    mvn.chmod(0o755)
    return f"{folder}:{os.environ['PATH']}"


def test_an_archive_with_another_digest_is_refused(
    get: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    archive = tmp_path / "es.zip"
    with zipfile.ZipFile(archive, "w") as zipped:
        zipped.writestr("elasticsearch-1.0/bin/elasticsearch", "#!/bin/sh\n")
    monkeypatch.setenv("PATH", _fake_maven(tmp_path / "bin", archive))
    with pytest.raises(get.Unobtainable, match=r"SHA-256 is .* expected 00: refused"):
        get.jvm.elasticsearch("1.0", "00")()
    assert list(get.cache().iterdir()) == [], "nothing half-unpacked stays"
    get.jvm.elasticsearch("1.0", hashlib.sha256(archive.read_bytes()).hexdigest())()
    program = get.cache() / "elasticsearch-1.0" / "bin" / "elasticsearch"
    assert os.access(program, os.X_OK)
    assert [entry.name for entry in get.cache().iterdir()] == ["elasticsearch-1.0"]


def test_a_missing_go_says_what_to_do(get: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(get.golang, "on_path", lambda *_: lambda: None)
    monkeypatch.setattr(get.golang.Path, "glob", lambda *_: iter(()))
    with pytest.raises(get.Unobtainable, match=r"no Go here: needs Go 1\.21 or newer on the PATH"):
        get.golang.go()


def test_a_go_that_is_too_old_is_named(
    get: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    old = tmp_path / "go"
    old.write_text("#!/bin/sh\necho go version go1.19.8 linux/amd64\n")
    old.chmod(0o755)
    monkeypatch.setattr(get.golang, "on_path", lambda *_: lambda: old)
    with pytest.raises(get.Unobtainable, match=r"go1.19.8 linux/amd64 is too old"):
        get.golang.go()


def test_without_apt_get_and_without_root_the_packages_are_named(
    get: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(get.Unobtainable, match="no apt-get here: put prometheus on the PATH"):
        get.apt("prometheus")()
    (tmp_path / "apt-get").write_text("#!/bin/sh\n")
    (tmp_path / "apt-get").chmod(0o755)
    monkeypatch.setattr(os, "geteuid", lambda: 1000)
    with pytest.raises(get.Unobtainable, match="run `apt-get install prometheus` as root"):
        get.apt("prometheus")()


def test_it_needs_the_standard_library_only_and_no_home() -> None:
    """It runs before the environment is there, and where HOME is empty."""
    environment = {"PATH": os.environ["PATH"], "HOME": ""}
    result = subprocess.run(
        [sys.executable, "-I", str(SCRIPT), "--list"],
        env=environment,
        capture_output=True,
        text=True,
        check=False,
    )
    assert result.returncode in {0, 1}, result.stderr
    assert "elasticsearch 8.19.21" in result.stdout
    assert "Traceback" not in result.stderr


def test_two_runs_do_not_collide(
    get: ModuleType, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    """The second one says that it waits, and goes on when the first has ended."""
    code = (
        "import sys, importlib.util as u; s = u.spec_from_file_location('get_servers', sys.argv[1])\n"
        "m = u.module_from_spec(s); sys.modules['get_servers'] = m; s.loader.exec_module(m)\n"
        "with m.alone(): print('mine', flush=True); sys.stdin.read()"
    )
    first = subprocess.Popen(
        [sys.executable, "-c", code, str(SCRIPT)],
        stdin=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    )
    assert first.stdout is not None
    assert first.stdout.readline() == "mine\n"
    threading.Timer(0.5, first.communicate).start()
    started = time.monotonic()
    with get.alone():
        assert time.monotonic() - started > 0.3
    assert "waiting for it" in capsys.readouterr().out
    assert first.wait(10) == 0
