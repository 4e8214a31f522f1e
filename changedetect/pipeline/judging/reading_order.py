"""Ten to one: how much true area a reviewer sees who reads the first tenth of a month's patches."""

from collections.abc import Sequence

import geopandas as gpd
import numpy as np
import shapely

from changedetect.accuracy.ranking import rank, share_seen
from changedetect.accuracy.report import AccuracyReport, Cell, ReportTable
from changedetect.config.deliver import RankingSection
from changedetect.records import Unit

PARTS = (0.1, 0.2, 0.3)


def worth_order(units: Sequence[Unit], ranking: RankingSection) -> np.ndarray:
    """Return units in the order of probability x area x zone, the most worth first."""
    area = np.array([unit.areas.total for unit in units], float)
    zones = [
        (ranking.basic_farmland_weight - 1) * (unit.areas.basic_farmland or 0.0)
        + (ranking.red_line_weight - 1) * (unit.areas.red_line or 0.0)
        for unit in units
    ]
    weight = 1 + np.array(zones, float) / np.maximum(area, np.finfo(float).tiny)
    return rank(np.array([unit.change_probability for unit in units], float), area, weight)


def judge_order(
    units: Sequence[Unit], truth: gpd.GeoDataFrame, ranking: RankingSection
) -> AccuracyReport:
    """Judge the order in which the patches of a month are read.

    Parameters
    ----------
    units
        Of the month, rejected ones too: they are what a reviewer screens.
    truth
        True changes of the period.
    ranking
        What zones weigh, as in the job.
    """
    own = sorted((u for u in units if not (u.watch or u.parent)), key=lambda u: u.unit_id)
    shapes = np.array([unit.geometry for unit in own], object)
    everything = shapely.union_all(list(truth.geometry))
    true_area = shapely.area(shapely.intersection(shapes, everything)) if own else np.zeros(0)
    area = np.array([unit.area_m2 for unit in own], float)
    probability = np.array([unit.change_probability for unit in own], float)
    orders = {
        "probability x area x zone 概率×面积×区域": worth_order(own, ranking),
        "probability 概率": rank(probability, np.ones(len(own)), np.ones(len(own))),
        "area 面积": rank(np.ones(len(own)), area, np.ones(len(own))),
        "best possible 理想": rank(np.ones(len(own)), true_area, np.ones(len(own))),
    }
    rows = [
        (name, *(_seen(true_area, order, part) for part in PARTS)) for name, order in orders.items()
    ]
    table = ReportTable(
        "reading_order",
        "Ten to one: true area seen by reading the first part of the patches 十取一",
        ("order 排序", *(f"first {part:.0%}" for part in PARTS)),
        tuple(rows),
        (
            f"{len(own)} patches, rejected ones too; best possible: the truth itself sorts them",
            "share of the true area that lies under patches, not of all that changed",
        ),
    )
    facts: dict[str, object] = {
        "reading_order": {
            str(row[0]).split(" ", maxsplit=1)[0] if k else "worth": list(row[1:])
            for k, row in enumerate(rows)
        }
    }
    return AccuracyReport("reading order", facts, (table,))


def _seen(true_area: np.ndarray, order: np.ndarray, part: float) -> Cell:
    share = share_seen(true_area, order, part)
    return None if np.isnan(share) else share
