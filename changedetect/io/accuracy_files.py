"""What an evaluation leaves: JSON, one CSV a table, curves, and a page with all of it."""

import base64
import csv
import hashlib
import io
import json
from collections.abc import Sequence
from importlib.resources import files
from pathlib import Path

from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from changedetect.accuracy.report import AccuracyReport, Drawing, shown
from changedetect.errors import InputError
from changedetect.io import plots
from changedetect.io.publish import publish_bytes
from changedetect.io.tables import plain_cell

_TEMPLATES = files("changedetect.io") / "templates"

FACTS, PAGE, CURVE = "accuracy.json", "accuracy.html", "curve.csv"

_POLICY = (
    "default-src 'none'; img-src data:; style-src '{style}'; base-uri 'none'; form-action 'none'"
)


def names_of(report: AccuracyReport) -> tuple[str, ...]:
    """Return the files that a report becomes."""
    curves = (plots.ROC, plots.PR, CURVE) if report.drawing is not None else ()
    return (FACTS, PAGE, *curves, *(f"{table.name}.csv" for table in report.tables))


def write_report(folder: Path, report: AccuracyReport, *, overwrite: bool = False) -> None:
    """Write a report into a folder, which is made where it is missing.

    Raises
    ------
    InputError
        A file of an earlier report is there and `overwrite` is False.
    """
    folder.mkdir(parents=True, exist_ok=True)
    there = [name for name in names_of(report) if (folder / name).exists()]
    if there and not overwrite:
        msg = f"{folder} holds {', '.join(there)}; add --overwrite to replace them, or choose another --out"
        raise InputError(msg)
    text = json.dumps(report.facts, ensure_ascii=False, sort_keys=True, indent=1, allow_nan=False)
    publish_bytes(folder / FACTS, f"{text}\n".encode(), overwrite=overwrite)
    for table in report.tables:
        rows = [table.columns, *table.rows]
        publish_bytes(folder / f"{table.name}.csv", _csv(rows), overwrite=overwrite)
    pictures: list[str] = []
    if report.drawing is not None:
        plots.write_curves(folder, report.drawing, overwrite=overwrite)
        publish_bytes(folder / CURVE, _csv(_curve_rows(report.drawing)), overwrite=overwrite)
        pictures = [_inline(folder / name) for name in (plots.ROC, plots.PR)]
    publish_bytes(folder / PAGE, _page(report, pictures).encode(), overwrite=overwrite)


def _csv(rows: Sequence[tuple[object, ...]]) -> bytes:
    stream = io.StringIO()
    writer = csv.writer(stream, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writerows([plain_cell(cell) for cell in row] for row in rows)
    return stream.getvalue().encode("utf-8-sig")


def _curve_rows(drawing: Drawing) -> list[tuple[object, ...]]:
    curve = drawing.curve
    columns = (curve.score, curve.recall, curve.precision, curve.false_alarm_rate)
    body = [tuple(float(value) for value in row) for row in zip(*columns, strict=True)]
    return [("threshold", "recall", "precision", "false_alarm_rate"), *body]


def _inline(path: Path) -> str:
    return "data:image/png;base64," + base64.b64encode(path.read_bytes()).decode()


def _page(report: AccuracyReport, pictures: list[str]) -> str:
    def text(name: str) -> str:
        return (_TEMPLATES / name).read_text(encoding="utf-8")

    environment = Environment(
        loader=FunctionLoader(text),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    style = text("accuracy.css")
    digest = base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    return environment.get_template("accuracy.html").render(
        title=report.title,
        tables=report.tables,
        notes=report.notes,
        pictures=pictures,
        shown=shown,
        policy=_POLICY.format(style=f"sha256-{digest}"),
        style=Markup(style),  # noqa: S704 - our own file
    )
