"""Curves as PNG files: drawn without a display, same numbers, same bytes."""

import io
from collections.abc import Sequence
from pathlib import Path

import matplotlib as mpl
from matplotlib.axes import Axes
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from changedetect.accuracy.report import Drawing
from changedetect.io.publish import publish_bytes

ROC, PR = "ROC.png", "PR.png"

_DPI = 120
_SIZE_INCH = (6.4, 4.8)
_TREND_INCH = (8.0, 3.2)
_MARKS = ("o", "s", "^", "D", "v", "P")
_LEAST_RATE = 1e-6

_FIRST_UNDRAWN = 0x250
"""Letters from here on are not in every build of the font."""


def write_curves(folder: Path, drawing: Drawing, *, overwrite: bool = False) -> None:
    """Write ROC.png and PR.png.

    Parameters
    ----------
    folder
        It exists.
    drawing
        Curves, marks, and the pixels on which they rest.
    """
    publish_bytes(folder / ROC, _png(_roc(drawing)), overwrite=overwrite)
    publish_bytes(folder / PR, _png(_precision_recall(drawing)), overwrite=overwrite)


def trend_png(rows: Sequence[tuple[str, int, int, int]]) -> bytes:
    """Draw months over found (bars), cleared (green) and overdue (red) cases; digits only, no words.

    Parameters
    ----------
    rows
        Month, found, cleared, overdue.
    """
    figure = Figure(figsize=_TREND_INCH, layout="constrained")
    FigureCanvasAgg(figure)
    axes = figure.add_subplot()
    months = [row[0] for row in rows]
    axes.bar(months, [row[1] for row in rows], color="#9db7d5")
    axes.plot(months, [row[2] for row in rows], "o-", color="#2e7d32")
    axes.plot(months, [row[3] for row in rows], "s-", color="#c62828")
    axes.set_ylim(bottom=0)
    axes.grid(axis="y", alpha=0.35)
    return _png(figure)


def _png(figure: Figure) -> bytes:
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=_DPI, metadata={"Software": None})
    return stream.getvalue()


def _figure(title: str, drawing: Drawing) -> tuple[Figure, Axes]:
    with mpl.rc_context({"font.family": "DejaVu Sans", "axes.grid": True, "grid.alpha": 0.35}):
        figure = Figure(figsize=_SIZE_INCH, layout="constrained")
        FigureCanvasAgg(figure)
        axes = figure.add_subplot()
    below = f"{drawing.changed:,} changed and {drawing.unchanged:,} unchanged pixels, labelled and observed"
    axes.set_title(f"{_drawable(title)}\n{below}", fontsize=9)
    return figure, axes


def _drawable(text: str) -> str:
    """Leave out what the font that comes with the library can not draw."""
    return "".join(letter if ord(letter) < _FIRST_UNDRAWN else "?" for letter in text)


def _roc(drawing: Drawing) -> Figure:
    """Draw recall over false-alarm rate; the rate is logarithmic, since change is rare."""
    figure, axes = _figure(f"ROC: {drawing.name}", drawing)
    curve = drawing.curve
    shown = curve.false_alarm_rate > 0
    label = f"every threshold, area {drawing.area_under_roc:.4f}"
    axes.plot(curve.false_alarm_rate[shown], curve.recall[shown], color="#1f4e79", label=label)
    rates = [mark.false_alarm_rate for mark in drawing.marks]
    least = min([1 / max(drawing.unchanged, 1), *(rate for rate in rates if rate > 0)])
    for mark, shape in zip(drawing.marks, _MARKS * len(drawing.marks), strict=False):
        x = max(mark.false_alarm_rate, least)
        axes.plot([x], [mark.recall], shape, markersize=8, label=_drawable(mark.name))
    axes.set_xscale("log")
    axes.set_xlim(max(least / 2, _LEAST_RATE), 1.05)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("false-alarm rate (share of unchanged pixels alarmed, logarithmic)")
    axes.set_ylabel("recall (share of changed pixels alarmed)")
    axes.legend(loc="lower right", fontsize=8)
    return figure


def _precision_recall(drawing: Drawing) -> Figure:
    figure, axes = _figure(f"Precision and recall: {drawing.name}", drawing)
    curve = drawing.curve
    label = f"every threshold, average precision {drawing.average_precision:.4f}"
    axes.plot(curve.recall, curve.precision, color="#1f4e79", label=label)
    share = drawing.changed / max(drawing.changed + drawing.unchanged, 1)
    axes.axhline(share, color="#888888", linestyle=":", label=f"chance: {share:.4f}")
    for mark, shape in zip(drawing.marks, _MARKS * len(drawing.marks), strict=False):
        if mark.precision is not None:
            axes.plot(
                [mark.recall], [mark.precision], shape, markersize=8, label=_drawable(mark.name)
            )
    axes.set_xlim(-0.02, 1.02)
    axes.set_ylim(-0.02, 1.02)
    axes.set_xlabel("recall (share of changed pixels alarmed)")
    axes.set_ylabel("precision (share of labelled alarms that are change)")
    axes.legend(loc="lower left", fontsize=8)
    return figure
