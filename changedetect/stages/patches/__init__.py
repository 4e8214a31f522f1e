"""Evidence -> outlined patches with area and uncertainty, the same however the work was tiled.

Everything after a tile lives in run space: a tile turns its core into runs and integer sums, and
runs of all tiles are joined where a seam cut them.
"""

from changedetect.stages.patches.batches import GridPatches, Made, find_patches
from changedetect.stages.patches.outlines import Outline, outline, outline_all, painted, table_of
from changedetect.stages.patches.parts import Parts
from changedetect.stages.patches.sums import MISSING, UNKNOWN_BORDER
from changedetect.stages.patches.sure import judging_channels
from changedetect.stages.patches.tile import (
    Bordered,
    Sampler,
    TileRuns,
    failed_tile,
    halo_px,
    tile_runs,
)
from changedetect.stages.patches.unobserved import unobserved_areas
from changedetect.stages.patches.witnesses import Witnesses, attribute

__all__ = [
    "MISSING", "UNKNOWN_BORDER", "Bordered", "GridPatches", "Made", "Outline", "Parts", "Sampler", "TileRuns", "Witnesses", "attribute",
    "failed_tile", "find_patches", "halo_px", "judging_channels", "outline", "outline_all", "painted", "table_of", "tile_runs", "unobserved_areas",
]  # fmt: skip
