"""Which evidence a pair of images gives: of structure, or of spectra.

Decided by what the images are, never by the user: red, green and blue alone at very high resolution
tell little by their spectrum and much by their structure.
"""

from collections.abc import Sequence

import numpy as np
import xarray as xr

from changedetect.config.detection import EvidenceSection
from changedetect.stages.evidence.optical import PairModel, fit_pair, measure_pair
from changedetect.stages.evidence.structure import (
    StructureModel,
    fit_structure,
    measure_structure,
)

Model = PairModel | StructureModel
"""A fitted pair: ``threshold``, ``false_alarm_rate``, ``sample_pixels``, ``notes``."""

PICTURE = frozenset({"red", "green", "blue"})


def fit(
    stacks: Sequence[xr.DataArray], cfg: EvidenceSection, gsd_m: float, workers: int = 1
) -> Model:
    """Fit the evidence model that suits a pair.

    Parameters
    ----------
    stacks
        schema.STACK with two times each, one per sample block.
    cfg
        Evidence settings.
    gsd_m
        Size of a pixel of the stacks on the ground. [m]
    workers
        Threads; the result is the same.
    """
    picture = set(map(str, stacks[0].band.values)) == PICTURE
    if picture and gsd_m <= cfg.structure.max_gsd_m:
        return fit_structure(stacks, cfg.structure, cfg.min_sample_pixels)
    return fit_pair(stacks, cfg, workers)


def measure(
    stack: xr.DataArray, model: Model, cfg: EvidenceSection, origin: tuple[int, int] = (0, 0)
) -> np.ndarray:
    """Measure a window with the model of its pair; schema.EVIDENCE ``(y, x)`` int16.

    ``origin`` is the row and column of the window's first pixel in the image. [px]
    """
    if isinstance(model, StructureModel):
        return measure_structure(stack, model, cfg.structure)
    return measure_pair(stack, model, cfg, origin)


def reach_px(cfg: EvidenceSection) -> int:
    """How far evidence of a pixel looks, of whichever kind. [px]"""
    return max(cfg.guide_reach_px, cfg.structure.reach_px)


def reach_of(model: Model, cfg: EvidenceSection) -> int:
    """How far evidence of a pixel looks with a fitted model. [px]"""
    structure = isinstance(model, StructureModel)
    return cfg.structure.reach_px if structure else cfg.guide_reach_px


def usual_contrast(model: Model) -> np.ndarray | None:
    """Return what contrast is usual in a pair, ``(date=2, band)``; None where it was not measured.

    Pictures whose structure is compared have borders in their evidence already.
    """
    return model.contrast if isinstance(model, PairModel) else None
