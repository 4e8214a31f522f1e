"""The measurements of one run, in turn, and their ratios."""

import tempfile
from collections.abc import Callable, Sequence
from dataclasses import asdict, dataclass, field
from functools import partial
from pathlib import Path
from typing import Any

from changedetect.bench import compare, generated, jobs, kernels, peers
from changedetect.bench.jobs import Task
from changedetect.bench.measure import Cost, alone, copy_gb_per_s, interleaved, machine, median

SAMPLE = Path(__file__).parents[2] / "configs" / "sample.yaml"
SAMPLE_MONTH = "2025-10"
SAMPLE_SIDE_PX = 512
IRMAD_STEPS = 20
PX_PER_BLOB = 6028
"""Pixels of a scene per planted change: 20,000 on 10,980² (our choice, as the goals are stated)."""

PX_PER_PARCEL = 401
"""Pixels per parcel: 300,000 under 10,980²."""

PATCHES_PER_COUNTY = 2500
"""As in the cross-check's own measurement: eight packages for 20,000 patches."""

ARRAYS_MAX_PX = 4096
"""Side of the largest scene that is compared as whole arrays, variate by variate. [px]"""

RATIOS = {
    "evidence_over_decode": ("evidence", "decode", 2.0),
    "month_over_decode": ("month", "decode", 3.0),
    "tile_windows_over_decode": ("decode_tiles", "decode", None),
    "mad_over_decode": ("mad", "decode", None),
    "numpy_irmad_over_irmad": ("numpy_irmad", "irmad", 10.0),
    "dask_irmad_over_irmad": ("dask_irmad", "irmad", 5.0),
    "otb_mad_over_mad": ("otb_mad", "mad", 6.0),
    "numpy_irmad_over_evidence": ("numpy_irmad", "evidence", None),
    "numpy_cva_over_evidence": ("numpy_cva", "evidence", None),
    "dask_cva_over_evidence": ("dask_cva", "evidence", None),
    "dask_cva_over_mad": ("dask_cva", "mad", None),
    "rioxarray_cva_over_mad": ("rioxarray_cva", "mad", None),
    "otb_mad_over_evidence": ("otb_mad", "evidence", None),
    "shapes_shapely_over_polygons": ("shapes_shapely", "polygons", 8.0),
    "geopandas_overlay_over_patch_parcel": ("geopandas_overlay", "patch_parcel", 10.0),
    "numpy_harmonic_over_series": ("numpy_harmonic", "series", None),
    "nrt_ccdc_over_series": ("nrt_ccdc", "series", 15.0),
    "nrt_ccdc_over_series_by_date": ("nrt_ccdc", "series_by_date", None),
    "nrt_ccdc_over_series_all_bands": ("nrt_ccdc", "series_all_bands", None),
    "nrt_iqr_over_series": ("nrt_iqr", "series", 15.0),
    "nrt_ewma_over_series": ("nrt_ewma", "series", 15.0),
}
"""Ratio -> what is above, what is below, and the goal; the first two shall be small, others large."""

SMALL_IS_GOOD = (
    "evidence_over_decode", "month_over_decode", "tile_windows_over_decode", "mad_over_decode",
)  # fmt: skip


@dataclass(frozen=True, slots=True)
class Choice:
    """What the user chose to measure.

    Attributes
    ----------
    size_px
        Side of a generated scene; None = the sample tiles.
    bands, codec
        Of the generated scene.
    repeat
        How often each piece is measured; medians are reported.
    workers
        Threads of decode, evidence and month.
    with_month
        Also the whole month, which writes packages.
    peer_python
        Interpreter that has nrt, rioxarray and dask; None = they are absent.
    """

    size_px: int | None = None
    bands: int = 4
    codec: str = "deflate"
    repeat: int = 1
    workers: int = 2
    with_month: bool = True
    peer_python: Path | None = None


@dataclass(slots=True)
class Report:
    """Everything that one run measured."""

    choice: Choice
    machine: dict[str, object]
    copy_gb_per_s: float
    kernels: list[kernels.KernelCost]
    pixels: int = 0
    bytes_raw: int = 0
    costs: dict[str, Cost] = field(default_factory=dict)
    details: dict[str, dict[str, Cost]] = field(default_factory=dict)
    agreements: dict[str, compare.Agreement] = field(default_factory=dict)
    patches: int = 0
    cases: int = 0
    workers_wall_s: dict[int, float] = field(default_factory=dict)
    area_wall_s: dict[int, float] = field(default_factory=dict)

    @property
    def ratios(self) -> dict[str, dict[str, float]]:
        """Return the ratios of wall and of processor time."""
        found = {}
        for name, (above, below, _) in RATIOS.items():
            if above in self.costs and below in self.costs:
                one, other = self.costs[above], self.costs[below]
                found[name] = {
                    "wall": one.wall_s / max(other.wall_s, 1e-9),
                    "cpu": one.cpu_s / max(other.cpu_s, 1e-9),
                }
        return found

    def facts(self) -> dict[str, Any]:
        """Return the report as JSON-able values."""
        return {
            "choice": {**asdict(self.choice), "peer_python": self.choice.peer_python is not None},
            "machine": self.machine,
            "absent": list(peers.absent(self.choice.peer_python)),
            "copy_gb_per_s": self.copy_gb_per_s,
            "pixels": self.pixels,
            "ratios": self.ratios,
            "costs": {name: asdict(cost) for name, cost in self.costs.items()},
            "details": {
                name: {part: asdict(cost) for part, cost in parts.items()}
                for name, parts in self.details.items()
            },
            "agreements": {name: asdict(one) for name, one in self.agreements.items()},
            "patches": self.patches,
            "cases": self.cases,
            "kernels": [asdict(cost) for cost in self.kernels],
            "workers_wall_s": self.workers_wall_s,
            "area_wall_s": self.area_wall_s,
        }


def run(choice: Choice, said: Callable[[str], None]) -> Report:
    """Measure everything that was asked for.

    Parameters
    ----------
    choice
        What is measured.
    said
        Told the name of each piece when it is done.
    """
    report = _begun(choice)
    said("kernels")
    with tempfile.TemporaryDirectory(prefix="changedetect-bench-") as folder:
        _measure_job(report, Path(folder), said)
        side = choice.size_px or SAMPLE_SIDE_PX
        _measure_shapes(report, side, said)
        report.costs |= interleaved(compare.courses(min(side, 256)), choice.repeat, said)
        if choice.peer_python is not None:
            report.costs |= compare.nrt_costs(choice.peer_python, min(side, 256), Path(folder))
            said("nrt")
    return report


def _begun(choice: Choice) -> Report:
    copied = copy_gb_per_s()
    side = min(choice.size_px or SAMPLE_SIDE_PX, 1024)
    each = kernels.measure_kernels(side, choice.bands, choice.repeat, copied)
    return Report(choice, machine(), copied, each)


def _task(choice: Choice, folder: Path, size_px: int | None, workers: int) -> Task:
    if size_px is None:
        return Task(SAMPLE, SAMPLE_MONTH, workers)
    config = folder / f"scene_{size_px}" / "config.yaml"
    if not config.exists():
        blobs = max(size_px * size_px // PX_PER_BLOB, 1)
        counties = max(round(blobs / PATCHES_PER_COUNTY), 2)
        plan = generated.Plan(size_px, choice.bands, choice.codec, blobs, counties=counties)
        generated.make_job(config.parent, plan)
    return Task(config, generated.MONTH, workers)


def _measure_job(report: Report, folder: Path, said: Callable[[str], None]) -> None:
    choice = report.choice
    task = _task(choice, folder, choice.size_px, choice.workers)
    works: dict[str, Callable[..., Any]] = {
        "decode": jobs.floor, "decode_tiles": jobs.tile_floor, "evidence": jobs.evidence,
    }  # fmt: skip
    if choice.with_month:
        works["month"] = jobs.month
    details: dict[str, list[dict[str, Any]]] = {name: [] for name in works}
    measures: dict[str, Callable[[], Cost]] = {
        name: partial(_alone, work, task, details[name]) for name, work in works.items()
    }
    whole = choice.size_px is not None
    paths = sorted((task.config.parent / "scenes").glob("*.tif"))
    if whole:
        for name, steps in (("mad", 1), ("irmad", IRMAD_STEPS)):
            details[name] = []
            work = partial(jobs.mad, steps=steps)
            measures[name] = partial(_alone, work, task, details[name])
        measures |= compare.whole_arrays((paths[0], paths[1]), choice.workers, IRMAD_STEPS)
    report.costs |= interleaved(measures, choice.repeat, said)
    if whole and choice.peer_python is not None:
        words = ("rioxarray", *paths[:2], choice.workers)
        report.costs |= compare.outside_costs(choice.peer_python, *words)
        said("rioxarray")
    if whole and (choice.size_px or 0) <= ARRAYS_MAX_PX:
        ours = folder / "mad.tif"
        alone(partial(jobs.mad, steps=IRMAD_STEPS, out=ours), task)
        report.agreements["irmad"] = compare.mad_agrees((paths[0], paths[1]), ours, IRMAD_STEPS)
        said("variates")
    for name, found in details.items():
        names = [
            part for part, value in found[0].items() if isinstance(value, Cost) and part != "cost"
        ]
        if names:
            report.details[name] = {
                part: median([facts[part] for facts in found]) for part in names
            }
    report.pixels = details["decode"][0]["pixels"]
    report.patches = details["evidence"][0]["patches"]
    report.cases = details["month"][0]["cases"] if choice.with_month else 0
    report.workers_wall_s = {choice.workers: report.details["evidence"]["tiles"].wall_s}


def _alone(work: Callable[..., Any], task: Task, kept: list[dict[str, Any]]) -> Cost:
    around, facts = alone(work, task)
    kept.append(facts)
    cost: Cost = facts["cost"]
    peaks = [peak for peak in (cost.peak_mb, around.peak_mb) if peak is not None]
    return Cost(cost.wall_s, cost.cpu_s, max(peaks, default=None))


def scaling(
    report: Report, workers: Sequence[int], sizes: Sequence[int], said: Callable[[str], None]
) -> None:
    """Measure the evidence stage with several numbers of workers, and on smaller scenes."""
    with tempfile.TemporaryDirectory(prefix="changedetect-bench-") as folder:
        for size in sizes:
            task = _task(report.choice, Path(folder), size, report.choice.workers)
            _, facts = alone(jobs.evidence, task)
            report.area_wall_s[size * size] = facts["cost"].wall_s
            said(f"{size} px")
        for count in workers:
            task = _task(report.choice, Path(folder), sizes[-1], count)
            _, facts = alone(jobs.evidence, task)
            report.workers_wall_s[count] = facts["tiles"].wall_s
            said(f"{count} workers")


def _measure_shapes(report: Report, side_px: int, said: Callable[[str], None]) -> None:
    plan = generated.Plan(side_px, blobs=max(side_px * side_px // PX_PER_BLOB, 4))
    mask = compare.mask_of(plan)
    report.agreements["polygons"] = compare.polygons_agree(mask)
    report.costs |= interleaved(compare.polygons(mask), report.choice.repeat, said)
    shapes = compare.our_polygons(mask, compare.grid_of(side_px))
    parcels = generated.parcels(side_px, parcel_px=PX_PER_PARCEL**0.5)
    report.agreements["patch_parcel"] = compare.overlay_agrees(shapes, parcels)
    report.costs |= interleaved(compare.overlay(shapes, parcels), report.choice.repeat, said)
