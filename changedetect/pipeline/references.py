"""The record layers of a job, read and described: what the cross-check rests on."""

import os
from dataclasses import replace

import geopandas as gpd
import pandas as pd
import shapely

from changedetect import schema
from changedetect.config.job import LayerSection
from changedetect.errors import LayerError
from changedetect.io import vectors
from changedetect.pipeline.job import Job
from changedetect.pipeline.territory import Territory
from changedetect.records import LayerManifest
from changedetect.stages.crosscheck import References

SPECS: dict[str, tuple[str, schema.TableSpec]] = {
    "towns": ("XZ", schema.DISTRICTS),
    "villages": ("C", schema.DISTRICTS),
    "parcels": ("DLTB", schema.PARCELS),
    "basic_farmland": ("YJJBNTBHTB", schema.ZONES),
    "red_line": ("STBHHX", schema.ZONES),
    "town_boundary": ("CZKFBJ", schema.ZONES),
}
"""Key of the job file -> short layer name and form."""


def read_references(job: Job, territory: Territory) -> tuple[References, tuple[str, ...]]:
    """Read every record layer of a job.

    A layer that is declared but can not be used becomes an empty table with a manifest that says
    so: what rests on it is then unknown, and the run ends as partial.

    Returns
    -------
    tuple
        The references, and one line for each layer that could not be used.
    """
    records = job.config.records
    tables: dict[str, gpd.GeoDataFrame] = {}
    manifests = [territory.manifest]
    problems: list[str] = []
    for key, (name, spec) in SPECS.items():
        table, manifest, problem = _read(job, getattr(records, key), name, spec)
        tables[key] = table
        manifests.append(manifest)
        problems += problem
    approvals = []
    for kind, section in sorted(records.approvals.items()):
        table, manifest, problem = _read(job, section, kind, schema.APPROVALS)
        if _is_elsewhere(table, territory) and not section.may_be_empty:
            manifest = replace(manifest, state="empty", note=_joined(manifest.note, ELSEWHERE))
            problem = _doubts(manifest)
        approvals.append(table)
        manifests.append(manifest)
        problems += problem
    zones = {}
    for name, section in sorted(records.zones.items()):
        zones[name], manifest, problem = _read(job, section, name, schema.ZONES)
        manifests.append(manifest)
        problems += problem
    references = References(
        districts=territory.districts,
        approvals=_together(approvals, job.config.grid.crs),
        manifests=tuple(manifests),
        zones=zones,
        **tables,
    )
    return references, tuple(problems)


ELSEWHERE = "无一行落在本任务各县内，疑为误传图层"


def _is_elsewhere(table: gpd.GeoDataFrame, territory: Territory) -> bool:
    """Tell whether a layer has records, but none in any county: then it is a wrong file.

    A county without a record of a rare kind is no reason for doubt while another county has one.
    """
    if not len(table):
        return False
    tree = shapely.STRtree(table.geometry.to_numpy())
    counties = territory.districts.geometry.to_numpy()
    return not tree.query(counties, predicate="intersects").size


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


def _read(
    job: Job, section: LayerSection | None, name: str, spec: schema.TableSpec
) -> tuple[gpd.GeoDataFrame, LayerManifest, list[str]]:
    crs = job.config.grid.crs
    if section is None:
        missing = LayerManifest(name, None, None, 0, (), "", "missing", "任务配置中未提供该图层")
        return _empty(spec, crs), missing, []
    try:
        table, manifest = vectors.read_layer(
            job.root / section.path,
            spec=spec,
            section=section,
            name=name,
            target_crs=crs,
            required=False,
        )
    except LayerError as error:
        note = f"图层不能使用，请核对后重报：{_without_folder(str(error), job)}"
        unusable = LayerManifest(
            name, section.version, None, 0, tuple(section.covers), "", "unreadable", note
        )
        return (
            _empty(spec, crs),
            unusable,
            [f"layer {name} can not be used, what rests on it is unknown: {error}"],
        )
    return table, manifest, _doubts(manifest)


def _without_folder(text: str, job: Job) -> str:
    """Name files as the job file does: packages go to counties, which have no such folder."""
    return text.replace(f"{job.root}{os.sep}", "")


def _doubts(manifest: LayerManifest) -> list[str]:
    if manifest.state == "ok":
        return []
    word = manifest.note or "no further word"
    return [f"layer {manifest.name} is {manifest.state} ({word}); what rests on it is unknown"]


def _empty(spec: schema.TableSpec, crs: str) -> gpd.GeoDataFrame:
    columns: dict[str, list[object]] = {name: [] for name in spec.names}
    return gpd.GeoDataFrame(columns, geometry="geometry", crs=crs)


def _together(tables: list[gpd.GeoDataFrame], crs: str) -> gpd.GeoDataFrame:
    filled = [table for table in tables if len(table)]
    if not filled:
        return _empty(schema.APPROVALS, crs)
    return gpd.GeoDataFrame(pd.concat(filled, ignore_index=True), geometry="geometry", crs=crs)
