"""Files of a record layer are loaded: columns converted, geometries as they were delivered."""

import hashlib
import re
from collections.abc import Iterator, Sequence
from dataclasses import dataclass, field
from pathlib import Path

import numpy as np

from changedetect.config.job import LayerSection
from changedetect.io.formats.reader import Bounds
from changedetect.io.layer_columns import Kind, read_columns
from changedetect.io.layer_source import declared_crs, read_parts


@dataclass(frozen=True, slots=True)
class LoadedLayer:
    """A layer whose columns are converted and whose geometries are as delivered.

    Attributes
    ----------
    columns
        Our columns, a list each.
    shapes
        ``(row,)`` geometries or None, in the layer's own system.
    rows
        ``(row,)`` where each stands in the file, from 1.
    total
        Rows of the file; more than read where only a part was asked for.
    code
        Coordinate system, ``EPSG:n``.
    place, sha256
        File and layer for messages; digest of the file.
    notes
        What was found of the file, in Chinese.
    row_notes
        What was found of these rows.
    """

    columns: dict[str, list[object]]
    shapes: np.ndarray
    rows: np.ndarray
    total: int
    code: str
    place: str
    sha256: str
    notes: list[str]
    row_notes: list[str] = field(default_factory=list)


def files_of(path: Path) -> list[Path]:
    """Return the files of a layer: one, or those that a pattern with ``*`` in the name finds, sorted."""
    if "*" in path.name:
        return sorted(path.parent.glob(path.name))
    return [path] if path.exists() else []


def load_parts(
    path: Path, section: LayerSection, kind: Kind, within: tuple[str, Bounds] | None
) -> Iterator[LoadedLayer]:
    """Load a layer file by file, a large file part by part.

    Parameters
    ----------
    path, section, kind
        As in `changedetect.io.vectors.read_kind`.
    within
        Coordinate system and box of the rows that are wanted of a large file; None = every file
        whole.

    Yields
    ------
    LoadedLayer
        Parts of one file follow one another and share the notes of the file, which are complete
        with its last part.
    """
    files = files_of(path)
    key = kind.spec.names[0]
    for file in files:
        values = {name: text.replace(STEM, file.stem) for name, text in section.values.items()}
        own = section.model_copy(update={"values": values})
        for loaded in _load_file(file, own, kind, within):
            if len(files) > 1 and key in loaded.columns:
                loaded.columns[key] = [f"{file.stem}/{name}" for name in loaded.columns[key]]
            yield loaded


STEM = "{stem}"
"""Stands for the name of the file, without suffix, in the values of a layer."""


def _load_file(
    path: Path, section: LayerSection, kind: Kind, within: tuple[str, Bounds] | None
) -> Iterator[LoadedLayer]:
    notes: list[str] = []
    for source, raw in read_parts(path, section, within, notes):
        own: list[str] = []
        code = declared_crs(raw, source, section.crs)
        columns = read_columns(raw, kind, section, source.place, own)
        shapes = np.asarray(raw.frame.geometry.array)
        yield LoadedLayer(
            columns, shapes, raw.rows, raw.total, code, source.place, source.sha256, notes, own
        )


def joined_digest(loads: Sequence[LoadedLayer]) -> str:
    """Return one digest of the files of a layer."""
    if len(loads) == 1:
        return loads[0].sha256
    return hashlib.sha256("\n".join(one.sha256 for one in loads).encode()).hexdigest()


def joined_notes(loads: Sequence[LoadedLayer]) -> list[str]:
    """Return the notes of all files; of several, with the rows that each begins and ends."""
    if len(loads) == 1:
        return loads[0].notes
    notes, begin = [f"{len(loads)} 个文件"], 1
    for one in loads:
        name = Path(one.place.partition(": layer ")[0]).name
        end = begin + one.total - 1
        notes.append(f"第 {begin}–{end} 行 {name}" + "".join(f", {note}" for note in one.notes))
        begin = end + 1
    return notes


_COUNTED = re.compile(
    r"(?P<head>.* 有 |)(?P<count>\d+)(?P<body> (?:行无图形|个图形拓扑无效|行含控制字符).*?)(?:第 (?P<rows>.*) 行)?"
)
_NAMED_ROWS = 5


def merged(parts: Sequence[Sequence[str]]) -> list[str]:
    """Join the notes on the parts of a file: as if its rows had been looked at together.

    Counts are added up, named rows put one after the other; what is said of every part alike is
    said once.

    Examples
    --------
    >>> merged(
    ...     [
    ...         ["2 个图形拓扑无效: 第 1、4 行", "图形含 Z 值"],
    ...         ["1 个图形拓扑无效: 第 9 行", "图形含 Z 值"],
    ...     ]
    ... )
    ['3 个图形拓扑无效: 第 1、4、9 行', '图形含 Z 值']
    """
    if len(parts) == 1:
        return list(parts[0])
    counts: dict[tuple[str, str], int] = {}
    rows: dict[tuple[str, str], list[str]] = {}
    for note in (note for notes in parts for note in notes):
        found = _COUNTED.fullmatch(note)
        key = (found["head"], found["body"]) if found else (note, "")
        counts[key] = counts.get(key, 0) + (int(found["count"]) if found else 0)
        named = found["rows"] if found else None
        rows.setdefault(key, []).extend(named.split("、") if named else [])
    return [
        f"{head}{counts[head, body]}{body}{_listed(rows[head, body])}" if body else head
        for head, body in counts
    ]


def _listed(rows: Sequence[str]) -> str:
    if not rows:
        return ""
    cut = len(rows) > _NAMED_ROWS or any(row.endswith(" …") for row in rows)
    named = "、".join(row.removesuffix(" …") for row in rows[:_NAMED_ROWS])
    return f"第 {named}{' …' if cut else ''} 行"
