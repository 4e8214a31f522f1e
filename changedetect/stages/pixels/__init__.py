"""Scenes -> aligned, masked, comparable stack on one grid.

Two passes: `fit_pixels` sees the sample blocks of `sample_windows` and gives a small frozen
`PixelModel`; `prepare_pair` applies it to any window that carries a halo of `halo_px`. Where images
come without a mask, `compare_cells` and `find_sky` look for clouds in between.
"""

from changedetect.kernels.cells import cell_means
from changedetect.stages.pixels.pair import (
    PixelModel,
    as_stack,
    clear_halo_px,
    fit_pixels,
    halo_px,
    is_clouded,
    masked,
    prepare_into,
    prepare_pair,
    prepare_stored,
    shift_reach_px,
)
from changedetect.stages.pixels.registration import PairAlignment
from changedetect.stages.pixels.samples import UNMASKED, PairSample, sample_windows
from changedetect.stages.pixels.sky import SkyMask, find_sky
from changedetect.stages.pixels.skycells import MIN_SEEN, SkyCells, compare_cells

__all__ = [
    "MIN_SEEN",
    "UNMASKED",
    "PairAlignment",
    "PairSample",
    "PixelModel",
    "SkyCells",
    "SkyMask",
    "as_stack",
    "cell_means",
    "clear_halo_px",
    "compare_cells",
    "find_sky",
    "fit_pixels",
    "halo_px",
    "is_clouded",
    "masked",
    "prepare_into",
    "prepare_pair",
    "prepare_stored",
    "sample_windows",
    "shift_reach_px",
]
