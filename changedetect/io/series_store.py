"""States of time series on disk: one file a tile and month, checked before a byte of it is used.

A store is a folder ``{tile}/{YYYY-MM}.state``. A file is three parts: a line with the format and
the SHA-256 of the header; the header, one line of JSON (what the state belongs to, the scenes that
it has absorbed, name, type and shape of its arrays, SHA-256 of what follows); the arrays, one after
the other. Nothing in it is executed or unpickled.

The states after the newest `KEPT_MONTHS` months stay, so that a scene that comes late, or a month
that was lost, is replayed from the newest state before it; history is never read again.
"""

import hashlib
import json
import math
import re
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass
from datetime import date
from pathlib import Path
from typing import Any

import numpy as np

from changedetect.errors import IntegrityError
from changedetect.grid import Grid, Window
from changedetect.io.publish import publish
from changedetect.records import Scene

FORMAT = "changedetect-series-state"
FORMAT_VERSION = 1
"""Form of the file; a file of another version is refused."""

KEPT_MONTHS = 3
"""This month, and the two before it."""

_FIRST_LINE = ("format", "version", "sha256 of the header")
_SUFFIX = ".state"
_LINE_BYTES = 1 << 24
_COMPARED_BYTES = 1 << 18
_MONTH = re.compile(r"^\d{4}-(0[1-9]|1[0-2])$")
_KINDS = "biufU"


@dataclass(frozen=True, slots=True)
class StateOwner:
    """What a state belongs to; a state of any other owner is refused.

    Attributes
    ----------
    tile
        Name of the tile.
    grid
        Of the whole area.
    window
        Pixels of the grid that the state covers (the tile with its halo).
    sensor
        Name of the sensor profile.
    roles
        Band roles of every scene, in order.
    config_digest
        Digest of every setting that the state depends on.
    """

    tile: str
    grid: Grid
    window: Window
    sensor: str
    roles: tuple[str, ...]
    config_digest: str

    def facts(self) -> dict[str, Any]:
        """Return plain values, as they stand in the header."""
        return {
            "tile": self.tile,
            "crs": self.grid.crs,
            "transform": list(self.grid.transform),
            "size_px": [self.grid.height, self.grid.width],
            "window": list(asdict(self.window).values()),
            "sensor": self.sensor,
            "roles": list(self.roles),
            "config_digest": self.config_digest,
        }


@dataclass(frozen=True, slots=True, order=True)
class SceneKey:
    """What tells one absorbed scene from another: the same key is never absorbed twice."""

    day: date
    scene_id: str
    sha256: str

    @classmethod
    def of(cls, scene: Scene) -> "SceneKey":
        """Return the key of a scene of the catalogue."""
        return cls(scene.day, scene.scene_id, scene.sha256)


@dataclass(frozen=True, slots=True)
class StoredState:
    """A state as it was stored.

    Attributes
    ----------
    month
        ``YYYY-MM``; the state is the one after the scenes of this month.
    scenes
        Every scene absorbed since the first, sorted.
    arrays
        Name -> array, as given to `write_state`.
    """

    month: str
    scenes: tuple[SceneKey, ...]
    arrays: dict[str, np.ndarray]


@dataclass(frozen=True, slots=True)
class Resumption:
    """Where to go on from, and with what.

    Attributes
    ----------
    stored
        State to go on from; None = begin with nothing.
    pending
        Scenes to absorb, sorted; all are later than what `stored` holds.
    too_late
        Scenes that no kept state allows to absorb any more; they are left out.
    """

    stored: StoredState | None
    pending: tuple[SceneKey, ...]
    too_late: tuple[SceneKey, ...] = ()


def month_of(day: date) -> str:
    """Return the month of a day.

    Examples
    --------
    >>> month_of(date(2025, 6, 30))
    '2025-06'
    """
    return f"{day:%Y-%m}"


def state_path(folder: Path, tile: str, month: str) -> Path:
    """Return where the state of a tile after a month is kept."""
    return folder / tile / f"{month}{_SUFFIX}"


def stored_months(folder: Path, tile: str) -> tuple[str, ...]:
    """Return the months after which a state of the tile is kept, oldest first."""
    names = (path.stem for path in (folder / tile).glob(f"*{_SUFFIX}"))
    return tuple(sorted(name for name in names if _MONTH.match(name)))


def write_state(
    folder: Path,
    owner: StateOwner,
    month: str,
    scenes: Sequence[SceneKey],
    arrays: Mapping[str, np.ndarray],
) -> Path:
    """Store the state of a tile after a month, complete or not at all; drop the oldest months.

    Parameters
    ----------
    folder
        Of the store; it is made if need be.
    owner
        What the state belongs to.
    month
        ``YYYY-MM``; an earlier state of this month is replaced.
    scenes
        Every scene absorbed since the first.
    arrays
        Name -> array of numbers or fixed-width text.

    Returns
    -------
    Path
        The file.

    Raises
    ------
    ResourceError
        The disk is full, or what was written can not be read back.
    """
    path = state_path(folder, owner.tile, month)
    path.parent.mkdir(parents=True, exist_ok=True)
    plain = {name: np.asarray(array, order="C") for name, array in sorted(arrays.items())}
    payload = hashlib.sha256()
    for array in plain.values():
        payload.update(_bytes_of(array))
    header = {
        "owner": owner.facts(),
        "month": month,
        "scenes": [[key.day.isoformat(), key.scene_id, key.sha256] for key in sorted(set(scenes))],
        "arrays": [[name, a.dtype.str, list(a.shape)] for name, a in plain.items()],
        "sha256": payload.hexdigest(),
    }
    line = json.dumps(header, ensure_ascii=False, sort_keys=True).encode()
    first = f"{FORMAT} {FORMAT_VERSION} {hashlib.sha256(line).hexdigest()}\n".encode()

    def write(temp: Path) -> None:
        with temp.open("wb") as stream:
            stream.write(first + line + b"\n")
            for array in plain.values():
                stream.write(_bytes_of(array))

    def verify(temp: Path) -> None:
        _check_same(temp, (first + line + b"\n", *map(_bytes_of, plain.values())))

    publish(path, write, verify, overwrite=True)
    for old in stored_months(folder, owner.tile)[:-KEPT_MONTHS]:
        state_path(folder, owner.tile, old).unlink()
    return path


def read_state(path: Path, owner: StateOwner) -> StoredState:
    """Read a state of this owner.

    Raises
    ------
    IntegrityError
        The file is missing, cut short, changed, of another format version, or belongs to another
        tile, grid, sensor or configuration; the message names which.
    """
    header, start = _header(path)
    _check_owner(path, header["owner"], owner)
    data = np.fromfile(path, np.uint8, offset=start)
    _check_payload(path, header, data)
    arrays, offset = {}, 0
    for name, kind, shape in header["arrays"]:
        dtype = np.dtype(kind)
        count = math.prod(shape)
        arrays[name] = np.frombuffer(data, dtype, count, offset).reshape(shape)
        offset += count * dtype.itemsize
    return StoredState(header["month"], _scenes(header), arrays)


def resume(
    folder: Path, owner: StateOwner, wanted: Sequence[SceneKey], until: date,
    held: StoredState | None = None,
) -> Resumption:  # fmt: skip
    """Find the newest state from which all wanted scenes can be absorbed in order of time.

    A scene that was absorbed and is no longer wanted (its file was put away) stays absorbed. A scene
    older than the newest state, or one whose file changed since, is replayed from an older state if
    what was absorbed after that is wanted still; otherwise it is too late.

    Parameters
    ----------
    folder
        Of the store.
    owner
        What the states must belong to.
    wanted
        Scenes that shall be in the state; those after `until` are passed over.
    until
        States that hold later scenes are not used. [day]
    held
        A state that is in memory already, as it lies in the store: it is not read again.

    Raises
    ------
    IntegrityError
        See `read_state`.
    """
    offered = tuple(sorted({key for key in wanted if key.day <= until}))
    kept = _kept(folder, owner, until)
    if not kept:
        return Resumption(None, offered)
    newest = kept[-1][1]
    for month, absorbed in (*reversed(kept), ("", ())):
        pending = tuple(key for key in offered if key not in set(absorbed))
        last = absorbed[-1].day if absorbed else date.min
        repeatable = _repeatable(newest, absorbed, offered)
        if repeatable and all(key.day > last for key in pending):
            stored = _held_or_read(folder, owner, (month, absorbed), held) if month else None
            return Resumption(stored, pending)
    month, absorbed = kept[-1]
    rest = [key for key in offered if key not in set(absorbed)]
    last = absorbed[-1].day
    return Resumption(
        _held_or_read(folder, owner, (month, absorbed), held),
        tuple(key for key in rest if key.day > last),
        tuple(key for key in rest if key.day <= last),
    )


def _held_or_read(
    folder: Path, owner: StateOwner, wanted: tuple[str, tuple[SceneKey, ...]],
    held: StoredState | None,
) -> StoredState:  # fmt: skip
    if held is not None and (held.month, held.scenes) == wanted:
        return held
    return read_state(state_path(folder, owner.tile, wanted[0]), owner)


def _repeatable(
    newest: tuple[SceneKey, ...], absorbed: tuple[SceneKey, ...], offered: tuple[SceneKey, ...]
) -> bool:
    """Whether what the newest state holds beyond an older one is there to be absorbed again."""
    names = {(key.day, key.scene_id) for key in offered}
    beyond = set(newest) - set(absorbed)
    return all((key.day, key.scene_id) in names for key in beyond)


def _kept(folder: Path, owner: StateOwner, until: date) -> list[tuple[str, tuple[SceneKey, ...]]]:
    """Return months and scenes of the states that hold nothing after a day, oldest first."""
    kept = []
    for month in stored_months(folder, owner.tile):
        path = state_path(folder, owner.tile, month)
        header, _ = _header(path)
        _check_owner(path, header["owner"], owner)
        scenes = _scenes(header)
        if scenes and scenes[-1].day <= until:
            kept.append((month, scenes))
    return kept


def _scenes(header: Mapping[str, Any]) -> tuple[SceneKey, ...]:
    return tuple(SceneKey(date.fromisoformat(day), *rest) for day, *rest in header["scenes"])


def _header(path: Path) -> tuple[dict[str, Any], int]:
    """Return the header of a file and where its arrays begin."""
    try:
        with path.open("rb") as stream:
            first, line = stream.readline(200), stream.readline(_LINE_BYTES)
    except FileNotFoundError as error:
        msg = f"{path}: this state is missing; build the series again from its scenes"
        raise IntegrityError(msg) from error
    words = first.decode(errors="replace").split()
    if len(words) != len(_FIRST_LINE) or words[0] != FORMAT:
        msg = f"{path}: no state of a time series ({FORMAT} expected in its first line); remove it"
        raise IntegrityError(msg)
    if words[1] != str(FORMAT_VERSION):
        msg = (
            f"{path}: format version {words[1]} found, this software reads {FORMAT_VERSION}; "
            "build the series again from its scenes"
        )
        raise IntegrityError(msg)
    if hashlib.sha256(line[:-1]).hexdigest() != words[2]:
        msg = f"{path}: its header is not the one that was written (sha256 differs); {_CURE}"
        raise IntegrityError(msg)
    header: dict[str, Any] = json.loads(line)
    return header, len(first) + len(line)


_CURE = "remove the file: an older month is replayed, or the series is built again"


def _check_payload(path: Path, header: Mapping[str, Any], data: np.ndarray) -> None:
    sizes = [np.dtype(kind).itemsize * math.prod(shape) for _, kind, shape in header["arrays"]]
    if len(data) != sum(sizes):
        msg = (
            f"{path}: {len(data)} bytes of arrays found, {sum(sizes)} expected: cut short; {_CURE}"
        )
        raise IntegrityError(msg)
    if hashlib.sha256(data.data).hexdigest() != header["sha256"]:
        msg = f"{path}: its arrays are not those that were written (sha256 differs); {_CURE}"
        raise IntegrityError(msg)
    strange = [name for name, kind, _ in header["arrays"] if np.dtype(kind).kind not in _KINDS]
    if strange:
        msg = f"{path}: arrays {strange} are neither numbers nor text; {_CURE}"
        raise IntegrityError(msg)


def _bytes_of(array: np.ndarray) -> memoryview:
    """Return the bytes of an array in C order, not copied."""
    return array.reshape(-1).view(np.uint8).data


def _check_same(path: Path, parts: Sequence[bytes | memoryview]) -> None:
    """Refuse a file whose bytes are not those that were to be written."""
    with path.open("rb") as stream:
        for part in parts:
            for low in range(0, len(part), _COMPARED_BYTES):
                wanted = bytes(part[low : low + _COMPARED_BYTES])
                if stream.read(len(wanted)) != wanted:
                    msg = f"{path}: what was read back is not what was written; {_CURE}"
                    raise IntegrityError(msg)


def _check_owner(path: Path, found: Mapping[str, Any], owner: StateOwner) -> None:
    expected = owner.facts()
    differing = [name for name in expected if found.get(name) != expected[name]]
    if differing:
        lines = "; ".join(
            f"{name} {found.get(name)} there, {expected[name]} here" for name in differing
        )
        msg = (
            f"{path}: this state belongs to something else ({lines}); give the series a folder of its "
            "own, or remove the state and build it again from its scenes"
        )
        raise IntegrityError(msg)
