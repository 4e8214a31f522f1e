"""``records check``: every record layer of a job, looked at before it is used."""

import json
import re
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import geopandas as gpd

from changedetect.errors import ConfigError, LayerError
from changedetect.io import layer_checks, record_map, record_page, vector_writer, vectors
from changedetect.io.layer_report import STATE_NAMES, Check, LayerReport
from changedetect.io.publish import publish_bytes
from changedetect.pipeline.runs.context import PARTIAL
from changedetect.pipeline.runs.job import Job
from changedetect.pipeline.runs.progress import Progress
from changedetect.pipeline.runs.record_layers import Declared, declared
from changedetect.pipeline.runs.territory import Territory, read_territory
from changedetect.records import LayerManifest

REPORT, PAGE = "records.json", "records.html"


@dataclass(frozen=True, slots=True)
class RecordsReport:
    """What was found.

    Attributes
    ----------
    job
        Name of the job.
    layers
        One report a layer, in the order of the job file's keys.
    absent
        Layers that the job file leaves out.
    folder
        Where the report and its pictures are; None = nowhere.
    """

    job: str
    layers: tuple[LayerReport, ...]
    absent: tuple[str, ...]
    folder: Path | None

    @property
    def exit_code(self) -> int:
        """0 where no check failed, else 3."""
        return PARTIAL if any(layer.state == "fail" for layer in self.layers) else 0

    def facts(self) -> dict[str, Any]:
        """Return JSON-able values."""
        return {
            "job": self.job,
            "layers": [layer.facts() for layer in self.layers],
            "not_given": list(self.absent),
        }

    def lines(self) -> list[str]:
        """Return the report for people."""
        lines = [line for layer in self.layers for line in layer.lines()]
        counts = [layer.state for layer in self.layers]
        total = ", ".join(
            f"{name} {counts.count(state)}"
            for state, name in STATE_NAMES.items()
            if state in counts
        )
        lines.append(f"{len(self.layers)} 个图层: {total}")
        if self.absent:
            lines.append(
                f"任务未提供: {'、'.join(self.absent)} (审批和分区图层未提供的，依赖它们的结论为证据不足)"
            )
        if self.folder is not None:
            lines.append(f"report 报告: {self.folder / PAGE}")
        return lines


def check_records(
    job: Job, *, layer: str | None, out: Path | None, progress: Progress
) -> RecordsReport:
    """Look at every record layer of a job, or at one.

    Parameters
    ----------
    job
        From `changedetect.pipeline.runs.job.open_job`.
    layer
        Short name (DLTB, NZY …); None = all.
    out
        Folder for the report, pictures and geometries as delivered of rows that were repaired; what an
        earlier report there says of the number of rows is compared. None = nothing is written.
    progress
        Who listens.

    Raises
    ------
    ConfigError
        The job has no such layer.
    LayerError
        The counties can not be read: nothing can be held against them.
    """
    given = [one for one in declared(job.config.records) if one.section is not None]
    absent = tuple(one.name for one in declared(job.config.records) if one.section is None)
    chosen = [one for one in given if layer is None or one.name == layer]
    if not chosen:
        known = ", ".join(one.name for one in given)
        msg = f"{job.path}: records: no layer {layer!r} in the job; it has {known}"
        raise ConfigError(msg)
    territory = read_territory(job)
    before = _rows_before(out)
    progress.begin("records", len(chosen))
    reports = []
    for one in chosen:
        report = _look(job, one, territory)
        cfg = job.config.records.checks
        reports.append(layer_checks.compared(report, before.get(one.name), cfg))
        progress.advance("records", one.name)
    result = RecordsReport(job.config.name, tuple(reports), absent, out)
    if out is not None:
        _write(result, out, territory.districts)
    progress.end("records", f"{len(reports)} layers")
    return result


def _look(job: Job, layer: Declared, territory: Territory) -> LayerReport:
    section = layer.section
    assert section is not None  # only layers that are given are looked at
    form = job.form(layer.form)
    kind = vectors.Kind(layer.name, layer.spec, form)
    ground = layer_checks.Ground(
        territory.districts, job.config.grid.crs, job.config.records.checks
    )
    path = job.root / section.path
    try:
        vectors.refuse_missing(path, layer.name)
        return layer_checks.inspect(vectors.load_layer(path, section, kind), kind, section, ground)
    except LayerError as error:
        manifest = LayerManifest(
            layer.name,
            section.version,
            None,
            0,
            section.covers,
            "",
            "unreadable" if vectors.files_of(path) else "missing",
            str(error),
        )
        check = Check("read", "可读", "fail", 0, (), str(error))
        return LayerReport(manifest, form.name if form is not None else layer.name, (check,))


def _rows_before(out: Path | None) -> dict[str, int]:
    """Return the rows of each readable layer in an earlier report of the same folder."""
    path = out / REPORT if out is not None else None
    if path is None or not path.is_file():
        return {}
    try:
        layers = json.loads(path.read_text(encoding="utf-8"))["layers"]
        return {one["name"]: int(one["rows"]) for one in layers if one["readable"] == "ok"}
    except (ValueError, KeyError, TypeError) as error:
        msg = (
            f"{path}: no report of records check ({error}); move it away, or choose another folder"
        )
        raise LayerError(msg) from error


def _write(report: RecordsReport, out: Path, districts: gpd.GeoDataFrame) -> None:
    out.mkdir(parents=True, exist_ok=True)
    pictures = []
    for layer in report.layers:
        name = re.sub(r"\W", "_", layer.manifest.name)
        picture = record_map.map_png(layer, districts) if len(layer.shapes) else None
        pictures.append((layer, picture))
        if picture is not None:
            publish_bytes(out / f"{name}.png", picture, overwrite=True)
        if layer.originals:
            table = gpd.GeoDataFrame(
                {"HH": [str(row) for row, _ in layer.originals]},
                geometry=[shape for _, shape in layer.originals],
                crs=layer.crs,
            )
            vector_writer.write_geopackage(
                out / f"{name}_original.gpkg", {name: table}, crs=layer.crs, overwrite=True
            )
    publish_bytes(out / PAGE, record_page.record_page(report.job, pictures), overwrite=True)
    text = json.dumps(report.facts(), ensure_ascii=False, sort_keys=True, indent=1)
    publish_bytes(out / REPORT, text.encode() + b"\n", overwrite=True)
