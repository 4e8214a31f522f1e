"""A report as tables: the same rows on the terminal, in CSV, in JSON and on the page."""

import unicodedata
from collections.abc import Sequence
from dataclasses import dataclass

from changedetect.accuracy.pixels import Curve

Cell = str | int | float | None


@dataclass(frozen=True, slots=True)
class ReportTable:
    """Rows of one kind.

    Attributes
    ----------
    name
        Of its CSV file.
    title
        Above it.
    columns, rows
        Head and cells; None is not known.
    notes
        Below it: definitions, and what does not hold.
    """

    name: str
    title: str
    columns: tuple[str, ...]
    rows: tuple[tuple[Cell, ...], ...]
    notes: tuple[str, ...] = ()

    def lines(self) -> list[str]:
        """Return it for a terminal."""
        cells = [[shown(cell) for cell in row] for row in (self.columns, *self.rows)]
        widths = [max(map(_width, column)) for column in zip(*cells, strict=True)]
        body = [
            "  ".join(
                _padded(cell, width) for cell, width in zip(row, widths, strict=True)
            ).rstrip()
            for row in cells
        ]
        return [self.title, *body, *(f"  {note}" for note in self.notes), ""]


@dataclass(frozen=True, slots=True)
class OperatingMark:
    """A point of work on a curve."""

    name: str
    recall: float
    precision: float | None
    false_alarm_rate: float


@dataclass(frozen=True, slots=True)
class Drawing:
    """What the curves of one result show.

    Attributes
    ----------
    name
        Of what was judged.
    curve
        Thinned.
    marks
        Where the tool works.
    changed, unchanged
        Pixels on which it rests.
    area_under_roc, average_precision
        Exact.
    """

    name: str
    curve: Curve
    marks: tuple[OperatingMark, ...]
    changed: int
    unchanged: int
    area_under_roc: float
    average_precision: float


@dataclass(frozen=True, slots=True)
class AccuracyReport:
    """Everything that an evaluation says.

    Attributes
    ----------
    title
        What was judged against what.
    facts
        JSON-able values.
    tables
        For people.
    notes
        What holds for all of it.
    drawing
        Curves, where there are any.
    """

    title: str
    facts: dict[str, object]
    tables: tuple[ReportTable, ...]
    notes: tuple[str, ...] = ()
    drawing: Drawing | None = None

    def lines(self) -> list[str]:
        """Return the report for a terminal."""
        body = [line for table in self.tables for line in table.lines()]
        return [self.title, "", *body, *(f"note 说明: {note}" for note in self.notes)]


def shown(cell: Cell) -> str:
    """Write a cell.

    Examples
    --------
    >>> [shown(cell) for cell in (None, 3, 0.25, 0.00042, 1234567.0, "x")]
    ['-', '3', '0.2500', '0.00042', '1234567', 'x']
    """
    if cell is None:
        return "-"
    if not isinstance(cell, float):
        return str(cell)
    if cell == 0 or abs(cell) >= 1000:  # noqa: PLR2004 - four figures are enough
        return f"{cell:.0f}"
    return f"{cell:.4f}" if abs(cell) >= 0.001 else f"{cell:.2g}"  # noqa: PLR2004


def joined(reports: Sequence[AccuracyReport], title: str) -> AccuracyReport:
    """Put reports one after another under one title; the first curves are kept."""
    facts: dict[str, object] = {}
    for report in reports:
        facts |= report.facts
    drawings = [report.drawing for report in reports if report.drawing is not None]
    return AccuracyReport(
        title=title,
        facts=facts,
        tables=tuple(table for report in reports for table in report.tables),
        notes=tuple(dict.fromkeys(note for report in reports for note in report.notes)),
        drawing=drawings[0] if drawings else None,
    )


def _width(text: str) -> int:
    return sum(2 if unicodedata.east_asian_width(letter) in "WF" else 1 for letter in text)


def _padded(text: str, width: int) -> str:
    return text + " " * (width - _width(text))
