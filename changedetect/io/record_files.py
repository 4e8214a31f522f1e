"""Records between steps: JSON files that come back exactly as they went.

Floats are written with all their digits, geometries as WKB, so a stage that runs alone sees the
same values as in a whole run.
"""

import hashlib
import heapq
import json
from array import array
from collections.abc import Iterable, Iterator, Sequence
from functools import cache
from pathlib import Path
from typing import Any, Generic, TypeVar, cast

from pydantic import TypeAdapter, ValidationError

from changedetect.errors import IntegrityError, ResourceError
from changedetect.io.digest import sha256_file
from changedetect.io.publish import publish, publish_bytes

T = TypeVar("T")

_END = b"\n }"
"""How a record ends; a line in it that begins with one blank is no other."""

_BLOCK_BYTES = 1 << 20


def write_records(path: Path, records: Sequence[T], kind: type[T]) -> None:
    """Write records of one kind, replacing an earlier file.

    Parameters
    ----------
    path
        JSON file; its folder exists.
    records
        Frozen dataclasses of `changedetect.records` or alike.
    kind
        Their class.
    """
    data = TypeAdapter(tuple[kind, ...]).dump_json(tuple(records), indent=1)  # type: ignore[valid-type]
    publish_bytes(path, data + b"\n", overwrite=True)


def read_records(path: Path, kind: type[T]) -> tuple[T, ...]:
    """Read records back.

    Raises
    ------
    IntegrityError
        The file is gone or holds something else.
    """
    try:
        adapter = TypeAdapter(tuple[kind, ...])  # type: ignore[valid-type]
        return adapter.validate_json(path.read_bytes())
    except (OSError, ValidationError) as error:
        msg = (
            f"{path}: {kind.__name__} records expected ({error}); run the step that writes it again"
        )
        raise IntegrityError(msg) from error


@cache
def _adapter(kind: Any) -> TypeAdapter[Any]:  # noqa: ANN401 - any class of records
    return TypeAdapter(kind)


def merge_records(path: Path, groups: Sequence[Sequence[Path]]) -> None:
    """Join files of records into one, as if all had been written together; none is held whole.

    Parameters
    ----------
    path
        JSON file; replaced.
    groups
        Files of one group are merged by the first field of their records, by which each is sorted;
        groups follow one another.
    """

    def texts() -> Iterator[bytes]:
        for files in groups:
            keyed = [((_first(text), text) for text in _texts(file)) for file in files]
            for _, text in heapq.merge(*keyed, key=lambda item: item[0]):
                yield text

    written: list[str] = []

    def verify(temp: Path) -> None:
        if sha256_file(temp) != written[-1]:
            msg = f"{path}: what was read back is not what was written; the disk is failing or full"
            raise ResourceError(msg)

    publish(path, lambda temp: written.append(_write_texts(temp, texts())), verify, overwrite=True)


def walk_records(path: Path, kind: type[T]) -> Iterator[T]:
    """Read records back one by one.

    Raises
    ------
    IntegrityError
        The file is gone or holds something else.
    """
    for text in _texts(path):
        yield _record(path, text, kind)


class RecordIndex(Generic[T]):
    """A file of records by the text in one of their fields: groups are read one at a time.

    Parameters
    ----------
    path, kind
        As in `read_records`.
    field
        Name of the field, text.
    """

    __slots__ = ("_kind", "_path", "_places")

    def __init__(self, path: Path, kind: type[T], field: str) -> None:
        self._path, self._kind = path, kind
        self._places: dict[str, array[int]] = {}
        mark = f'\n  "{field}": '.encode()
        offset = len(b"[\n")
        for text in _texts(path):
            line = text.partition(mark)[2].partition(b"\n")[0]
            try:
                value = str(json.loads(line.rstrip(b",")))
            except ValueError as error:
                msg = f"{path}: a record without {field}; run the step that writes it again"
                raise IntegrityError(msg) from error
            self._places.setdefault(value, array("q")).extend((offset, len(text)))
            offset += len(text) + len(b",\n")

    @property
    def values(self) -> tuple[str, ...]:
        """Every text in the field, sorted."""
        return tuple(sorted(self._places))

    @property
    def count(self) -> int:
        """Records in the file."""
        return sum(self.count_of(value) for value in self._places)

    def count_of(self, value: str) -> int:
        """Return how many records have a text in the field."""
        return len(self._places.get(value, ())) // 2

    def read(self, value: str) -> tuple[T, ...]:
        """Return the records with a text in the field, in the order of the file."""
        places = self._places.get(value, array("q"))
        found = []
        with self._path.open("rb") as stream:
            for offset, length in zip(places[::2], places[1::2], strict=True):
                stream.seek(offset)
                found.append(_record(self._path, stream.read(length), self._kind))
        return tuple(found)


def _record(path: Path, text: bytes, kind: type[T]) -> T:
    try:
        record: T = _adapter(cast("Any", kind)).validate_json(text)
    except ValidationError as error:
        msg = (
            f"{path}: {kind.__name__} records expected ({error}); run the step that writes it again"
        )
        raise IntegrityError(msg) from error
    return record


def _texts(path: Path) -> Iterator[bytes]:
    """Cut a file that `write_records` wrote into its records: each begins and ends at one blank."""
    try:
        with path.open("rb") as stream:
            first = stream.readline()
            if first.rstrip() not in (b"[", b"[]"):
                msg = f"{path}: a list of records was expected; run the step that writes it again"
                raise IntegrityError(msg)
            rest = b""
            while block := stream.read(_BLOCK_BYTES):
                *whole, rest = (rest + block).split(_END + b",\n")
                for text in whole:
                    yield text + _END
            last, end, closing = rest.partition(_END + b"\n")
            if end:
                yield last + _END
            if (closing if end else rest).strip() not in (b"", b"]"):
                msg = f"{path}: it breaks off within a record; run the step that writes it again"
                raise IntegrityError(msg)
    except OSError as error:
        msg = f"{path}: can not be read ({error}); run the step that writes it again"
        raise IntegrityError(msg) from error


def _first(text: bytes) -> str:
    """Return the first field of a record, text."""
    line = text.split(b"\n", 2)[1]
    return str(json.loads(line.partition(b": ")[2].rstrip(b",")))


def _write_texts(path: Path, texts: Iterable[bytes]) -> str:
    """Write records as one list; return the digest of the bytes."""
    digest = hashlib.sha256()
    with path.open("wb") as stream:

        def put(data: bytes) -> None:
            stream.write(data)
            digest.update(data)

        mark = b"[\n"
        for text in texts:
            put(mark + text)
            mark = b",\n"
        put(b"[]\n" if mark == b"[\n" else b"\n]\n")
    return digest.hexdigest()
