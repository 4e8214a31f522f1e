"""The report as lines for people, and as a picture."""

import io
from pathlib import Path

from matplotlib.backends.backend_agg import FigureCanvasAgg
from matplotlib.figure import Figure

from changedetect.bench.measure import Cost
from changedetect.bench.peers import absent
from changedetect.bench.suite import RATIOS, SMALL_IS_GOOD, Report

_DPI = 110


def lines(report: Report) -> list[str]:
    """Return the report as lines of text."""
    machine = report.machine
    versions = machine["versions"]
    assert isinstance(versions, dict)
    shown = ", ".join(f"{name} {version}" for name, version in versions.items())
    size = report.choice.size_px
    what = "sample tiles" if size is None else (
        f"{size} x {size} px x {report.choice.bands} bands x 2 dates, {report.choice.codec}"
    )  # fmt: skip
    return [
        f"{what}; {report.choice.workers} workers; median of {report.choice.repeat}",
        f"{machine['processor']}, {machine['cores']} cores, load {machine['load']}",
        f"memory copy on one core {report.copy_gb_per_s:.1f} GB/s",
        f"Python {machine['python']}, GDAL {machine['gdal']}, {shown}",
        *(f"absent 未安装: {name}" for name in absent(report.choice.peer_python)),
        "",
        *_cost_lines(report),
        "",
        *_ratio_lines(report),
        *(f"{name}: {one.text}" for name, one in report.agreements.items()),
        "",
        *_kernel_lines(report),
    ]


def _cost_lines(report: Report) -> list[str]:
    rows = [f"{'piece':<28}{'wall s':>9}{'cpu s':>9}{'peak MB':>9}"]
    for name, cost in report.costs.items():
        rows.append(_cost_line(name, cost))
        rows += [_cost_line(f"  {part}", one) for part, one in report.details.get(name, {}).items()]
    counts = f"{report.patches} patches, {report.cases} cases" if report.cases else ""
    return [*rows, counts] if counts else rows


def _cost_line(name: str, cost: Cost) -> str:
    peak = "" if cost.peak_mb is None else f"{cost.peak_mb:.0f}"
    return f"{name:<28}{cost.wall_s:>9.3f}{cost.cpu_s:>9.3f}{peak:>9}"


def _ratio_lines(report: Report) -> list[str]:
    rows = [f"{'ratio':<40}{'wall':>9}{'cpu':>9}  goal"]
    for name, found in report.ratios.items():
        goal = RATIOS[name][2]
        sign = "≤" if name in SMALL_IS_GOOD else "≥"
        aim = "" if goal is None else f"{sign} {goal:g}"
        rows.append(f"{name:<40}{found['wall']:>9.2f}{found['cpu']:>9.2f}  {aim}")
    return rows


def _kernel_lines(report: Report) -> list[str]:
    rows = [f"{'kernel, one core':<34}{'ns/px·band':>11}{'GB/s':>8}{'of copy':>9}"]
    for one in report.kernels:
        share = f"{100 * one.copy_share:.0f}%"
        rows.append(f"{one.name:<34}{one.ns_per_px_band:>11.2f}{one.gb_per_s:>8.2f}{share:>9}")
    return rows


def write_plot(path: Path, report: Report) -> None:
    """Draw cost against area and against workers."""
    figure = Figure(figsize=(9, 4), layout="constrained")
    FigureCanvasAgg(figure)
    left, right = figure.subplots(1, 2)
    areas = sorted(report.area_wall_s.items())
    left.plot([area / 1e6 for area, _ in areas], [wall for _, wall in areas], "o-")
    left.set_xlabel("area, million pixels")
    left.set_ylabel("evidence stage, s")
    counts = sorted(report.workers_wall_s.items())
    right.plot([count for count, _ in counts], [wall for _, wall in counts], "o-")
    right.set_xlabel("workers")
    right.set_ylabel("tiles, s")
    for axes in (left, right):
        axes.set_xlim(left=0)
        axes.set_ylim(bottom=0)
        axes.grid(alpha=0.35)
    stream = io.BytesIO()
    figure.savefig(stream, format="png", dpi=_DPI, metadata={"Software": None})
    path.write_bytes(stream.getvalue())
