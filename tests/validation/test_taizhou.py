"""Real pair without labels: Landsat Taizhou 2000/2003, scored on its labelled pixels."""

import sys
from datetime import UTC, datetime

import numpy as np
import pytest
import rasterio
from rasterio.errors import NotGeoreferencedWarning

from changedetect.config.detection import EvidenceSection, PixelsSection
from changedetect.grid import Grid
from changedetect.schema import EVIDENCE_NODATA
from changedetect.stages.evidence.optical import fit_pair, measure_pair
from changedetect.stages.pixels import PairSample, fit_pixels, prepare_pair, sample_windows

pytestmark = pytest.mark.filterwarnings(
    f"ignore::{NotGeoreferencedWarning.__module__}.{NotGeoreferencedWarning.__name__}"
)
TIMES = datetime(2000, 3, 17, tzinfo=UTC), datetime(2003, 2, 6, tzinfo=UTC)
ROLES = ("blue", "green", "red", "nir", "swir1", "swir2")
PIXELS, EVIDENCE = PixelsSection(), EvidenceSection()


@pytest.fixture(scope="module")
def taizhou(real_data):
    """Images before and after, changed and unchanged labels."""
    folder = real_data / "landsat_taizhou"

    def read(name):
        with rasterio.open(folder / name) as image:
            return image.read()

    before, after = (read(name).astype(np.float32) for name in ("2000TM", "2003TM"))
    return before, after, read("change.bmp")[0] > 0, read("unchanged.bmp")[0] > 0


def detect(before, after):
    """Evidence and its model, with the frozen configuration."""
    grid = Grid("EPSG:32651", (30.0, 0.0, 0.0, 0.0, -30.0, 0.0), *before.shape[:0:-1])
    none = np.full(before.shape[1:], 255, np.uint8)
    samples = [
        PairSample(w, before[:, *w.slices], after[:, *w.slices], none[w.slices], none[w.slices])
        for w in sample_windows(grid, PIXELS)
    ]
    pixels = fit_pixels(samples, ROLES, PIXELS)
    stacks = [
        prepare_pair(s.before, s.after, (s.cloud_before, s.cloud_after), TIMES, pixels, PIXELS)
        for s in samples
    ]
    model = fit_pair(stacks, EVIDENCE)
    stack = prepare_pair(before, after, (none, none), TIMES, pixels, PIXELS)
    return measure_pair(stack, model, EVIDENCE), model, pixels


def score(alarm, seen, changed, unchanged):
    """Accuracy on labelled, observed pixels."""
    tp, fn = np.sum(alarm & changed & seen), np.sum(~alarm & changed & seen)
    fp, tn = np.sum(alarm & unchanged & seen), np.sum(~alarm & unchanged & seen)
    n = tp + fn + fp + tn
    oa = (tp + tn) / n
    chance = ((tp + fp) * (tp + fn) + (fn + tn) * (fp + tn)) / n**2
    precision, recall = tp / (tp + fp), tp / (tp + fn)
    return {
        "OA": oa,
        "kappa": (oa - chance) / (1 - chance),
        "F1": 2 * precision * recall / (precision + recall),
        "precision": precision,
        "recall": recall,
        "false_alarm_rate": fp / (fp + tn),
    }


def figures(name, evidence, model, changed, unchanged):
    seen = evidence != EVIDENCE_NODATA
    result = score(seen & (evidence >= model.threshold), seen, changed, unchanged)
    shown = ", ".join(f"{key} {value:.4f}" for key, value in result.items())
    sys.stdout.write(f"Taizhou {name}: {shown}; stated {model.false_alarm_rate:.5f}\n")
    return result


def test_taizhou__no_labels_used(taizhou):
    before, after, changed, unchanged = taizhou
    evidence, model, _ = detect(before, after)
    assert (evidence != EVIDENCE_NODATA).all()
    assert figures("plain", evidence, model, changed, unchanged)["kappa"] >= 0.97


def test_taizhou__shift_of_one_pixel_is_found_and_taken_back(taizhou):
    before, after, changed, unchanged = taizhou
    plain, plain_model, _ = detect(before, after)
    evidence, model, pixels = detect(before, np.roll(after, (1, -1), axis=(1, 2)))
    assert abs(pixels.alignment.dy - 1) < 0.2
    assert abs(pixels.alignment.dx + 1) < 0.2
    kappa = figures("shifted", evidence, model, changed, unchanged)["kappa"]
    assert kappa >= 0.97
    assert kappa >= figures("plain", plain, plain_model, changed, unchanged)["kappa"] - 0.02


def test_taizhou__gains_and_offsets_cost_nothing(taizhou):
    before, after, changed, unchanged = taizhou
    gain = np.array([0.5, 1.5, 2.0, 0.7, 1.0, 0.3], np.float32)[:, None, None]
    plain, plain_model, _ = detect(before, after)
    evidence, model, _ = detect(before, after * gain + 30)
    a = figures("plain", plain, plain_model, changed, unchanged)["kappa"]
    b = figures("gains", evidence, model, changed, unchanged)["kappa"]
    assert b >= 0.97
    assert abs(a - b) < 0.005


@pytest.mark.parametrize("share", [1e-3, 1e-4])
def test_taizhou__stated_rate_holds_when_change_is_rare(taizhou, share):
    before, after, changed, unchanged = taizhou
    picked = np.flatnonzero(changed)
    wanted = max(1, round(share * unchanged.sum()))
    few = np.zeros(changed.size, bool)
    few[np.random.default_rng(7).choice(picked, wanted, replace=False)] = True
    kept = unchanged | few.reshape(changed.shape)
    evidence, model, _ = detect(np.where(kept, before, np.nan), after)
    result = figures(f"thinned to {share}", evidence, model, changed & kept, unchanged)
    assert model.false_alarm_rate <= EVIDENCE.false_alarm_rate
    assert result["false_alarm_rate"] <= min(2 * model.false_alarm_rate, EVIDENCE.false_alarm_rate)
    assert result["recall"] >= 0.6
