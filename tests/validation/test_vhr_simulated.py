"""Simulated 0.5 m colour pairs: the stated false-alarm rate holds beside true change."""

import sys
from datetime import date

import numpy as np
import pytest
from rasterio.features import rasterize
from rasterio.transform import Affine

from changedetect.config.detection import EvidenceSection, PixelsSection
from changedetect.grid import Window
from changedetect.simulate import images, land
from changedetect.stages import pixels
from changedetect.stages.evidence import pair
from changedetect.stages.evidence.structure import StructureModel

PIXELS, EVIDENCE = PixelsSection(), EvidenceSection()
SEEDS = [
    pytest.param(954, date(2025, 12, 1), id="winter"),
    pytest.param(941, date(2025, 6, 1), id="june", marks=pytest.mark.slow),
    pytest.param(944, date(2025, 3, 1), id="march", marks=pytest.mark.slow),
    pytest.param(951, date(2025, 5, 1), id="may", marks=pytest.mark.slow),
]


def chips(seed, start):
    """Two chips of a world, ``(3, y, x)`` uint8 each, and where it truly changed."""
    world = land.build_world(seed, months=1, start=start, size_km=1.6)
    before, after = images.images(world, sensors=("rgb05m",))
    grid = before.grid
    truth = rasterize(
        list(world.truth.geometry), (grid.height, grid.width), transform=Affine(*grid.transform)
    )
    return before, after, truth > 0


def evidence_of(before, after):
    first, second = (image.values.astype(np.float32) / 255 for image in (before, after))
    none = np.full(first.shape[1:], 255, np.uint8)
    sample = pixels.PairSample(Window(0, 0, *none.shape), first, second, none, none)
    fitted = pixels.fit_pixels([sample], before.roles, PIXELS)
    times = (before.time, after.time)
    stack = pixels.prepare_pair(first, second, (none, none), times, fitted, PIXELS)
    model = pair.fit([stack], EVIDENCE, 0.5)
    return pair.measure(stack, model, EVIDENCE), model


@pytest.mark.parametrize(("seed", "start"), SEEDS)
def test_simulated__stated_rate_holds_and_change_is_found(seed, start):
    before, after, truth = chips(seed, start)
    evidence, model = evidence_of(before, after)
    assert isinstance(model, StructureModel)
    alarm = evidence >= model.threshold
    rate, recall, precision = alarm[~truth].mean(), alarm[truth].mean(), truth[alarm].mean()
    sys.stdout.write(
        f"simulated {seed}: false alarms {rate:.4f} (stated {model.false_alarm_rate:.4f}), "
        f"recall {recall:.3f}, precision {precision:.3f}\n"
    )
    assert rate <= 2 * model.false_alarm_rate
    assert recall >= 0.25
    assert precision >= 0.75
