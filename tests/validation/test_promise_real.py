"""The promise on real labels: half of the labelled objects calibrate, the other half are held against it.

A labelled object is found at a threshold when 30% of its pixels have evidence that reaches it. The
objects are those of one pair (Taizhou) or of five (DSIFN): how often a promise is broken over
random halves tells nothing of other places.
"""

import sys

import numpy as np
import pytest
import rasterio

from changedetect.accuracy.promise import (
    MISSED,
    Aim,
    State,
    on_average,
    plug_in,
    promise,
    recall_at,
)
from changedetect.accuracy.scores import by_pixels
from changedetect.pipeline.looks.look import LookOptions
from changedetect.pipeline.looks.quicklook import look_at_pair
from changedetect.pipeline.runs.progress import Silent
from changedetect.schema import EVIDENCE_NODATA, EVIDENCE_SCALE
from tests.validation.test_taizhou import detect, taizhou
from tests.validation.test_vhr_real import components

__all__ = ["taizhou"]
pytestmark = pytest.mark.filterwarnings("ignore::rasterio.errors.NotGeoreferencedWarning")
AIM, HALVES, FOUND, LEAST_PX = Aim(0.05, 0.1), 200, 0.3, 8


def object_scores(evidence, mask):
    """Score every labelled object of 8 pixels and more."""
    objects = components(mask)
    sizes = np.bincount(objects.ravel())
    chosen = [number for number in range(1, len(sizes)) if sizes[number] >= LEAST_PX]
    return np.array([by_pixels(evidence[objects == number], FOUND) for number in chosen])


def as_evidence(levels):
    return np.where(levels == EVIDENCE_NODATA, np.nan, levels / EVIDENCE_SCALE)


def halves(scores, aim):
    """Calibrate on random halves; return thresholds and the recall of the other half."""
    rng = np.random.default_rng(2025)
    rows = []
    for _ in range(HALVES):
        order = rng.permutation(len(scores))
        fit, rest = scores[order[: len(scores) // 2]], scores[order[len(scores) // 2 :]]
        found = promise(fit, aim)
        for name, threshold in (
            ("promise", found.threshold),
            ("on average", on_average(fit, aim.alpha)),
            ("plug-in", plug_in(fit, aim.alpha)),
        ):
            recall = np.nan if threshold is None else recall_at(rest, threshold)
            rows.append((name, threshold is not None, recall, found))
    return rows


def told(place, scores, aim, cost):
    """Print what came of it; return how many halves gave a promise, and in how many it was broken."""
    rows = halves(scores, aim)
    never = int((scores == MISSED).sum())
    asked = f"recall >= {1 - aim.alpha:g}, confidence {1 - aim.delta:g}"
    lines = [f"{place}: {len(scores)} labelled objects, {never} not observed; {asked}"]
    counts = {}
    for name in ("promise", "on average", "plug-in"):
        own = [(made, recall) for one, made, recall, _ in rows if one == name]
        made = sum(is_made for is_made, _ in own)
        broken = sum(is_made and recall < 1 - aim.alpha for is_made, recall in own)
        counts[name] = made, broken
        lines.append(
            f"  {name}: made in {made} of {HALVES} halves, other half below in {broken} of them"
        )
    whole = promise(scores, aim)
    lines.append(
        f"  all labels: {whole.state.value}, threshold {whole.threshold}, more needed {whole.more}; "
        f"{cost(whole.threshold)}"
    )
    sys.stderr.write("\n".join(lines) + "\n")
    return counts, rows


def test_taizhou__half_of_the_labels(taizhou):
    before, after, changed, unchanged = taizhou
    levels, _, _ = detect(before, after)
    evidence = as_evidence(levels)
    scores = object_scores(evidence, changed)

    def cost(threshold):
        if threshold is None:
            return "no cost"
        quiet = evidence[unchanged & ~np.isnan(evidence)]
        return f"{np.mean(quiet >= threshold):.4f} of the unchanged pixels alarm"

    few = len(scores) // 2 < 45
    counts, rows = told("Taizhou", scores, AIM, cost)
    if few:
        assert counts["promise"][0] == 0
        assert all(one.state is not State.HELD for _, _, _, one in rows)
    for alpha in (0.1, 0.2):
        told("Taizhou", scores, Aim(alpha, 0.1), cost)


def test_dsifn__half_of_the_labels(real_data, tmp_path):
    folder = real_data / "dsifn_samples"
    scores, quiet = [], []
    for path in sorted((folder / "A").iterdir()):
        out = tmp_path / path.stem
        pair = path, folder / "B" / path.name
        look_at_pair(*pair, LookOptions(out, workers=1), progress=Silent())
        with rasterio.open(out / "evidence.tif") as raster:
            evidence = as_evidence(raster.read(1))
        (label,) = (folder / "label").glob(f"{path.stem}.*")
        with rasterio.open(label) as raster:
            mask = raster.read(1) >= 128
        scores.append(object_scores(evidence, mask))
        quiet.append(evidence[~mask & ~np.isnan(evidence)])
    quiet = np.concatenate(quiet)

    def cost(threshold):
        return (
            "no cost"
            if threshold is None
            else f"{np.mean(quiet >= threshold):.4f} of the unlabelled pixels alarm"
        )

    sys.stderr.write(f"DSIFN objects a pair: {[len(one) for one in scores]}\n")
    together = np.concatenate(scores)
    counts, _ = told("DSIFN", together, AIM, cost)
    assert counts["promise"][0] == 0 or len(together) // 2 >= 45
    for alpha in (0.1, 0.2):
        told("DSIFN", together, Aim(alpha, 0.1), cost)
