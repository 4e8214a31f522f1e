"""IR-MAD: against its definition, in other units, on a planted world, and what it refuses."""

import numpy as np
import pytest
import scipy.stats

from changedetect.config.mad import MadSection
from changedetect.errors import SceneError
from changedetect.stages.evidence.irmad import fit_mad, measure_mad
from tests.naive.irmad import irmad

PLAIN = MadSection(robust_start=False, tolerance=0.0, most_steps=12)


def world(seed=1, changed_share=0.1, bands=4, pixels=6000):
    """Pixels of two dates that are alike up to noise, and some that are drawn anew; which those are."""
    rng = np.random.default_rng(seed)
    mixing = rng.normal(size=(bands, bands))
    before = rng.normal(size=(pixels, bands)) @ mixing
    after = before + rng.normal(0, 0.2, before.shape)
    changed = rng.random(pixels) < changed_share
    after[changed] = rng.normal(1.5, 1.5, (int(changed.sum()), bands)) @ mixing
    return np.hstack([before, after]).astype(np.float32), changed


def as_stack(samples, width=60):
    bands = samples.shape[1] // 2
    return samples.T.reshape(2, bands, -1, width)


@pytest.mark.parametrize("steps", [1, 2, 12])
def test_fit_mad__equals_the_definition(steps):
    samples, _ = world()
    model = fit_mad(samples, PLAIN.model_copy(update={"most_steps": steps}))
    mad, rho, chi = irmad(samples, steps)
    assert model.steps == steps
    assert np.allclose(model.correlations, rho)
    found = measure_mad(as_stack(samples), model).reshape(5, -1)
    for one, other in zip(found, mad.T, strict=False):
        assert abs(np.corrcoef(one, other)[0, 1]) > 1 - 1e-9
    assert np.allclose(found[-1], chi, rtol=1e-3, atol=1e-3)


def test_fit_mad__knows_no_units():
    """Another gain and offset for each band of each date give the same variates."""
    samples, _ = world()
    scale = np.random.default_rng(2).uniform(0.2, 5, samples.shape[1]).astype(np.float32)
    other = samples * scale + np.float32(7.0)
    one, two = fit_mad(samples, PLAIN), fit_mad(other, PLAIN)
    assert np.allclose(one.correlations, two.correlations, atol=1e-5)
    chi = [measure_mad(as_stack(s), m)[-1] for s, m in ((samples, one), (other, two))]
    assert np.allclose(chi[0], chi[1], rtol=2e-2, atol=2e-2)


def test_fit_mad__is_the_same_for_any_threads():
    samples, _ = world()
    one, two = fit_mad(samples, MadSection(), 1), fit_mad(samples, MadSection(), 3)
    assert one.matrix.tobytes() == two.matrix.tobytes()
    assert one.settled


def test_fit_mad__changed_pixels_stand_out_but_chi_square_is_no_calibrated_rate():
    """Reweighting narrows what counts as unchanged, so that a nominal 1% alarms far more often."""
    samples, changed = world(changed_share=0.05)
    chi = measure_mad(as_stack(samples), fit_mad(samples, MadSection()))[-1].ravel()
    assert np.quantile(chi[changed], 0.05) > np.quantile(chi[~changed], 0.95)
    assert (chi[~changed] > scipy.stats.chi2.isf(0.01, 4)).mean() > 0.1
    alike, _ = world(changed_share=0.0)
    once = fit_mad(alike, PLAIN.model_copy(update={"most_steps": 1}))
    rate = (measure_mad(as_stack(alike), once)[-1] > scipy.stats.chi2.isf(0.01, 4)).mean()
    assert 0.005 < rate < 0.015


def test_fit_mad__a_robust_start_finds_the_unchanged_part_where_much_changed():
    samples, changed = world(changed_share=0.45)
    limit = scipy.stats.chi2.isf(0.001, 4)
    correlations = {}
    for robust in (False, True):
        cfg = MadSection(robust_start=robust, most_steps=2)
        model = fit_mad(samples, cfg)
        correlations[robust] = model.correlations.min()
        chi = measure_mad(as_stack(samples), model)[-1].ravel()
    assert correlations[True] > correlations[False] + 0.1
    assert (chi[changed] > limit).mean() > 0.9


def test_measure_mad__variates_grow_with_the_image_after():
    samples, _ = world()
    model = fit_mad(samples, MadSection())
    brighter = samples.copy()
    brighter[:, 4:] += 1.0
    more = measure_mad(as_stack(brighter), model)[:-1] - measure_mad(as_stack(samples), model)[:-1]
    assert (model.matrix[:, 4:] * samples[:, 4:].std(axis=0)).sum(axis=1).min() > 0
    assert more.shape == (4, 100, 60)


def test_measure_mad__not_observed_is_unknown():
    samples, _ = world()
    stack = as_stack(samples).copy()
    stack[1, 2, 5, 7] = np.nan
    found = measure_mad(stack, fit_mad(samples, MadSection()))
    assert np.isnan(found[:, 5, 7]).all()
    assert np.isnan(found).sum() == len(found)


@pytest.mark.parametrize(
    ("made", "text"),
    [
        (lambda s: s[:10], "10 pixels are observed"),
        (lambda s: np.where(np.arange(8) == 1, np.float32(3.0), s), "does not vary"),
        (lambda s: np.full_like(s, 2.0), "does not vary"),
    ],
    ids=["few pixels", "a band is constant", "all is constant"],
)
def test_fit_mad__refuses(made, text):
    with pytest.raises(SceneError, match=text):
        fit_mad(made(world()[0]), MadSection())
