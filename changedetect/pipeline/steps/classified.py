"""Tables of patches of a month, read again: whole, or part by part."""

from collections.abc import Iterator
from pathlib import Path

import geopandas as gpd

from changedetect.errors import IntegrityError
from changedetect.io import vector_writer

CLASS_COLUMNS = (
    "family",
    "family_probability",
    "change_probability",
    "is_unseen",
    "before_gsd_m",
    "after_gsd_m",
)

PART_ROWS = 4096
"""Patches that are read together: some 20 MB. Our choice."""


def read_table(path: Path) -> gpd.GeoDataFrame:
    """Read a table of patches."""
    return vector_writer.read_geopackage(path, "patches")


def walk_table(path: Path) -> Iterator[gpd.GeoDataFrame]:
    """Read a table of patches part by part, in its order; at least one part, maybe empty."""
    first = 0
    while True:
        table = vector_writer.read_geopackage(path, "patches", rows=(first, PART_ROWS))
        if first and table.empty:
            return
        yield table
        if len(table) < PART_ROWS:
            return
        first += PART_ROWS


def walk_classified(path: Path) -> Iterator[gpd.GeoDataFrame]:
    """Read the classified patches part by part, in their order; at least one part, maybe empty.

    Raises
    ------
    IntegrityError
        The class columns are not there.
    """
    for table in walk_table(path):
        yield _classified(table, path)


def read_classified(path: Path) -> gpd.GeoDataFrame:
    """Read the classified patches whole; see `walk_classified`."""
    return _classified(read_table(path), path)


def _classified(table: gpd.GeoDataFrame, path: Path) -> gpd.GeoDataFrame:
    missing = [name for name in CLASS_COLUMNS if name not in table.columns]
    if missing:
        msg = f"{path}: columns {missing} are missing; run changedetect classify again"
        raise IntegrityError(msg)
    return table
