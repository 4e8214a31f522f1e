"""What happened in one place must not say what ground of a rare kind becomes."""

import numpy as np
import pytest

from changedetect.config.detection import EvidenceSection
from changedetect.kernels.conditional import class_distances
from changedetect.stages.evidence.alteration import fit_alteration

CFG = EvidenceSection(classes=2, class_min_pixels=100)
FIELDS, ROOFS, CELLS = 8000, 500, 50


def drawn(sites):
    """Fields, and bright roofs of which those in some of the cells were pulled down.

    Returns samples ``(pixel, 2 * band)``, their cells, and which of them were pulled down.
    """
    rng = np.random.default_rng(2)
    before = np.concatenate([np.full((FIELDS, 3), 0.1), np.full((ROOFS, 3), 0.42)])
    before *= 1 + 0.1 * rng.standard_normal((len(before), 1))
    after = before * (1 + 0.03 * rng.standard_normal(before.shape))
    cells = np.concatenate([np.arange(FIELDS) % CELLS, np.arange(ROOFS) % CELLS])
    roof = np.arange(len(before)) >= FIELDS
    gone = roof & (cells < sites)
    cells[gone] = cells[gone] % 2  # one place, and the next one
    after[gone] = rng.normal(0.18, 0.02, (int(gone.sum()), 3))
    return np.hstack([before, after]).astype(np.float32), cells, gone


@pytest.mark.parametrize(("ratio", "seen"), [(2.0, True), (99.0, False)])
def test_fit_alteration__a_site_that_is_a_third_of_its_kind_is_no_season(ratio, seen):
    samples, cells, gone = drawn(sites=18)
    assert gone.sum() == 180
    fitted = fit_alteration(samples, cells, CFG.model_copy(update={"trim_place_ratio": ratio}))
    _, squared = class_distances(samples, fitted.chooser, fitted.variates)
    roofs = np.arange(len(samples)) >= FIELDS
    far = np.sqrt(np.median(squared[gone]) / np.median(squared[roofs & ~gone]))
    assert (far > 6) == seen


def test_fit_alteration__no_more_than_a_share_is_left_out():
    """Where all of a kind lies in two places these say what it becomes: nobody else can."""
    samples, cells, _ = drawn(sites=0)
    roofs = np.arange(len(samples)) >= FIELDS
    cells[roofs] %= 2
    fitted = fit_alteration(samples, cells, CFG)
    _, squared = class_distances(samples, fitted.chooser, fitted.variates)
    assert np.median(squared[roofs]) < 4 * np.median(squared[~roofs])
