"""The null of an optical pair on drawn distances whose truth is known."""

import numpy as np
import pytest

from changedetect.config.detection import EvidenceSection
from changedetect.stages.evidence.calibration import fit_null

CFG = EvidenceSection()
PIXELS = 150_000


def drawn(share, slope, seed=1):
    """Distances with an exponential tail in ln distance, a share of them changed; and which."""
    rng = np.random.default_rng(seed)
    u = rng.random(PIXELS)
    log = 0.75 + np.where(u < 0.5, -slope * np.log(2 * np.maximum(u, 1e-9)), -0.4 * (u - 0.5))
    changed = rng.random(PIXELS) < share
    log[changed] = 0.75 + rng.exponential(0.5, changed.sum())
    return np.exp(log).astype(np.float32), changed


@pytest.mark.parametrize("slope", [0.12, 0.17, 0.22])
@pytest.mark.parametrize("share", [0.0, 1e-4, 1e-3, 4e-3])
def test_fit_null__states_the_true_rate_when_change_is_rare(share, slope):
    distance, changed = drawn(share, slope)
    null = fit_null(distance, 4, CFG)
    alarm = null.llr(distance) >= null.threshold
    rate = alarm[~changed].mean()
    assert null.false_alarm_rate <= CFG.false_alarm_rate
    assert null.false_alarm_rate / 2 <= rate <= 2 * null.false_alarm_rate


@pytest.mark.parametrize("share", [0.03, 0.2])
def test_fit_null__raises_the_rate_where_much_has_changed_and_states_it(share):
    distance, changed = drawn(share, 0.15)
    null = fit_null(distance, 4, CFG)
    alarm = null.llr(distance) >= null.threshold
    assert null.false_alarm_rate > CFG.false_alarm_rate
    assert null.false_alarm_rate / 2 <= alarm[~changed].mean() <= 2 * null.false_alarm_rate
    assert (~changed)[alarm].mean() <= 2 * CFG.false_discovery_share
    assert null.changed_share == pytest.approx(share, rel=0.5)


def with_odd_fields(fields):
    """Unchanged ground in fields of 100 pixels, some of which did what no other did; and the fields."""
    distance, _ = drawn(0.0, 0.15)
    places = np.arange(PIXELS) // 100
    odd = places < fields
    distance[odd] *= np.float32(6.0)
    return distance, places


@pytest.mark.parametrize("fields", [0, 1, 2, 3])
def test_fit_null__a_few_odd_fields_keep_the_stated_rate(fields):
    distance, places = with_odd_fields(fields)
    null = fit_null(distance, 4, CFG, places)
    rate = (null.llr(distance) >= null.threshold).mean()
    assert null.false_alarm_rate <= CFG.false_alarm_rate
    assert rate <= (1.01 if fields else 2.0) * null.false_alarm_rate


def test_fit_null__odd_fields_that_are_not_known_to_be_fields_break_the_stated_rate():
    distance, _ = with_odd_fields(3)
    null = fit_null(distance, 4, CFG)
    assert (null.llr(distance) >= null.threshold).mean() > 2 * null.false_alarm_rate


def test_fit_null__what_lies_in_many_places_is_found_as_if_pixels_were_drawn_one_by_one():
    distance, changed = drawn(4e-3, 0.15)
    places = np.random.default_rng(5).integers(0, 600, PIXELS)
    alone, placed = fit_null(distance, 4, CFG), fit_null(distance, 4, CFG, places)
    assert 0 <= placed.threshold - alone.threshold <= 30  # log-likelihood ratio x 100
    found = [(null.llr(distance) >= null.threshold)[changed].mean() for null in (alone, placed)]
    assert found[1] > found[0] - 0.02


@pytest.mark.parametrize("share", [0.0, 0.01])
def test_fit_null__does_not_depend_on_the_order_of_the_pixels(share):
    distance, _ = drawn(share, 0.15)
    places = np.arange(PIXELS) // 250
    turned = np.random.default_rng(3).permutation(PIXELS)
    assert fit_null(distance, 4, CFG) == fit_null(distance[turned], 4, CFG)
    first = fit_null(distance, 4, CFG, places)
    assert first == fit_null(distance[turned], 4, CFG, places[turned])


def test_fit_null__equal_distances_have_a_null():
    null = fit_null(np.full(1000, 1.3, np.float32), 4, CFG)
    assert np.isfinite(null.log_median)
    assert not (null.llr(np.full(5, 1.3, np.float32)) >= null.threshold).any()


def test_fit_null__little_has_changed_if_another_estimate_says_so():
    distance, _ = drawn(0.03, 0.15)
    many, few = fit_null(distance, 4, CFG), fit_null(distance, 4, CFG, most_share=0.005)
    assert many.false_alarm_rate > CFG.false_alarm_rate >= few.false_alarm_rate
    assert few.threshold > many.threshold
    assert (few.scale, few.changed_share) == (many.scale, many.changed_share)
