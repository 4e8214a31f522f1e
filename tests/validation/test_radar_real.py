"""Radar evidence on three real pairs, one frozen configuration for all."""

import sys

import numpy as np
import pytest
from PIL import Image

from changedetect.config.radar import RadarSection
from changedetect.stages.evidence import radar, radar_ratio

CFG = RadarSection()


def load(folder, name):
    images = []
    for part in ("1", "2", "gt"):
        with Image.open(folder / "sar_pairs" / f"{name}_{part}.bmp") as image:
            images.append(np.asarray(image.convert("L"), dtype=np.float32))
    before, after, truth = images
    stacks = [radar.amplitude_to_db(image)[None, None] for image in (before, after)]
    return stacks[0], stacks[1], truth >= 128


def kappa(found, truth):
    agree = (found == truth).mean()
    chance = found.mean() * truth.mean() + (1 - found.mean()) * (1 - truth.mean())
    return (agree - chance) / (1 - chance)


def otsu(values):
    """Threshold that splits a histogram with the largest variance between both sides."""
    counts, edges = np.histogram(values, 256)
    middle = (edges[1:] + edges[:-1]) / 2
    weight, moment = counts.cumsum()[:-1], (counts * middle).cumsum()
    between = (moment[-1] * weight / counts.sum() - moment[:-1]) ** 2
    return middle[np.argmax(between / (weight * (counts.sum() - weight)))]


@pytest.mark.parametrize(("name", "least"), [("ottawa", 0.93), ("bern", 0.865), ("yellow_D", 0.85)])
def test_pair__kappa(real_data, name, least):
    before, after, truth = load(real_data, name)
    model = radar.fit_radar([(before, after)], CFG)
    llr = radar.measure_radar(before, after, model, CFG)
    mine = kappa(llr >= model.threshold, truth)
    ratio, _ = radar_ratio.measure_ratio(before[:, 0], after[:, 0], 0.0, CFG)
    plain = kappa(np.abs(ratio) > otsu(np.abs(ratio)), truth)
    sys.stdout.write(
        f"\n{name}: kappa {mine:.3f}, twice-guided log-ratio with Otsu {plain:.3f}, {model}"
    )
    assert mine >= least
    assert mine >= plain


@pytest.mark.parametrize("name", ["ottawa", "yellow_D"])
def test_rare_change__does_not_flood_the_map(real_data, name):
    before, after, truth = load(real_data, name)
    rows, cols = np.nonzero(truth)
    kept = np.zeros_like(truth)
    order = np.lexsort((cols, rows))[: max(1, truth.size // 200)]
    kept[rows[order], cols[order]] = True
    thinned = np.where(truth & ~kept, before, after)
    model = radar.fit_radar([(before, thinned)], CFG)
    llr = radar.measure_radar(before, thinned, model, CFG)
    false_rate = ((llr >= model.threshold) & ~truth).sum() / (~truth).sum()
    sys.stdout.write(
        f"\n{name} thinned to {kept.mean():.2%} change: false-alarm rate {false_rate:.5f}"
    )
    assert false_rate < 0.002
