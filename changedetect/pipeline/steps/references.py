"""The record layers of a job, read and described: what the cross-check rests on."""

import os
from collections.abc import Sequence
from dataclasses import replace
from pathlib import Path
from tempfile import TemporaryDirectory

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from changedetect import schema
from changedetect.config.job import LayerSection
from changedetect.errors import LayerError
from changedetect.io import vectors
from changedetect.io.block_store import BlockStore, Bounds
from changedetect.pipeline.runs.job import Job
from changedetect.pipeline.runs.record_layers import SPECS
from changedetect.pipeline.runs.territory import Territory
from changedetect.records import LayerManifest
from changedetect.stages.crosscheck import References


class Shelf:
    """The record layers of a job on disk, sound and in the grid's CRS: read again around a place.

    Every layer is read once, a large one part by part, so that no layer has to fit into memory. A
    layer that is declared but can not be used becomes an empty table with a manifest that says so:
    what rests on it is then unknown, and the run ends as partial.

    Parameters
    ----------
    job, territory
        Whose records.
    folder
        Where the layers are kept; the caller deletes it.

    Attributes
    ----------
    manifests, problems
        What is known of each layer, and one line for each that could not be used.
    """

    __slots__ = ("_approvals", "_tables", "_territory", "_zones", "manifests", "problems")

    def __init__(self, job: Job, territory: Territory, folder: Path) -> None:
        records = job.config.records
        self._territory = territory
        manifests = [territory.manifest]
        problems: list[str] = []

        def shelve(name: str, spec: schema.TableSpec, section: LayerSection | None) -> BlockStore:
            store, manifest, problem = shelve_layer(job, section, (name, spec), territory, folder)
            manifests.append(manifest)
            problems.extend(problem)
            return store

        self._tables = {
            key: shelve(name, spec, getattr(records, key)) for key, (name, spec) in SPECS.items()
        }
        self._approvals = [
            shelve(kind, schema.APPROVALS, section)
            for kind, section in sorted(records.approvals.items())
        ]
        self._zones = {
            name: shelve(name, schema.ZONES, section)
            for name, section in sorted(records.zones.items())
        }
        self.manifests = tuple(manifests)
        self.problems = tuple(problems)

    def around(self, bounds: Bounds | None) -> References:
        """Read what meets a box; None = everything.

        Of approvals also those that meet the box around them: what is taken off a record that
        reaches beyond the box is there as well.
        """
        wider = bounds
        if bounds is not None:
            met = [store.near(bounds) for store in self._approvals]
            wider = _around([bounds, *(tuple(one.total_bounds) for one in met if len(one))])
        return References(
            districts=self._territory.districts,
            approvals=_together(
                [store.near(wider) for store in self._approvals], self._territory.grid.crs
            ),
            manifests=self.manifests,
            zones={name: store.near(bounds) for name, store in self._zones.items()},
            **{key: store.near(bounds) for key, store in self._tables.items()},
        )


def _around(boxes: Sequence[Bounds]) -> Bounds:
    west, south, east, north = np.array(boxes).T
    return float(west.min()), float(south.min()), float(east.max()), float(north.max())


def read_references(job: Job, territory: Territory) -> tuple[References, tuple[str, ...]]:
    """Read every record layer of a job into memory; see `Shelf`.

    Returns
    -------
    tuple
        The references, and one line for each layer that could not be used.
    """
    with TemporaryDirectory() as folder:
        shelf = Shelf(job, territory, Path(folder))
        return shelf.around(None), shelf.problems


ELSEWHERE = "无一行落在本任务各县内，疑为误传图层"


def _joined(*notes: str) -> str:
    return "; ".join(note for note in notes if note)


def shelve_layer(
    job: Job,
    section: LayerSection | None,
    kind: tuple[str, schema.TableSpec],
    territory: Territory,
    folder: Path,
) -> tuple[BlockStore, LayerManifest, list[str]]:
    """Read one layer around the counties onto disk; one that can not be used is empty, and says why.

    Returns
    -------
    tuple
        The table, its manifest with the rows found in each county, and lines about what is wrong.
    """
    (name, spec), crs = kind, job.config.grid.crs
    store = BlockStore(folder / f"{name}.blocks", vectors.empty_table(spec, crs))
    if section is None:
        missing = LayerManifest(name, None, None, 0, (), "", "missing", "任务配置中未提供该图层")
        return store, missing, []
    form = vectors.Kind(name, spec, job.form(section.form or name))
    counts = np.zeros(len(territory.districts), np.int64)
    try:
        walk = vectors.LayerWalk(
            job.root / section.path, section, form, crs, required=False, within=territory.bounds
        )
        for part in walk:
            store.add(part)
            counts += _rows_met(part, territory.districts)
    except LayerError as error:
        store.clear()
        note = f"图层不能使用，请核对后重报：{_without_folder(str(error), job)}"
        unusable = LayerManifest(
            name, section.version, None, 0, tuple(section.covers), "", "unreadable", note
        )
        return (
            store,
            unusable,
            [f"layer {name} can not be used, what rests on it is unknown: {error}"],
        )
    manifest = replace(walk.manifest, found=_by_code(counts, territory.districts))
    holds_rows = store.rows or (manifest.state in {"ok", "empty"} and manifest.rows)
    elsewhere = holds_rows and not counts.any()
    if spec is schema.APPROVALS and elsewhere and not section.may_be_empty:
        # A county without a record of a rare kind is no reason for doubt while another has one.
        manifest = replace(manifest, state="empty", note=_joined(manifest.note, ELSEWHERE))
    return store, manifest, _doubts(manifest)


def read_layer(
    job: Job,
    section: LayerSection | None,
    name: str,
    spec: schema.TableSpec,
    territory: Territory,
) -> tuple[gpd.GeoDataFrame, LayerManifest, list[str]]:
    """Read one layer around the counties into memory; see `shelve_layer`."""
    with TemporaryDirectory() as folder:
        store, manifest, problem = shelve_layer(job, section, (name, spec), territory, Path(folder))
        return store.near(), manifest, problem


def _rows_met(table: gpd.GeoDataFrame, districts: gpd.GeoDataFrame) -> np.ndarray:
    """Count the rows that meet each county, ``(county,)``; a row on a border counts in both."""
    if not len(table):
        return np.zeros(len(districts), np.int64)
    tree = shapely.STRtree(table.geometry.to_numpy())
    where, _ = tree.query(districts.geometry.to_numpy(), predicate="intersects")
    counts: np.ndarray = np.bincount(where, minlength=len(districts))
    return counts


def _by_code(counts: np.ndarray, districts: gpd.GeoDataFrame) -> tuple[tuple[str, int], ...]:
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


def _together(tables: list[gpd.GeoDataFrame], crs: str) -> gpd.GeoDataFrame:
    filled = [table for table in tables if len(table)]
    if not filled:
        return vectors.empty_table(schema.APPROVALS, crs)
    return gpd.GeoDataFrame(pd.concat(filled, ignore_index=True), geometry="geometry", crs=crs)
