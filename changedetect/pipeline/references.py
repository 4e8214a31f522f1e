"""The record layers of a job, read and described: what the cross-check rests on."""

import os
from dataclasses import replace

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from changedetect import schema
from changedetect.config.job import LayerSection
from changedetect.errors import LayerError
from changedetect.io import vectors
from changedetect.pipeline.job import Job
from changedetect.pipeline.record_layers import SPECS
from changedetect.pipeline.territory import Territory
from changedetect.records import LayerManifest
from changedetect.stages.crosscheck import References


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
        section = getattr(records, key)
        table, manifest, problem = read_layer(job, section, name, spec, territory)
        tables[key] = table
        manifests.append(manifest)
        problems += problem
    approvals = []
    for kind, section in sorted(records.approvals.items()):
        table, manifest, problem = read_layer(job, section, kind, schema.APPROVALS, territory)
        if _is_elsewhere(table, manifest, territory) and not section.may_be_empty:
            manifest = replace(manifest, state="empty", note=_joined(manifest.note, ELSEWHERE))
            problem = _doubts(manifest)
        approvals.append(table)
        manifests.append(manifest)
        problems += problem
    zones = {}
    for name, section in sorted(records.zones.items()):
        zones[name], manifest, problem = read_layer(job, section, name, schema.ZONES, territory)
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


def _is_elsewhere(table: gpd.GeoDataFrame, manifest: LayerManifest, territory: Territory) -> bool:
    """Tell whether a layer has records, but none in any county: then it is a wrong file.

    A county without a record of a rare kind is no reason for doubt while another county has one.
    """
    if not len(table):
        return manifest.state in {"ok", "empty"} and manifest.rows > 0
    tree = shapely.STRtree(table.geometry.to_numpy())
    counties = territory.districts.geometry.to_numpy()
    return not tree.query(counties, predicate="intersects").size


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


def read_layer(
    job: Job,
    section: LayerSection | None,
    name: str,
    spec: schema.TableSpec,
    territory: Territory,
) -> tuple[gpd.GeoDataFrame, LayerManifest, list[str]]:
    """Read one layer around the counties; one that can not be used is empty, and says why.

    Returns
    -------
    tuple
        The table, its manifest with the rows found in each county, and lines about what is wrong.
    """
    crs = job.config.grid.crs
    if section is None:
        missing = LayerManifest(name, None, None, 0, (), "", "missing", "任务配置中未提供该图层")
        return _empty(spec, crs), missing, []
    kind = vectors.Kind(name, spec, job.form(section.form or name))
    west, south, east, north = (float(value) for value in territory.districts.total_bounds)
    try:
        table, manifest = vectors.read_kind(
            job.root / section.path,
            section,
            kind,
            crs,
            required=False,
            within=(west, south, east, north),
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
    manifest = replace(manifest, found=rows_by_county(table, territory.districts))
    return table, manifest, _doubts(manifest)


def rows_by_county(
    table: gpd.GeoDataFrame, districts: gpd.GeoDataFrame
) -> tuple[tuple[str, int], ...]:
    """Count the rows of a layer that meet each county, by code; a row on a border counts in both."""
    if not len(table):
        return ()
    tree = shapely.STRtree(table.geometry.to_numpy())
    where, _ = tree.query(districts.geometry.to_numpy(), predicate="intersects")
    counts = np.bincount(where, minlength=len(districts))
    codes = districts["code"].astype(str).tolist()
    return tuple(sorted((code, n) for code, n in zip(codes, counts.tolist(), strict=True) if n))


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
