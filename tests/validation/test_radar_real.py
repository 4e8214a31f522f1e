"""Radar evidence on three real pairs, one frozen configuration for all."""

import sys

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import uniform_filter

from changedetect.config.radar import RadarSection
from changedetect.stages.evidence import mixed, radar, radar_ratio

CFG = RadarSection()
CUTS = np.linspace(0.6, 0.995, 80)


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


def f1(found, truth):
    return 2 * (found & truth).sum() / (found.sum() + truth.sum())


def standardised(values):
    return (values - values.mean()) / values.std()


def test_radar_against_optical__beats_the_difference_of_intensities(real_data):
    parts = []
    for part in ("1", "2", "gt"):
        with Image.open(real_data / "optical_sar_pair" / f"shuguang_{part}.bmp") as image:
            parts.append(np.asarray(image, dtype=np.float32))
    before, after, truth = parts[0][..., 0], parts[1], parts[2] >= 128
    grey = after.mean(axis=2)
    plain = np.abs(before - grey)
    scaled = np.abs(standardised(before) - standardised(grey))
    images = before[None], np.moveaxis(after, 2, 0)
    model = mixed.fit_mixed([images], CFG)
    found = mixed.measure_mixed(*images, model, CFG) >= model.threshold
    mine = f1(found, truth)
    bests = [max(f1(v > cut, truth) for cut in np.quantile(v, CUTS)) for v in (plain, scaled)]
    smoothed = uniform_filter(scaled, 7)
    rate = (found & ~truth).sum() / (~truth).sum()
    sys.stdout.write(
        f"\nshuguang: F1 {mine:.3f}, precision {truth[found].mean():.3f}, recall "
        f"{found[truth].mean():.3f}, false-alarm rate {rate:.4f} (stated "
        f"{model.false_alarm_rate:.4f}); difference with Otsu {f1(plain > otsu(plain), truth):.3f}, "
        f"standardised {f1(scaled > otsu(scaled), truth):.3f}, standardised and smoothed 7 x 7 "
        f"{f1(smoothed > otsu(smoothed), truth):.3f}; best reachable threshold {bests[0]:.3f} and "
        f"{bests[1]:.3f}"
    )
    assert mine >= 0.70
    assert mine > max(bests)
