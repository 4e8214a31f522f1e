"""The folder of a run: which steps are done, from which inputs, with which files.

A step is keyed by the digest of everything that it depends on. It is recorded when its files are
written and verified, so a killed run continues, a repeated run does nothing, and a changed input
redoes exactly what depends on it. "Done" is never concluded from a file being there.
"""

import hashlib
import json
import os
from collections.abc import Callable, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from functools import cache
from importlib.metadata import version
from pathlib import Path
from typing import Any, Literal

import changedetect
from changedetect.errors import InputError, IntegrityError, ResourceError
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
    stale
        A step before has been done anew since: these results may be replaced without asking, and
        nothing may rest on them until they are found to be the same.
    """

    name: str
    key: str
    state: Literal["done", "partial"]
    outputs: dict[str, str]
    facts: dict[str, Any]
    problems: tuple[str, ...]
    stale: bool = False

    @property
    def result(self) -> str:
        """Digest of what the step gave: what later steps depend on.

        Files only: facts hold counts that differ after a kill (entries that were there already).
        """
        return digest_of(self.outputs)


@dataclass(frozen=True, slots=True)
class StepResult:
    """What the work of a step gives back; paths are relative to the run folder.

    ``again`` tells that what was left out may succeed at another try with the same inputs;
    ``digests`` are those of files that were read again when they were written.
    """

    files: tuple[str, ...]
    facts: dict[str, Any]
    problems: tuple[str, ...] = ()
    again: bool = False
    digests: Mapping[str, str] = field(default_factory=dict)


def digest_of(*parts: object) -> str:
    """Return the SHA-256 of values as canonical JSON text."""
    text = json.dumps(parts, ensure_ascii=False, sort_keys=True, separators=(",", ":"), default=str)
    return hashlib.sha256(text.encode()).hexdigest()


LIBRARIES = (
    "numpy",
    "numba",
    "scipy",
    "pandas",
    "xarray",
    "rasterio",
    "pyogrio",
    "pyproj",
    "shapely",
    "geopandas",
    "scikit-learn",
    "jinja2",
    "pillow",
    "xlsxwriter",
)
"""Packages whose version can change a result; GDAL, PROJ and GEOS come inside their wheels."""


@cache
def code_digest() -> str:
    """Return one digest of the program's own files and of the libraries on which results rest.

    A changed program, page template or library redoes its work.
    """
    root = Path(changedetect.__file__).parent
    files = sorted(
        path for path in root.rglob("*") if path.is_file() and "__pycache__" not in path.parts
    )
    own = [(path.relative_to(root).as_posix(), sha256_file(path)) for path in files]
    return digest_of(own, [(name, version(name)) for name in LIBRARIES])


def key_of(name: str, inputs: object) -> str:
    """Return the key of a step: the digest of its name, the program, and all that it rests on."""
    return digest_of(name, code_digest(), inputs)


def make_folder(folder: Path) -> None:
    """Make a folder for results, with its parents, and see that files can be written in it.

    Raises
    ------
    InputError
        Something that is no folder is in its way.
    ResourceError
        It can not be made or written to.
    """
    try:
        folder.mkdir(parents=True, exist_ok=True)
    except (FileExistsError, NotADirectoryError) as error:
        msg = f"{folder} can not be made: a file stands in its way; choose another --out"
        raise InputError(msg) from error
    except OSError as error:
        msg = f"{folder} can not be made ({error.strerror}); choose another --out, or get the right to write there"
        raise ResourceError(msg) from error
    if not os.access(folder, os.W_OK | os.X_OK):
        msg = (
            f"{folder} can not be written to; choose another --out, or get the right to write there"
        )
        raise ResourceError(msg)


class RunStore:
    """An open run folder, held by one process.

    Parameters
    ----------
    folder
        Made if absent; stale temporary files in it are removed.
    overwrite
        Finished steps of other inputs, and files that somebody changed, may be replaced.
    order
        Steps in the order of the flow; doing one anew makes those after it stale.
    """

    __slots__ = ("_lock", "_order", "_overwrite", "_steps", "folder")

    def __init__(self, folder: Path, *, overwrite: bool = False, order: Sequence[str] = ()) -> None:
        make_folder(folder)
        self.folder = folder
        self._overwrite = overwrite
        self._order = tuple(order)
        self._lock = RunLock(folder / ".lock")
        self._steps: dict[str, StepRecord] = {}

    def __enter__(self) -> "RunStore":
        self._lock.__enter__()
        sweep(self.folder)
        self._steps = _read_manifest(self.folder / MANIFEST)
        return self

    def __exit__(self, *error: Any) -> None:  # noqa: ANN401 - passed on as it came
        self._lock.__exit__(*error)

    @property
    def records(self) -> tuple[StepRecord, ...]:
        """What is recorded and still holds, in the order of the flow."""
        names = [name for name in self._order if name in self._steps]
        return tuple(self._steps[name] for name in names if not self._steps[name].stale)

    def record(self, name: str) -> StepRecord:
        """Return what is recorded of a step whose files are still what they were.

        Raises
        ------
        InputError
            The step has not been run, or rests on results that have been replaced since.
        IntegrityError
            One of its files is gone or was changed.
        """
        command = f"changedetect {COMMANDS.get(name, name)}"
        if name not in self._steps:
            msg = f"{self.folder}: step {name!r} has not been run yet; run it first ({command})"
            raise InputError(msg)
        known = self._steps[name]
        if known.stale:
            msg = (
                f"{self.folder}: step {name!r} rests on results that were replaced since; run it again "
                f"first ({command}), or the whole month (changedetect run)"
            )
            raise InputError(msg)
        changed = self._changed(known)
        if changed:
            msg = f"{self.folder / changed}: gone or changed since step {name!r} wrote it; run it again ({command})"
            raise IntegrityError(msg)
        return known

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
        IntegrityError
            Somebody changed one of its files, and replacing was not allowed.
        """
        key = key_of(name, inputs)
        known = self._steps.get(name)
        if known and known.key == key and known.state == "done" and not self._changed(known):
            return self._kept(known), True
        if known and not self._overwrite:
            self._refuse_to_replace(known, key)
        earlier = self._marked(name)
        done = work(key)
        record = StepRecord(
            name=name,
            key=key,
            state="partial" if done.again else "done",
            outputs={
                file: done.digests.get(file) or sha256_file(self.folder / file)
                for file in sorted(done.files)
            },
            facts=done.facts,
            problems=done.problems,
        )
        self._steps[name] = record
        if known and not known.stale and known.result == record.result:
            self._steps.update(earlier)
        self._write()
        return record, False

    def _kept(self, known: StepRecord) -> StepRecord:
        """Return a record that holds; one that was stale holds again."""
        if known.stale:
            known = self._steps[known.name] = replace(known, stale=False)
            self._write()
        return known

    def _refuse_to_replace(self, known: StepRecord, key: str) -> None:
        if known.key != key and not known.stale:
            msg = (
                f"{self.folder}: step {known.name!r} was done from other inputs, settings or another version "
                "of the program; add --overwrite to replace its results, or choose another --out"
            )
            raise InputError(msg)
        edited = self._changed(known, edited_only=True)
        if edited:
            msg = (
                f"{self.folder / edited}: somebody changed it since step {known.name!r} wrote it; move it "
                "away, or add --overwrite to write it again / 文件已被修改，请先移走或加 --overwrite"
            )
            raise IntegrityError(msg)

    def _marked(self, name: str) -> dict[str, StepRecord]:
        """Forget a step and mark those after it as stale, on disk, before its files are touched.

        A run that is killed then goes on without asking again for what was allowed once.

        Returns
        -------
        dict
            The records of later steps as they were.
        """
        self._steps.pop(name, None)
        place = self._order.index(name) + 1 if name in self._order else len(self._order)
        later = {one: self._steps[one] for one in self._order[place:] if one in self._steps}
        self._steps.update({one: replace(known, stale=True) for one, known in later.items()})
        self._write()
        return later

    def _changed(self, record: StepRecord, *, edited_only: bool = False) -> str:
        """Return the first file that is not what it was; with `edited_only`, gone ones pass."""
        for file, digest in record.outputs.items():
            path = self.folder / file
            there = path.is_file()
            if (not there and not edited_only) or (there and sha256_file(path) != digest):
                return file
        return ""

    def _write(self) -> None:
        records = sorted(self._steps.values(), key=lambda record: record.name)
        data = {"format": 1, "steps": [asdict(record) for record in records]}
        text = json.dumps(data, ensure_ascii=False, sort_keys=True, indent=1) + "\n"
        publish_bytes(self.folder / MANIFEST, text.encode(), overwrite=True)


def finished_outputs(folder: Path, step: str) -> dict[str, str]:
    """Return the files of a finished step and their digests, without opening the run.

    Empty where the step was not run, or rests on results that were replaced since.
    """
    known = _read_manifest(folder / MANIFEST).get(step)
    return {} if known is None or known.stale else dict(known.outputs)


def finished_facts(folder: Path, step: str) -> dict[str, Any]:
    """Return the figures of a finished step, without opening the run; empty where it was not run."""
    known = _read_manifest(folder / MANIFEST).get(step)
    return {} if known is None or known.stale else dict(known.facts)


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
