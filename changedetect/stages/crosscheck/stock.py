"""How much cropland a county has by the survey."""

import numpy as np
import shapely

from changedetect.codes import LandGroup, land_group
from changedetect.measure import measure_many

from .overlay import polygonal
from .references import PARCEL_LAYER, References


def cropland_m2(refs: References) -> dict[str, float]:
    """Measure the cropland of each county that the parcels are declared complete for. [m²]

    Parcels across a county border are cut there.
    """
    classes = refs.parcels["land_class"].astype(str)
    crops = [code for code in classes.unique() if land_group(code) is LandGroup.CROPLAND]
    is_crop = classes.isin(crops).to_numpy(dtype=bool)
    fields = refs.parcels.geometry.to_numpy()[is_crop]
    tree = shapely.STRtree(fields)
    found = {}
    for code, county in zip(refs.districts["code"], refs.districts.geometry, strict=True):
        if not refs.covers(PARCEL_LAYER, str(code)):
            continue
        shapely.prepare(county)
        near = np.sort(tree.query(county, predicate="intersects"))
        inside = shapely.contains_properly(county, fields[near])
        cut = polygonal(shapely.intersection(fields[near[~inside]], county))
        shapes = np.concatenate([fields[near[inside]], cut[shapely.area(cut) > 0]])
        parts, owner = shapely.get_parts(shapes, return_index=True)
        wholes = shapely.multipolygons(parts, indices=owner)
        areas, _ = measure_many(wholes, str(refs.parcels.crs))
        found[str(code)] = float(areas.sum())
    return found
