"""Parcels that nothing else is told about: where further records may lie without touching the truth."""

from collections.abc import Collection, Sequence
from dataclasses import dataclass

import geopandas as gpd
import numpy as np
import shapely
from shapely.geometry.base import BaseGeometry

CLEAR_M = 12.0
"""How far a free parcel keeps from what is told about other ground. [m]"""

LEAST_DRAWN = 2
"""Parcels of a kind that are drawn even where the county is small, if there are so many."""


@dataclass(frozen=True, slots=True)
class FreeParcels:
    """Parcels of the right size, clear of other places.

    Attributes
    ----------
    shapes
        ``(parcel,)`` polygons of all parcels.
    classes
        ``(parcel,)`` land class codes (DLBM), text.
    free
        ``(parcel,)`` bool.
    county_km2
        Box around all parcels. [km²]
    """

    shapes: np.ndarray
    classes: np.ndarray
    free: np.ndarray
    county_km2: float

    @classmethod
    def of(
        cls, land: gpd.GeoDataFrame, places: Sequence[BaseGeometry], sizes_m2: tuple[float, float]
    ) -> "FreeParcels":
        """Find the free parcels of a county.

        Parameters
        ----------
        land
            Parcels with ``DLBM``, in metres.
        places
            What is told about other ground.
        sizes_m2
            Smallest and largest parcel. [m²]
        """
        shapes = land.geometry.to_numpy()
        near, _ = shapely.STRtree(np.array(places, dtype=object)).query(
            shapes, predicate="dwithin", distance=CLEAR_M
        )
        size = shapely.area(shapes)
        free = (size >= sizes_m2[0]) & (size <= sizes_m2[1])
        free[near] = False
        west, south, east, north = land.total_bounds
        classes = land["DLBM"].astype(str).to_numpy()
        return cls(shapes, classes, free, (east - west) * (north - south) / 1e6)

    def draw(
        self, rng: np.random.Generator, codes: Collection[str], each_km2: float
    ) -> list[BaseGeometry]:
        """Draw parcels of some classes, half a metre smaller all around, in order of the land.

        Parameters
        ----------
        rng
            Where chance comes from; asked once.
        codes
            Land classes.
        each_km2
            Wanted parcels a square kilometre of the county.
        """
        able = np.flatnonzero(self.free & np.isin(self.classes, list(codes)))
        count = min(len(able), max(LEAST_DRAWN, round(each_km2 * self.county_km2)))
        chosen = sorted(rng.permutation(able)[:count].tolist())
        return [self.shapes[row].buffer(-0.5) for row in chosen]
