"""`obskit lint` and `obskit normalize` as users and CI jobs call them."""

# ruff: noqa: E501 (cases stand in one line)

import gzip
import json
import re
import subprocess
import sys
from pathlib import Path

import pytest
import zstandard

from obskit.lint.decoder import has_fast_path
from obskit.schema.fields import REFERENCE_LINE

ROOT = Path(__file__).parents[2]
BAD = REFERENCE_LINE.replace('"INFO"', '"info"')


def obskit(*arguments, cwd, stdin=None):
    return subprocess.run(
        [sys.executable, "-m", "obskit", *map(str, arguments)],
        cwd=cwd,
        input=stdin,
        capture_output=True,
        text=True,
        timeout=120,
    )


def write(path, *lines):
    path.write_text("".join(f"{line}\n" for line in lines), encoding="utf-8")
    return path


def test_good_logs_exit_0_and_bad_ones_1(tmp_path):
    write(tmp_path / "good.json", REFERENCE_LINE)
    write(tmp_path / "bad.json", REFERENCE_LINE, BAD)
    done = obskit("lint", "good.json", cwd=tmp_path)
    assert (done.returncode, done.stdout, done.stderr) == (
        0,
        "1 line in 1 source: no findings\n",
        "",
    )
    done = obskit("lint", "bad.json", cwd=tmp_path)
    assert done.returncode == 1
    assert done.stdout.startswith(
        "bad.json:2:45: error: level 'info' is written INFO [level-case]\n  2 | "
    )
    assert done.stdout.endswith("2 lines in 1 source: 1 error\n")


@pytest.mark.parametrize(
    ("arguments", "words"),
    [
        (["lint"], "Name a file"),
        (["lint", "none.json"], "none.json: error: no such file or directory"),
        (["lint", "--select", "levelcase", "good.json"], "did you mean 'level-case'?"),
        (["lint", "--explain", "nothing"], "No rule 'nothing'"),
        (["lint", "--baseline", "none", "good.json"], "none: "),
        (["lint", "-f", "none.yml", "good.json"], "none.yml"),
        (["lint", "--follow", "--run", "good.json"], "exclude each other"),
        (["lint", "-o", "nodir/x", "good.json"], "nodir/x: error: cannot be written"),
        (["lint", "--write-baseline", "nodir/x", "good.json"], "nodir/x: error: cannot be written"),
        (["normalize", "-o", "nodir/x", "good.json"], "nodir/x: error: cannot be written"),
        (["lint", "--elasticsearch", "nowhere"], "write it like https://"),
        (["normalize", "--fill", "nofield=1", "good.json"], "no field of the schema"),
        (["normalize", "--fill", "service", "good.json"], "has no '='"),
    ],
)
def test_wrong_usage_exits_2_and_says_what(tmp_path, arguments, words):
    write(tmp_path / "good.json", REFERENCE_LINE)
    done = obskit(*arguments, cwd=tmp_path)
    assert done.returncode == 2
    assert words in done.stderr
    assert "Traceback" not in done.stderr


def test_fail_on_and_ignore_decide_the_exit_code(tmp_path):
    write(tmp_path / "a.json", REFERENCE_LINE.replace("User", "\\u001b[31mUser"))
    assert obskit("lint", "a.json", cwd=tmp_path).returncode == 0
    assert obskit("lint", "--fail-on", "warning", "a.json", cwd=tmp_path).returncode == 1
    assert (
        obskit(
            "lint",
            "--fail-on",
            "warning",
            "--ignore",
            "control-character,alias",
            "a.json",
            cwd=tmp_path,
        ).returncode
        == 0
    )
    assert obskit("lint", "--profile", "strict", "a.json", cwd=tmp_path).returncode == 1


def test_standard_input_compressed_files_directories_and_patterns(tmp_path):
    (tmp_path / "logs").mkdir()
    (tmp_path / "logs" / "a.json.gz").write_bytes(gzip.compress(f"{BAD}\n".encode()))
    write(tmp_path / "logs" / "b.log", REFERENCE_LINE)
    assert "1 line in 1 source: 1 error" in obskit("lint", "-", cwd=tmp_path, stdin=BAD).stdout
    for name in ("logs", "logs/*"):
        assert "2 lines in 2 sources: 1 error" in obskit("lint", name, cwd=tmp_path).stdout


@pytest.mark.parametrize("command", ["lint", "normalize"])
@pytest.mark.parametrize(
    ("name", "pack"), [("a.json.gz", gzip.compress), ("a.json.zst", zstandard.compress)]
)
def test_a_compressed_file_that_is_cut_is_no_success(tmp_path, command, name, pack):
    whole = pack(f"{REFERENCE_LINE}\n".encode() * 2_000)
    (tmp_path / name).write_bytes(whole + whole)
    assert obskit(command, name, cwd=tmp_path).returncode == 0
    for cut in (len(whole) // 2, len(whole) + 5, 6):
        (tmp_path / name).write_bytes((whole + whole)[:cut])
        done = obskit(command, name, cwd=tmp_path)
        assert done.returncode == 2, cut
        assert "cannot be read: Compressed file ended" in done.stderr


def test_settings_come_from_obskit_yml_then_pyproject(tmp_path):
    write(tmp_path / "bad.json", BAD)
    write(tmp_path / "pyproject.toml", "[tool.obskit.lint]", 'ignore = ["level-case"]')
    assert obskit("lint", "bad.json", cwd=tmp_path).returncode == 0
    write(
        tmp_path / "obskit.yml",
        "project: shop",
        "elasticsearch: {url: '${env:NOT_SET_HERE}'}",
        "lint:",
        "  max_per_rule: 1",
    )
    assert obskit("lint", "bad.json", cwd=tmp_path).returncode == 1
    write(tmp_path / "obskit.yml", "project: shop")  # which says nothing of lint
    assert obskit("lint", "bad.json", cwd=tmp_path).returncode == 0
    write(tmp_path / "obskit.yml", "project: shop", "lint:", "  ignroe: [x]")
    done = obskit("lint", "bad.json", cwd=tmp_path)
    assert done.returncode == 2
    assert "obskit.yml:3:3: error: lint.ignroe: unknown key (did you mean 'ignore'?)" in done.stderr
    write(tmp_path / "obskit.yml", "schema: 5")
    done = obskit("lint", "bad.json", cwd=tmp_path)
    assert "obskit.yml:1:1: error: schema: a file's name is needed" in done.stderr
    write(tmp_path / "obskit.yml", "lint:", "  severity: {level-case: warning}")
    assert obskit("lint", "bad.json", cwd=tmp_path).returncode == 0


def test_nothing_to_judge_is_said(tmp_path):
    (tmp_path / "empty.json").touch()
    done = obskit("lint", "empty.json", cwd=tmp_path)
    assert (done.returncode, done.stdout) == (0, "0 lines in 1 source: nothing was judged\n")


def test_a_baseline_excuses_what_is_known_and_nothing_else(tmp_path):
    write(tmp_path / "old.json", BAD, REFERENCE_LINE.replace('"message"', '"msg"'))
    assert (
        obskit("lint", "--write-baseline", "known.json", "old.json", cwd=tmp_path).returncode == 0
    )
    done = obskit("lint", "--baseline", "known.json", "old.json", cwd=tmp_path)
    assert done.returncode == 0
    assert "of the baseline not counted" in done.stdout
    write(tmp_path / "new.json", BAD, REFERENCE_LINE.replace('"message"', '"text"'))
    done = obskit("lint", "--baseline", "known.json", "new.json", cwd=tmp_path)
    assert done.returncode == 1
    assert "'text'" in done.stdout
    assert "level-case" not in done.stdout


@pytest.mark.parametrize("style", ["json", "sarif", "junit", "gitlab"])
def test_reports_go_to_a_file_and_the_summary_stays(tmp_path, style):
    write(tmp_path / "bad.json", BAD)
    done = obskit("lint", "--format", style, "-o", f"report.{style}", "bad.json", cwd=tmp_path)
    assert done.returncode == 1
    assert "level-case" in (tmp_path / f"report.{style}").read_text()
    assert done.stdout.endswith("1 line in 1 source: 1 error\n")


def test_explain_tells_what_a_rule_is_about(tmp_path):
    done = obskit("lint", "--explain", "level-case", cwd=tmp_path)
    assert done.returncode == 0
    assert "Good: {" in done.stdout
    assert len(obskit("lint", "--explain", "all", cwd=tmp_path).stdout.splitlines()) == 24


def test_run_lints_what_a_command_prints_and_fails_where_it_fails(tmp_path):
    code = f"import sys, datetime; print({REFERENCE_LINE!r}.replace('2023-09-10T12:34:56', datetime.datetime.now(datetime.timezone.utc).strftime('%Y-%m-%dT%H:%M:%S')))"
    assert obskit("lint", "--run", "--", sys.executable, "-c", code, cwd=tmp_path).returncode == 0
    done = obskit(
        "lint",
        "--run",
        "--",
        sys.executable,
        "-c",
        code + "; print('oops', file=sys.stderr)",
        cwd=tmp_path,
    )
    assert done.returncode == 1
    assert "stderr:1:1: error: not JSON" in done.stdout
    done = obskit("lint", "--run", "--", sys.executable, "-c", code + "; sys.exit(3)", cwd=tmp_path)
    assert done.returncode == 1
    assert "ended with status 3" in done.stderr


def test_docker_and_cri_logs_are_seen_by_themselves(tmp_path):
    line = {"log": BAD + "\n", "stream": "stdout", "time": "2023-09-10T13:34:56Z"}
    write(tmp_path / "docker.log", json.dumps(line))
    write(tmp_path / "cri.log", f"2023-09-10T13:34:56.5Z stdout F {BAD}")
    for name in ("docker.log", "cri.log"):
        done = obskit("lint", name, cwd=tmp_path)
        assert re.findall(r"^(\w+) +([a-z-]+) +1 ", done.stdout, re.MULTILINE) == [
            ("error", "level-case"),
            ("warning", "clock-skew"),
        ]


def test_several_processes_report_as_one_does(tmp_path):
    good = [
        REFERENCE_LINE.replace("12:34:56Z", f"12:{n // 2000:02d}:{n // 34 % 60:02d}Z")
        for n in range(30_000)
    ]
    some = dict.fromkeys((5, 9_999, 17_000, 29_999), BAD)
    some[20_000] = REFERENCE_LINE.replace("2023", "2022")  # earlier than lines of another part
    some[100] = REFERENCE_LINE[:-1] + ',"cart":1}'
    some[25_000] = REFERENCE_LINE[:-1] + ',"cart":"a"}'  # another type than in another part
    good.sort()
    lines = [some.get(number, line) for number, line in enumerate(good)]
    write(tmp_path / "big.json", *lines, *lines, *lines)
    assert (tmp_path / "big.json").stat().st_size < 16 * 1024 * 1024
    code = (
        "import sys, obskit.lint.parallel as p; p.PART_BYTES = 500_000\n"
        "from obskit.cli import main; main(sys.argv[1:])"
    )
    outputs = []
    for jobs in ("1", "2", "3"):
        command = [
            sys.executable,
            "-c",
            code,
            "lint",
            "-j",
            jobs,
            "--format",
            "json",
            "--max-per-rule",
            "50",
            "big.json",
        ]
        done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True, timeout=120)
        assert done.returncode == 1, done.stderr
        outputs.append(json.loads(done.stdout))
    assert outputs[0]["lines"] == 90_000
    assert {"level-case", "timestamp-order", "inconsistent-type"} <= {
        item["rule"] for item in outputs[0]["rules"]
    }
    assert outputs[0] == outputs[1] == outputs[2]


MEMORY = """
import resource, subprocess, sys
done = subprocess.run([sys.executable, "-m", "obskit", "lint", "-q", *sys.argv[1:]], stdin=sys.stdin)
print(done.returncode, resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss // 1024)
"""


def peak(tmp_path, *arguments, stdin=None):
    command = [sys.executable, "-c", MEMORY, *arguments]
    done = subprocess.run(
        command, cwd=tmp_path, stdin=stdin, capture_output=True, text=True, timeout=280
    )
    status, megabytes = done.stdout.split()[-2:]
    return int(status), int(megabytes), done.stdout


def test_one_line_of_a_gigabyte_is_a_finding_and_takes_less_than_150_mb(tmp_path):
    path = tmp_path / "giant.json"
    with path.open("wb") as file:  # sparse: no gigabyte of disk
        file.write(REFERENCE_LINE.encode() + b'\n{"message":"')
        file.truncate(1_000_000_000)
        file.seek(0, 2)
        file.write(b'"}\n' + BAD.encode() + b"\n")
    status, megabytes, out = peak(tmp_path, "giant.json")
    assert status == 1
    assert megabytes < 150
    assert "oversized-line  1  first giant.json:2:1" in out
    assert "level-case      1  first giant.json:3:45" in out


@pytest.mark.slow
def test_a_gigabyte_of_lines_takes_less_than_150_mb(tmp_path):
    line = REFERENCE_LINE.replace("successful", "successful " + "x" * 140) + "\n"
    block = (line * 3000).encode()
    # the slow path would take minutes for what shows nothing more
    size = 10**9 if has_fast_path() else 10**8
    producer = subprocess.Popen(
        [sys.executable, "-c", f"import sys; b = {len(block)}; d = sys.stdin.buffer.read(b); [sys.stdout.buffer.write(d) for _ in range({size // len(block)})]"],
        stdin=subprocess.PIPE, stdout=subprocess.PIPE,
    )  # fmt: skip
    producer.stdin.write(block)
    producer.stdin.close()
    status, megabytes, out = peak(tmp_path, "-", stdin=producer.stdout)
    producer.stdout.close()
    assert producer.wait() == 0
    assert (status, "no findings" in out) == (0, True)
    assert megabytes < 150


def test_thirty_thousand_bad_lines_are_one_line_and_take_no_more_memory_than_a_hundred(tmp_path):
    write(tmp_path / "bad.json", *[BAD] * 30_000)
    status, megabytes, out = peak(tmp_path, "bad.json")
    assert (status, megabytes < 150) == (1, True)
    assert "level-case  30,000  first bad.json:1:45, last bad.json:30000:45" in out


def test_normalize_rewrites_and_counts_what_it_cannot(tmp_path):
    legacy = '{"ts":1694349296.5,"lvl":"warning","svc":"shop","msg":"hi","cart":3}'
    write(tmp_path / "old.json", REFERENCE_LINE, legacy, "plain text", "", legacy)
    done = obskit("normalize", "old.json", "-o", "new.json", "--rejected", "rest.txt", cwd=tmp_path)
    assert done.returncode == 1
    assert "2  trace_id: missing  (first old.json:2)" in done.stderr
    assert done.stderr.endswith("1 events (1 rewritten), 3 lines gave none\n")
    assert (tmp_path / "rest.txt").read_text() == f"{legacy}\nplain text\n{legacy}\n"
    done = obskit("normalize", "--fill", "trace_id=null", "-", cwd=tmp_path, stdin=legacy)
    assert done.returncode == 0
    assert json.loads(done.stdout) == {
        "timestamp": "2023-09-10T12:34:56.500Z", "level": "WARN", "service": "shop", "trace_id": None, "message": "hi",
        "severity_text": "warning", "attributes": {"cart": 3},
    }  # fmt: skip
    (tmp_path / "new.json").write_text(done.stdout)
    assert obskit("lint", "new.json", cwd=tmp_path).returncode == 0


@pytest.mark.parametrize("option", ["--output", "--rejected"])
@pytest.mark.parametrize("target", ["logs/old.json", "logs/../logs/old.json", "link.json"])
def test_normalize_does_not_empty_what_it_reads(tmp_path, option, target):
    (tmp_path / "logs").mkdir()
    old = write(tmp_path / "logs" / "old.json", REFERENCE_LINE)
    (tmp_path / "link.json").symlink_to(old)
    done = obskit("normalize", "logs", option, target, cwd=tmp_path)
    assert done.returncode == 2
    assert f"{target} is read as well" in done.stderr
    assert old.read_text() == REFERENCE_LINE + "\n"


def test_every_rule_and_option_is_in_the_documentation():
    text = (ROOT / "docs" / "lint.md").read_text(encoding="utf-8")
    help_text = obskit("lint", "--help", cwd=ROOT).stdout
    for option in set(re.findall(r"--[a-z][a-z-]+", help_text)) - {"--help"}:
        assert option in text, option
    from obskit.lint.rules import RULES

    for rule in RULES:
        assert f"`{rule}`" in text, rule


def test_a_reader_that_goes_away_is_no_fault_of_the_log(tmp_path):
    write(tmp_path / "bad.json", *[BAD] * 20_000)
    command = [sys.executable, "-m", "obskit", "lint", "--max-per-rule", "0", "bad.json"]
    with subprocess.Popen(
        command, cwd=tmp_path, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as done:
        assert "[level-case]" in done.stdout.readline()
        done.stdout.close()
        assert done.stderr.read() == ""
    assert done.returncode == 1
