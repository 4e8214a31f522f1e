"""Radar evidence on three real pairs, one frozen configuration for all."""

import sys

import numpy as np
import pytest
from PIL import Image
from scipy.ndimage import binary_dilation, label, uniform_filter

from changedetect.config.radar import RadarSection
from changedetect.stages.evidence import mixed, radar, radar_ratio

CFG = RadarSection()
RIM_PX = 3
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


@pytest.mark.parametrize("share", [0.01, 0.001])
@pytest.mark.parametrize("name", ["ottawa", "bern", "yellow_D"])
def test_rare_change__holds_the_stated_rate(real_data, name, share):
    """Whole patches of change are kept up to a share, all others and their rims are no data."""
    before, after, truth = load(real_data, name)
    kept = thin(truth, share)
    gone = binary_dilation(truth & ~kept, iterations=RIM_PX) & ~kept
    before = np.where(gone, np.float32(np.nan), before)
    model = radar.fit_radar([(before, after)], CFG)
    alarm = radar.measure_radar(before, after, model, CFG) >= model.threshold
    away = ~binary_dilation(truth, iterations=RIM_PX)
    rate, edges = alarm[away].mean(), alarm[~truth & ~gone].mean()
    sys.stdout.write(
        f"\n{name} thinned to {kept.sum() / (~gone).sum():.2%} change: kappa "
        f"{kappa(alarm[~gone], kept[~gone]):.3f}, recall {alarm[kept].mean():.3f}, false-alarm rate "
        f"{rate:.5f} ({RIM_PX} px and more from change), stated {model.false_alarm_rate:.5f}, "
        f"with the edges of true changes {edges:.5f}"
    )
    assert rate <= 2 * model.false_alarm_rate
    assert edges <= 0.002


def thin(truth, share):
    """Keep whole patches of change, drawn in a fixed order, up to a share of the image."""
    patches, count = label(truth)
    sizes = np.bincount(patches.ravel(), minlength=count + 1)
    kept = np.zeros_like(truth)
    for number in np.random.default_rng(1).permutation(np.arange(1, count + 1)):
        if kept.sum() + sizes[number] <= 1.1 * share * truth.size:
            kept |= patches == number
    if kept.sum() < 0.5 * share * truth.size:
        rows, cols = np.nonzero(truth)
        kept[rows[: int(share * truth.size)], cols[: int(share * truth.size)]] = True
    return kept


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
    smoothed_f1 = f1(smoothed > otsu(smoothed), truth)
    rate = (found & ~truth).sum() / (~truth).sum()
    sys.stdout.write(
        f"\nshuguang: F1 {mine:.3f}, precision {truth[found].mean():.3f}, recall "
        f"{found[truth].mean():.3f}, false-alarm rate {rate:.4f} (stated "
        f"{model.false_alarm_rate:.4f}); difference with Otsu {f1(plain > otsu(plain), truth):.3f}, "
        f"standardised {f1(scaled > otsu(scaled), truth):.3f}, standardised and smoothed 7 x 7 "
        f"{smoothed_f1:.3f}; best reachable threshold {bests[0]:.3f} and "
        f"{bests[1]:.3f}"
    )
    assert mine >= 0.77
    assert mine > max(*bests, smoothed_f1)
    assert rate <= 2 * model.false_alarm_rate
