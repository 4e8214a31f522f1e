"""A pixel's series as a picture: observations, forecast with its band, breaks with their bracket."""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np
from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from changedetect.io.publish import publish

_DPI = 110
_INCHES = (11.0, 2.3)
_BAND_SIGMA = 2.0
_META = {"Software": "changedetect"}


@dataclass(frozen=True, slots=True)
class PixelTrace:
    """What one pixel went through.

    Attributes
    ----------
    title
        Where the pixel lies.
    days
        Dates of the series.
    indices
        Name of each followed quantity.
    observed, forecast, sigma
        ``(date, index)`` float64; NaN = not observed, or no forecast yet.
    breaks
        Last day of the old state and first of the new one, of each confirmed break.
    """

    title: str
    days: Sequence[date]
    indices: Sequence[str]
    observed: np.ndarray
    forecast: np.ndarray
    sigma: np.ndarray
    breaks: Sequence[tuple[date, date]]


def write_series_plot(path: Path, trace: PixelTrace) -> None:
    """Draw a trace as PNG, one panel an index; an earlier picture is replaced."""
    count = len(trace.indices)
    figure = Figure(figsize=(_INCHES[0], _INCHES[1] * count + 0.6), layout="constrained")
    FigureCanvasAgg(figure)
    figure.suptitle(trace.title)
    panels = np.atleast_1d(figure.subplots(count, 1, sharex=True))
    days = np.array(trace.days, dtype="datetime64[D]")
    for number, (panel, name) in enumerate(zip(panels, trace.indices, strict=True)):
        mean, sigma = trace.forecast[:, number], trace.sigma[:, number]
        band = (mean - _BAND_SIGMA * sigma, mean + _BAND_SIGMA * sigma)
        panel.fill_between(days, *band, color="tab:green", alpha=0.15, label="2 sigma")
        panel.plot(days, mean, color="tab:green", linewidth=1, label="forecast")
        panel.plot(days, trace.observed[:, number], "k.", markersize=4, label="observed")
        for before, after in trace.breaks:
            panel.axvspan(
                np.datetime64(before),
                np.datetime64(after),
                color="tab:red",
                alpha=0.3,
                label="break",
            )
        panel.set_ylabel(name)
        panel.set_ylim(*_limits(trace.observed[:, number]))
    handles: Mapping[str, object] = dict(
        zip(*reversed(panels[0].get_legend_handles_labels()), strict=True)
    )
    panels[0].legend(list(handles.values()), list(handles), loc="upper left", fontsize="small")

    def write(temp: Path) -> None:
        figure.savefig(temp, dpi=_DPI, format="png", metadata=_META)

    publish(path, write, overwrite=True)


def _limits(observed: np.ndarray) -> tuple[float, float]:
    seen = observed[np.isfinite(observed)]
    low, high = (float(seen.min()), float(seen.max())) if seen.size else (0.0, 1.0)
    margin = 0.15 * (high - low) + 0.02
    return low - margin, high + margin
