"""The truth table of a world: where changes lie, since when, and whether they are legal."""

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry import MultiPolygon

from changedetect import schema
from changedetect.grid import Grid
from changedetect.measure import area_m2
from changedetect.simulate.changes import Planned, class_after
from changedetect.simulate.legality import (
    Context,
    Draft,
    Label,
    draw_approvals,
    draw_label,
)
from changedetect.simulate.outlines import outline_mask


def grounds(planned: list[Planned], grid: Grid) -> list[MultiPolygon]:
    """Outline the changed ground of every change on cell edges."""
    return [outline_mask(plan.shape.mask, grid.sub(plan.window)) for plan in planned]


class Shares:
    """How much of a ground lies in a zone; prepared once."""

    __slots__ = ("_shapes", "_tree")

    def __init__(self, shapes: np.ndarray) -> None:
        self._shapes = shapes
        self._tree = shapely.STRtree(shapes)

    def of(self, ground: MultiPolygon) -> float:
        """Return the share of a ground's area that lies in the zone. [0-1]"""
        found = self._shapes[np.sort(self._tree.query(ground, predicate="intersects"))]
        if not len(found):
            return 0.0
        return float(shapely.union_all(shapely.intersection(found, ground)).area / ground.area)


def draw_labels(
    rng: np.random.Generator,
    planned: list[Planned],
    places: list[MultiPolygon],
    records: dict[str, gpd.GeoDataFrame],
) -> tuple[list[Label], list[Draft]]:
    """Choose the situation of every change and the approvals that go with it.

    Parameters
    ----------
    rng
        Source of chance.
    planned, places
        Changes and their grounds, in the same order.
    records
        With DLTB, STBHHX and YJJBNTBHTB.

    Returns
    -------
    labels : list of Label
        One a change.
    drafts : list of Draft
        Approvals; changes of one chain share theirs.
    """
    dltb = records["DLTB"]
    village = Shares(dltb.geometry.to_numpy()[np.asarray(dltb["CZCSXM"] == "203")])
    red_line = Shares(records["STBHHX"].geometry.to_numpy())
    farmland = Shares(records["YJJBNTBHTB"].geometry.to_numpy())
    sites: dict[int, list[MultiPolygon]] = {}
    for plan, ground in zip(planned, places, strict=True):
        sites.setdefault(plan.chain, []).append(ground)
    chosen: dict[int, Label] = {}
    labels, drafts = [], []
    for plan, ground in zip(planned, places, strict=True):
        if plan.link:
            labels.append(chosen[plan.chain])
            continue
        whole = shapely.union_all(sites[plan.chain]) if plan.chain else ground
        context = Context(village.of(whole), red_line.of(whole), farmland.of(whole), whole.area)
        label = draw_label(rng, plan, context)
        chosen[plan.chain] = label
        labels.append(label)
        drafts += draw_approvals(rng, plan, label, whole)
    return labels, drafts


def truth_table(
    planned: list[Planned], places: list[MultiPolygon], labels: list[Label], crs: str
) -> gpd.GeoDataFrame:
    """Write `schema.TRUTH`, one row a change, in the order given; ids are ``T00001`` …"""
    rows = {
        "truth_id": [f"T{number:05d}" for number in range(1, len(planned) + 1)],
        "tblx": [class_after(plan) for plan in planned],
        "family": [plan.family for plan in planned],
        "changed_on": [plan.days[0] for plan in planned],
        "area_m2": [area_m2(place, crs) for place in places],
        "legality": [label.legality for label in labels],
        "excuse": np.array([label.excuse for label in labels], dtype=object),
        "situation": [label.situation for label in labels],
    }
    table = gpd.GeoDataFrame(rows, geometry=places, crs=crs)
    schema.check_table(table, schema.TRUTH, "simulated")
    return table[list(schema.TRUTH.names)]
