"""Plain tables as CSV that spreadsheets open right: UTF-8 with mark, text quoted, no formulas."""

import csv
import io

import pandas as pd

from changedetect.casepackage import LayerForm

_FORMULA_STARTS = ("=", "+", "-", "@", "\t", "\r", "＝", "＋", "－", "＠")


def csv_bytes(table: pd.DataFrame, form: LayerForm, notice: str = "") -> bytes:
    """Write a table with the Chinese names of its columns.

    Parameters
    ----------
    table
        Columns as the form says.
    form
        Aliases of the columns.
    notice
        Sentence on a last line of its own; empty = none.

    Returns
    -------
    bytes
        UTF-8 with byte-order mark. Empty is unknown; text that a spreadsheet would take for a
        formula begins with an apostrophe.
    """
    stream = io.StringIO()
    writer = csv.writer(stream, quoting=csv.QUOTE_NONNUMERIC, lineterminator="\r\n")
    writer.writerow([field.alias for field in form.fields])
    for row in table[[field.name for field in form.fields]].itertuples(index=False):
        writer.writerow([plain_cell(value) for value in row])
    if notice:
        writer.writerow([plain_cell(notice)])
    return stream.getvalue().encode("utf-8-sig")


def plain_cell(value: object) -> object:
    """Return what a cell may hold: unknown is empty, and no text is taken for a formula."""
    if value is None or value != value:  # noqa: PLR0124 - NaN is the one value unlike itself
        return ""
    if isinstance(value, str) and value.startswith(_FORMULA_STARTS):
        return f"'{value}"
    return value
