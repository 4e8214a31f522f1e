"""A period's report as a page, a workbook and a document: three files with the same tables."""

import base64
import hashlib
from collections.abc import Sequence
from datetime import datetime
from functools import partial
from importlib.resources import files
from io import BytesIO
from pathlib import Path
from zipfile import ZIP_DEFLATED, ZipFile, ZipInfo

import docx
from docx.enum.section import WD_ORIENT
from docx.oxml.ns import qn
from docx.shared import Mm, Pt
from jinja2 import Environment, FunctionLoader, StrictUndefined
from markupsafe import Markup

from changedetect.casepackage import Column, Sheet, WorkbookContent
from changedetect.casepackage.sheets import Value
from changedetect.errors import InputError
from changedetect.io import plots, workbook
from changedetect.io.publish import publish, publish_bytes

_TEMPLATES = files("changedetect.io") / "templates"
_POLICY = (
    "default-src 'none'; img-src data:; style-src '{style}'; base-uri 'none'; form-action 'none'"
)
_FONT = "Microsoft YaHei"
_ZIP_DATE = (2020, 1, 1, 0, 0, 0)
TREND_LEGEND = "柱：发现；绿线：销号；红线：超期（按发现月份）"
MOST_ROWS = 400
"""A table of the document shows so many rows; the workbook holds all."""


def write_report(
    folder: Path,
    content: WorkbookContent,
    trend: Sequence[tuple[str, int, int, int]],
    *,
    overwrite: bool,
) -> tuple[Path, ...]:
    """Write the three files; the folder is made where it is missing.

    Parameters
    ----------
    folder
        Where.
    content
        Sheets; the workbook's name gives the others theirs.
    trend
        Month, found, cleared, overdue.
    overwrite
        Files of an earlier report may be replaced.

    Raises
    ------
    InputError
        Files are there and may not be replaced.
    """
    folder.mkdir(parents=True, exist_ok=True)
    stem = folder / content.file_name.removesuffix(".xlsx")
    paths = tuple(stem.with_name(f"{stem.name}{end}") for end in (".html", ".xlsx", ".docx"))
    there = [path.name for path in paths if path.exists()]
    if there and not overwrite:
        msg = f"{folder} holds {', '.join(there)}; add --overwrite to replace them, or choose another --out"
        raise InputError(msg)
    picture = plots.trend_png(trend) if len(trend) > 1 else b""
    publish_bytes(paths[0], _page(content, picture).encode(), overwrite=overwrite)
    publish(
        paths[1],
        partial(workbook.write_workbook, content=content),
        partial(workbook.verify_workbook, content=content),
        overwrite=overwrite,
    )
    publish_bytes(paths[2], _document(content, picture), overwrite=overwrite)
    return paths


def shown(value: Value, column: Column) -> str:
    """Write a value as people read it; empty = unknown."""
    if value is None:
        return ""
    if isinstance(value, float):
        return f"{value:,.{column.decimals}f}"
    return str(value)


def _page(content: WorkbookContent, picture: bytes) -> str:
    style = (_TEMPLATES / "accuracy.css").read_text(encoding="utf-8")
    digest = "sha256-" + base64.b64encode(hashlib.sha256(style.encode()).digest()).decode()
    environment = Environment(
        loader=FunctionLoader(lambda name: (_TEMPLATES / name).read_text(encoding="utf-8")),
        autoescape=True,
        undefined=StrictUndefined,
        trim_blocks=True,
        lstrip_blocks=True,
    )
    return environment.get_template("report.html").render(
        content=content,
        policy=_POLICY.format(style=digest),
        style=Markup(style),  # noqa: S704 - our own file
        trend="data:image/png;base64," + base64.b64encode(picture).decode() if picture else "",
        legend=TREND_LEGEND,
        shown=shown,
    )


def _document(content: WorkbookContent, picture: bytes) -> bytes:
    document = docx.Document()
    section = document.sections[0]
    section.orientation = WD_ORIENT.LANDSCAPE
    section.page_width, section.page_height = Mm(420), Mm(297)
    font = document.styles["Normal"].font
    font.name, font.size = _FONT, Pt(9)
    document.styles["Normal"].element.rPr.rFonts.set(qn("w:eastAsia"), _FONT)
    stamp = content.created.replace(tzinfo=None)
    document.core_properties.title = content.title
    for name in ("created", "modified", "last_printed"):
        setattr(document.core_properties, name, stamp)
    document.core_properties.author = ""
    document.add_heading(content.title, level=0)
    for sheet in content.sheets:
        _add_sheet(document, sheet)
        if sheet.name == "逐月" and picture:
            document.add_picture(BytesIO(picture), width=Mm(180))
            document.add_paragraph(TREND_LEGEND)
    document.add_paragraph(content.footer)
    stream = BytesIO()
    document.save(stream)
    return _still(stream.getvalue(), stamp)


def _add_sheet(document: docx.document.Document, sheet: Sheet) -> None:
    document.add_heading(sheet.name, level=1)
    for note in sheet.notes:
        document.add_paragraph(note)
    table = document.add_table(rows=1, cols=len(sheet.columns), style="Table Grid")
    for cell, column in zip(table.rows[0].cells, sheet.columns, strict=True):
        cell.text = column.header
    for row in sheet.rows[:MOST_ROWS]:
        for cell, value, column in zip(table.add_row().cells, row, sheet.columns, strict=True):
            cell.text = shown(value, column)
    if len(sheet.rows) > MOST_ROWS:
        document.add_paragraph(f"此处列前{MOST_ROWS}行，共{len(sheet.rows)}行，全部见工作簿。")


def _still(data: bytes, _stamp: datetime) -> bytes:
    """Write the archive again with fixed dates, so that the same report has the same bytes."""
    out = BytesIO()
    with ZipFile(BytesIO(data)) as old, ZipFile(out, "w", ZIP_DEFLATED) as new:
        for info in old.infolist():
            still = ZipInfo(info.filename, _ZIP_DATE)
            still.compress_type = ZIP_DEFLATED
            new.writestr(still, old.read(info.filename))
    return out.getvalue()
