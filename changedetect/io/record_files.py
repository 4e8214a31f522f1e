"""Records between steps: JSON files that come back exactly as they went.

Floats are written with all their digits, geometries as WKB, so a stage that runs alone sees the
same values as in a whole run.
"""

from collections.abc import Sequence
from pathlib import Path
from typing import TypeVar

from pydantic import TypeAdapter, ValidationError

from changedetect.errors import IntegrityError
from changedetect.io.publish import publish_bytes

T = TypeVar("T")


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
