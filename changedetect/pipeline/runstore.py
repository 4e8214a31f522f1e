"""The folder of a run: which steps are done, from which inputs, with which files.

A step is keyed by the digest of everything that it depends on. It is recorded when its files are
written and verified, so a killed run continues, a repeated run does nothing, and a changed input
redoes exactly what depends on it. "Done" is never concluded from a file being there.
"""

import hashlib
import json
from collections.abc import Callable, Mapping
from dataclasses import asdict, dataclass
from functools import cache
from pathlib import Path
from typing import Any, Literal

import changedetect
from changedetect.errors import InputError, IntegrityError
from changedetect.io.digest import sha256_file
from changedetect.io.publish import RunLock, publish_bytes, sweep

MANIFEST = "run.json"
COMMANDS = {"detect": "detect month"}
"""Step -> command that runs it alone, where the two differ."""


@dataclass(frozen=True, slots=True)
class StepRecord:
    """What is recorded of a finished step.

    Attributes
    ----------
    name, key
        Which step, and the digest of its inputs, parameters and code.
    state
        ``done``, or ``partial`` where pieces failed that the next run tries again.
    outputs
        File relative to the run folder -> SHA-256.
    facts
        Figures of the step, for its summary.
    problems
        What was left out, one line each.
    """

    name: str
    key: str
    state: Literal["done", "partial"]
    outputs: dict[str, str]
    facts: dict[str, Any]
    problems: tuple[str, ...]

    @property
    def result(self) -> str:
        """Digest of what the step gave: what later steps depend on.

        Files only: facts hold counts that differ after a kill (entries that were there already).
        """
        return digest_of(self.outputs)


@dataclass(frozen=True, slots=True)
class StepResult:
    """What the work of a step gives back; paths are relative to the run folder.

    ``again`` tells that what was left out may succeed at another try with the same inputs.
    """

    files: tuple[str, ...]
    facts: dict[str, Any]
    problems: tuple[str, ...] = ()
    again: bool = False


def digest_of(*parts: object) -> str:
    """Return the SHA-256 of values as canonical JSON text."""
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


@cache
def code_digest() -> str:
    """Return one digest of the program's own source files: a changed program redoes its work."""
    root = Path(changedetect.__file__).parent
    files = sorted(path for path in root.rglob("*") if path.suffix in {".py", ".html", ".sql"})
    return digest_of([(path.relative_to(root).as_posix(), sha256_file(path)) for path in files])


class RunStore:
    """An open run folder, held by one process.

    Parameters
    ----------
    folder
        Made if absent; stale temporary files in it are removed.
    overwrite
        Finished steps of other inputs may be replaced.
    """

    __slots__ = ("_lock", "_overwrite", "_steps", "folder")

    def __init__(self, folder: Path, *, overwrite: bool = False) -> None:
        folder.mkdir(parents=True, exist_ok=True)
        self.folder = folder
        self._overwrite = overwrite
        self._lock = RunLock(folder / ".lock")
        self._steps: dict[str, StepRecord] = {}

    def __enter__(self) -> "RunStore":
        self._lock.__enter__()
        sweep(self.folder)
        self._steps = _read_manifest(self.folder / MANIFEST)
        return self

    def __exit__(self, *error: Any) -> None:  # noqa: ANN401 - passed on as it came
        self._lock.__exit__(*error)

    def record(self, name: str) -> StepRecord:
        """Return what is recorded of a step whose files are still what they were.

        Raises
        ------
        InputError
            The step has not been run.
        IntegrityError
            One of its files is gone or was changed.
        """
        if name not in self._steps:
            command = COMMANDS.get(name, name)
            msg = f"{self.folder}: step {name!r} has not been run yet; run it first (changedetect {command})"
            raise InputError(msg)
        changed = self._changed(self._steps[name])
        if changed:
            msg = f"{self.folder / changed}: gone or changed since step {name!r} wrote it; run it again (changedetect {COMMANDS.get(name, name)})"
            raise IntegrityError(msg)
        return self._steps[name]

    def step(
        self, name: str, inputs: object, work: Callable[[str], StepResult]
    ) -> tuple[StepRecord, bool]:
        """Do a step, or find that it is done.

        Parameters
        ----------
        name
            Of the step.
        inputs
            Everything the result depends on, as JSON-able values; the program's own source and
            the step's name are added.
        work
            Gets the key, writes its files under the run folder, and names them.

        Returns
        -------
        tuple
            The record, and whether it was there already.

        Raises
        ------
        InputError
            The step was finished from other inputs, and replacing was not allowed.
        """
        key = digest_of(name, code_digest(), inputs)
        known = self._steps.get(name)
        if known and known.key == key and known.state == "done" and not self._changed(known):
            return known, True
        if known and known.key != key and not self._overwrite:
            msg = (
                f"{self.folder}: step {name!r} was done from other inputs, settings or another version "
                "of the program; add --overwrite to replace its results, or choose another --out"
            )
            raise InputError(msg)
        self._steps.pop(name, None)
        self._write()
        done = work(key)
        record = StepRecord(
            name=name,
            key=key,
            state="partial" if done.again else "done",
            outputs={file: sha256_file(self.folder / file) for file in sorted(done.files)},
            facts=done.facts,
            problems=done.problems,
        )
        self._steps[name] = record
        self._write()
        return record, False

    def _changed(self, record: StepRecord) -> str:
        for file, digest in record.outputs.items():
            path = self.folder / file
            if not path.is_file() or sha256_file(path) != digest:
                return file
        return ""

    def _write(self) -> None:
        records = sorted(self._steps.values(), key=lambda record: record.name)
        data = {"format": 1, "steps": [asdict(record) for record in records]}
        text = json.dumps(data, ensure_ascii=False, sort_keys=True, indent=1) + "\n"
        publish_bytes(self.folder / MANIFEST, text.encode(), overwrite=True)


def _read_manifest(path: Path) -> dict[str, StepRecord]:
    if not path.is_file():
        return {}
    try:
        data: Mapping[str, Any] = json.loads(path.read_text(encoding="utf-8"))
        records = [
            StepRecord(**{**row, "problems": tuple(row["problems"])}) for row in data["steps"]
        ]
    except (ValueError, KeyError, TypeError) as error:
        msg = f"{path}: not a run manifest ({error}); move the run folder away and run again"
        raise IntegrityError(msg) from error
    return {record.name: record for record in records}
