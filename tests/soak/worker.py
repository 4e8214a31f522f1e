"""The command line in a process of its own that stays warm, has its own clock, and can be killed.

Every command goes through `changedetect.cli.main` with the words a user would type; what is left out
is starting Python anew (2 s a command). The clock of the commands is set for each of them.
"""

import contextlib
import importlib
import io
import json
import os
import pkgutil
import subprocess
import sys
import time
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

_INTERRUPTED = -9


@dataclass(frozen=True, slots=True)
class Answer:
    """What a command said: exit code, and the two streams."""

    code: int
    out: str
    err: str

    @property
    def facts(self) -> dict[str, Any]:
        """What ``--json`` printed."""
        return json.loads(self.out)


class Worker:
    """Runs commands one after the other; a killed one is started again by the next command."""

    def __init__(self, folder: Any) -> None:
        self._folder = folder
        self._process: subprocess.Popen[str] | None = None
        self.spent: dict[str, list[float]] = {}
        self.killed = 0

    def __enter__(self) -> "Worker":
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def kill(self) -> None:
        """Kill the process as a power cut would."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()
            self._process = None

    def ask(self, words: list[str], now: datetime, *, kill_after_s: float | None = None) -> Answer:
        """Run a command; with a limit it is killed when that has passed, finished or not."""
        process = self._started()
        begun = time.perf_counter()
        assert process.stdin is not None
        assert process.stdout is not None
        process.stdin.write(json.dumps({"words": words, "now": now.isoformat()}) + "\n")
        process.stdin.flush()
        if kill_after_s is not None:
            time.sleep(kill_after_s)
            self.kill()
            self.killed += 1
            return Answer(_INTERRUPTED, "", "killed")
        line = process.stdout.readline()
        if not line:
            raise AssertionError(f"the worker died at {words}")
        name = " ".join(words[: 2 if words[0] in {"month", "case", "ledger", "returns"} else 1])
        self.spent.setdefault(name, []).append(time.perf_counter() - begun)
        return Answer(**json.loads(line))

    def _started(self) -> "subprocess.Popen[str]":
        if self._process is None:
            self._process = subprocess.Popen(
                [sys.executable, "-m", "tests.soak.worker"], stdin=subprocess.PIPE, stdout=subprocess.PIPE,
                text=True, cwd=self._folder, env={**os.environ, "PYTHONPATH": os.pathsep.join(sys.path)},
            )  # fmt: skip
        return self._process


class Clock(datetime):
    """What the commands see as `datetime`: its `now` is told from outside."""

    told = datetime(2025, 1, 1, tzinfo=UTC)

    @classmethod
    def now(cls, tz: Any = None) -> datetime:
        """Tell the time; every asking takes a millisecond."""
        Clock.told += timedelta(milliseconds=1)
        return Clock.told.astimezone(tz)


def _set_clocks() -> None:
    import changedetect.cli as package

    for found in pkgutil.iter_modules(package.__path__, "changedetect.cli."):
        module = importlib.import_module(found.name)
        if hasattr(module, "datetime"):
            module.datetime = Clock  # type: ignore[attr-defined]


def serve() -> None:
    """Answer commands from stdin until it ends."""
    from changedetect.cli import main

    _set_clocks()
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)
    for line in sys.stdin:
        asked = json.loads(line)
        sys.argv = ["changedetect", *asked["words"]]
        Clock.told = datetime.fromisoformat(asked["now"])
        out, err, code = io.StringIO(), io.StringIO(), 0
        with contextlib.redirect_stdout(out), contextlib.redirect_stderr(err):
            try:
                main()
            except SystemExit as end:
                code = end.code if isinstance(end.code, int) else int(bool(end.code))
        answers.write(
            json.dumps({"code": code, "out": out.getvalue(), "err": err.getvalue()}) + "\n"
        )
        answers.flush()


if __name__ == "__main__":
    serve()
