"""What comes back from a county, as values: files, tables, rows, photos. Nothing is judged here."""

from collections.abc import Mapping
from dataclasses import dataclass, field

Cell = str | int | float | bool | None
"""A cell as it was read; dates are ISO text."""

READ_FORMS = frozenset({"AJTB", "SPTH", "HC_JL", "HC_FW", "HC_ZP", "ZG_JL"})
"""Layers of a package that are read when it comes back."""


@dataclass(frozen=True, slots=True)
class RawRow:
    """One row: its number as people see it, cells by column header, outline, columns with a formula.

    ``shape`` is WKB of a point or of polygons; None = none was drawn.
    """

    number: int
    cells: Mapping[str, Cell]
    shape: bytes | None = None
    formulas: frozenset[str] = frozenset()


@dataclass(frozen=True, slots=True)
class RawTable:
    """One layer or sheet: name, headers in order, rows, coordinate system ('' = none told)."""

    name: str
    columns: tuple[str, ...]
    rows: tuple[RawRow, ...]
    crs: str = ""
    changed: str = ""


@dataclass(frozen=True, slots=True)
class ReturnedFile:
    """One file that came back.

    Attributes
    ----------
    name
        As it was called, without folder.
    digest
        SHA-256 of its bytes; of the lines ``digest  name`` where several files are one (shapefile).
    stamp
        Time of its last change as the file itself tells, ISO text in UTC; '' = it tells none.
    tables
        Its layers or sheets.
    notes
        What the reader had to say.
    """

    name: str
    digest: str
    stamp: str
    tables: tuple[RawTable, ...]
    notes: tuple[str, ...] = ()


@dataclass(frozen=True, slots=True)
class PhotoFacts:
    """What a photo tells of itself.

    Attributes
    ----------
    path
        ``photos/{AJBH}/name.jpg``, as rows name it.
    case
        Name of its folder.
    sha256
        Of its bytes.
    lon, lat
        From its EXIF, WGS 84; None = it has none. [degree]
    bearing
        Direction of view from its EXIF; None = it has none. [degree]
    taken
        Local date and time, ISO text without zone; '' = it has none.
    device
        Maker and model.
    dhash
        Difference hash, 16 hex digits; '' = the picture can not be read.
    moire
        Height of the highest peak of the spectrum over its ring, decimal logarithm of the power.
    problem
        Why it can not be read; '' = it can.
    """

    path: str
    case: str
    sha256: str
    lon: float | None = None
    lat: float | None = None
    bearing: float | None = None
    taken: str = ""
    device: str = ""
    dhash: str = ""
    moire: float = 0.0
    problem: str = field(default="")
