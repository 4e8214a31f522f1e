"""The command line: exit codes, what goes to which stream, help, and every message's way out."""

import json
import os
import re
import shutil
import signal
import subprocess
import sys
import time
from pathlib import Path

import numpy as np
import pytest
import typer

from changedetect.cli import main
from changedetect.cli.app import app
from changedetect.io.publish import RunLock
from tests.pipeline import tiny_job

SIGNALS = (signal.SIGINT, signal.SIGTERM, signal.SIGHUP)


@pytest.fixture
def call(monkeypatch, capfd):
    """Run the command line in this process: exit code, stdout, stderr."""
    handlers = {number: signal.getsignal(number) for number in SIGNALS}

    def run(*arguments):
        monkeypatch.setattr(sys, "argv", ["changedetect", *map(str, arguments)])
        capfd.readouterr()
        with pytest.raises(SystemExit) as stopped:
            main()
        out, err = capfd.readouterr()
        return stopped.value.code or 0, out, err

    yield run
    for number, handler in handlers.items():
        signal.signal(number, handler)


def commands(group=None, words=()):
    """Every command as the words a user types."""
    group = group or typer.main.get_command(app)
    for name, command in sorted(group.commands.items()):
        if hasattr(command, "commands"):
            yield from commands(command, (*words, name))
        else:
            yield (*words, name)


@pytest.fixture
def started(repository, tmp_path):
    """Start the command line in its own process and folder, with the model that comes with it."""

    def start(*arguments, **settings):
        return subprocess.Popen(
            [sys.executable, "-m", "changedetect", *map(str, arguments)],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            text=True,
            encoding="utf-8",
            env={**os.environ, "PYTHONPATH": str(repository), **settings},
            cwd=tmp_path,
        )

    return start


@pytest.mark.parametrize("words", list(commands()), ids=" ".join)
def test_help__of_every_command_exits_0_and_says_something(call, words):
    code, out, err = call(*words, "--help")
    assert code == 0
    assert err == ""
    assert f"Usage: changedetect {' '.join(words)}" in out
    assert len(out.splitlines()) > 5


def test_evaluate__a_run_right_after_the_command_is_the_month(call, tmp_path):
    for words in ((tmp_path / "none",), ("month", tmp_path / "none")):
        code, out, err = call("evaluate", *words, "--truth", tmp_path / "truth.gpkg")
        assert (code, out) == (4, "")
        assert "no folder of a run" in err


def test_help__without_arguments_and_version(call):
    code, out, _ = call("--version")
    assert (code, re.fullmatch(r"\d+\.\d+\.\d+\n", out) is not None) == (0, True)
    code, out, err = call()
    assert code in {0, 2}
    assert "Usage: changedetect" in out + err


def test_run__in_its_own_process_gives_json_on_stdout_and_all_else_on_stderr(started, tiny):
    out = tiny.parent / "results"
    process = started(
        "run", tiny, "--month", tiny_job.MONTH, "--out", out, "--json", "--workers", "2",
        "--progress", "ndjson", "--actor", "张三", LC_ALL="C", TZ="Asia/Shanghai",
    )  # fmt: skip
    stdout, stderr = process.communicate(timeout=300)
    assert process.returncode == 0, stderr
    facts = json.loads(stdout)
    assert facts["exit_code"] == 0
    assert facts["problems"] == []
    assert len(facts["packages"]) == 6
    assert all(Path(path).stat().st_size > 1000 for path in facts["packages"])
    events = [json.loads(line) for line in stderr.splitlines()]
    assert {event["event"] for event in events} >= {"begin", "advance", "end"}
    ended = [event["step"] for event in events if event["event"] == "end"]
    assert ended == ["scenes", "fit", "detect", "classify", "check", "cases", "deliver"]


def test_run__stopped_by_sigterm_exits_143_and_the_same_command_goes_on(started, tiny, whole):
    words = ("run", tiny, "--month", tiny_job.MONTH, "--out", tiny.parent / "out", "--tile", "64",
             "--workers", "1", "--actor", "tester", "--progress", "plain")  # fmt: skip
    process = started(*words)
    folder = tiny.parent / "out" / tiny_job.MONTH / "work"
    limit = time.monotonic() + 120
    while not list(folder.glob("*/*.npz")) and process.poll() is None and time.monotonic() < limit:
        time.sleep(0.01)
    process.send_signal(signal.SIGTERM)
    stdout, stderr = process.communicate(timeout=60)
    assert process.returncode == 143, stderr
    assert "stopped by signal 15; run the same command to continue" in stderr
    assert stdout == ""
    kept = {path.name: path.stat().st_mtime_ns for path in folder.glob("*/*.npz")}
    assert kept
    tiny_job.run(tiny, only="scenes")
    tiny_job.run(tiny, only="detect", tile_px=64)
    mine, theirs = (
        tiny_job.digests(config.parent / "out" / tiny_job.MONTH) for config in (tiny, whole)
    )
    for name in ("evidence.tif", "change.tif", "patches.gpkg"):
        assert mine[name] == theirs[name]


@pytest.mark.parametrize("words", [("scenes",), ("detect", "month")])
def test_stage__alone_by_its_command(call, tiny, words):
    arguments = ("--month", tiny_job.MONTH, "--out", tiny.parent / "out")
    code, _, err = call(*words, tiny, *arguments)
    if words != ("scenes",):
        assert code == 4
        assert "step 'scenes' has not been run yet; run it first (changedetect scenes)" in err
        return
    assert code == 0
    code, _, err = call("classify", tiny, *arguments)
    assert code == 4
    assert "step 'detect' has not been run yet; run it first (changedetect detect month)" in err
    code, out, err = call("scenes", tiny, *arguments, "--quiet")
    assert (code, err) == (0, "")
    assert "nothing to do" in out


def test_run__quiet_and_repeated(call, whole, tmp_path, tiny_base, monkeypatch):
    tiny_job.use_model(tiny_base, monkeypatch)
    config = tmp_path / "job" / "config.yaml"
    shutil.copytree(whole.parent, config.parent)
    words = ("run", config, "--month", tiny_job.MONTH, "--out", config.parent / "out")
    stamps = tiny_job.stamps(config.parent)
    code, out, err = call(*words, "--quiet")
    assert (code, err) == (0, "")
    assert "nothing to do" in out
    assert "无需重做" in out
    assert tiny_job.stamps(config.parent) == stamps
    code, out, err = call(*words, "--json", "--progress", "plain")
    assert json.loads(out)["repeated"] is True
    assert "deliver: 2 counties" in err


def test_run__a_changed_input_is_refused_with_4_and_the_way_out(call, whole, tmp_path):
    config = tmp_path / "job" / "config.yaml"
    shutil.copytree(whole.parent, config.parent)
    image = np.roll(tiny_job.ground()[1], 2, axis=1)
    tiny_job.write_image(config.parent / "scenes" / tiny_job.AFTER, image)
    words = ("run", config, "--month", tiny_job.MONTH, "--out", config.parent / "out")
    code, out, err = call(*words, "--json")
    assert (code, out) == (4, "")
    assert "add --overwrite to replace its results, or choose another --out" in err


def test_run__two_at_once_exits_6_and_names_the_holder(call, tiny):
    folder = tiny.parent / "out" / tiny_job.MONTH
    folder.mkdir(parents=True)
    with RunLock(folder / ".lock"):
        code, out, err = call("run", tiny, "--month", tiny_job.MONTH, "--out", folder.parent)
    assert (code, out) == (6, "")
    assert f"pid {os.getpid()}" in err
    assert "Traceback" not in err


def test_run__a_month_without_images_exits_3(call, tiny):
    words = ("scenes", tiny, "--month", "2025-09", "--out", tiny.parent / "out", "--json")
    code, out, err = call(*words)
    assert code == 3
    assert json.loads(out)["exit_code"] == 3
    assert "2025-09: no pair of pms2m images in scenes" in err
    assert "not the same as no change" in err


def test_run__dry_run_tells_and_writes_nothing(call, tiny):
    before = tiny_job.stamps(tiny.parent)
    words = ("run", tiny, "--month", tiny_job.MONTH, "--dry-run", "--out", tiny.parent / "out")
    code, out, _ = call(*words, "--json", "--tile", "64", "--workers", "1")
    facts = json.loads(out)
    assert code == 0
    assert facts["tiles"] == 4 * 3
    assert facts["pixels"] == 220 * 180
    assert facts["read_bytes"] > 100_000
    assert min(facts[name] for name in ("memory_bytes", "disk_bytes", "seconds")) > 0
    code, out, _ = call(*words)
    assert "memory 内存" in out
    assert tiny_job.stamps(tiny.parent) == before


BAD = (
    ("run CONFIG --month 2025-6", 2, "month '2025-6': YYYY-MM was expected"),
    ("run CONFIG", 2, "--month"),
    ("run nowhere.yaml --month 2025-06", 2, "nowhere.yaml: job file not found"),
    ("run CONFIG --month 2025-06 --tile 8", 2, "64"),
    ("run CONFIG --month 2025-06 --workers -1", 2, "'--workers'"),
    ("run CONFIG --month 2025-06 --progress loud", 2, "auto, plain, ndjson or none was expected"),
    ("run CONFIG --month 2025-06 --out FILE", 4, "a file stands in its way; choose another --out"),
    ("run FOLDER --month 2025-06", 2, "can not be read"),
    ("evaluate FOLDER --truth CONFIG", 4, "no folder of a run"),
    ("simulate FOLDER --size-km 0.5", 4, "is not empty"),
    ("detect pair FILE FILE --out new", 4, "expected one of the formats"),
    ("detect pair gone.tif gone.tif --out new", 4, "gone.tif: no such file"),
    ("detect series gone --out new", 4, "gone: no such folder"),
    ("train --out new --seeds 1-2 --held-out 2-3", 2, "[2] stand in both lists"),
    ("nonsense", 2, "No such command 'nonsense'"),
)


@pytest.mark.parametrize(("words", "code", "says"), BAD, ids=lambda text: str(text)[:40])
def test_bad_words__one_message_no_traceback_nothing_on_stdout(
    call, tiny, tmp_path, monkeypatch, words, code, says
):
    monkeypatch.chdir(tmp_path)
    file = tmp_path / "FILE"
    file.write_text("x")
    places = {"CONFIG": tiny, "FILE": file, "FOLDER": tiny.parent}
    found, out, err = call(*(places.get(word, word) for word in words.split()))
    assert found == code, err
    assert says in err
    assert out == ""
    assert "Traceback" not in err
    assert "fault of the program" not in err


@pytest.mark.skipif(os.geteuid() == 0, reason="root may write anywhere")
def test_run__a_folder_that_can_not_be_written_is_a_resource_error(call, tiny):
    out = tiny.parent / "out"
    out.mkdir(mode=0o500)
    code, _, err = call("run", tiny, "--month", tiny_job.MONTH, "--out", out)
    assert code == 7
    assert str(out) in err
    assert "Traceback" not in err


def test_config_check__good_and_bad(call, tiny):
    code, out, _ = call("config", "check", tiny, "--json")
    assert code == 0
    assert json.loads(out)["themes"] == ["01", "02", "03", "07"]
    text = tiny.read_text(encoding="utf-8").replace("pair_sensor", "pair_senser")
    tiny.write_text(text, encoding="utf-8")
    code, out, err = call("config", "check", tiny)
    assert (code, out) == (2, "")
    assert "config.yaml:4: scenes.pair_senser: unknown key; did you mean pair_sensor?" in err


def test_config_show__effective_has_all_defaults(call, tiny):
    code, out, _ = call("config", "show", tiny, "--effective")
    full = json.loads(out)
    assert code == 0
    assert full["patches"]["min_pixels"] == 8
    assert [theme["code"] for theme in full["themes"]] == ["01", "02", "03", "07"]
    code, out, _ = call("config", "show", tiny)
    assert "patches" not in json.loads(out)


def test_doctor__json(call):
    code, out, err = call("doctor", "--json")
    facts = json.loads(out)
    assert code == (0 if facts["fit"] else 4)
    assert {"Python", "SQLite", "numba", "codecs", "disk", "memory"} <= {
        check["name"] for check in facts["checks"]
    }
    for check in facts["checks"]:
        assert check["state"] == "ok" or check["advice"], f"{check['name']} without advice"
    assert err == ""


def test_evaluate__json(call, whole):
    run = whole.parent / "out" / tiny_job.MONTH
    code, out, _ = call("evaluate", run, "--truth", whole.parent / "truth.gpkg", "--json")
    facts = json.loads(out)
    assert code == 0
    assert facts["recall_05mu"] == {"value": 0.8, "n": 5}
    assert facts["precision"] == {"value": 1.0, "n": 5}
    assert facts["legality_agreement"] == {"value": 1.0, "n": 5}
    assert [row["truth_id"] for row in facts["missed"]] == ["hidden"]


def test_debug__shows_where(call, tmp_path):
    code, _, err = call("run", tmp_path / "no.yaml", "--month", "2025-06", "--debug")
    assert code == 2
    assert "Traceback" in err
