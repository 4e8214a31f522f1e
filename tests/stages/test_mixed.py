"""Pairs of different sensors: kinds of ground tell what the other sensor usually sees."""

import numpy as np
import pytest
from scipy.ndimage import gaussian_filter, maximum_filter

from changedetect.config.radar import RadarSection
from changedetect.errors import LayerError
from changedetect.schema import EVIDENCE, EVIDENCE_NODATA, check_array
from changedetect.stages.evidence import mixed

CFG = RadarSection()
AMPLITUDE = np.array([10.0, 60.0, 150.0])
COLOUR = np.array([[30.0, 40.0, 60.0], [50.0, 110.0, 60.0], [170.0, 160.0, 150.0]])


def pair(seed=1, shape=(240, 300), planted=True):
    """Water, fields and roofs, as a radar amplitude and an RGB image; a pond dug in fields."""
    rng = np.random.default_rng(seed)
    kind = np.ones(shape, int)
    kind[20:80, 20:110] = kind[180:220, 200:280] = 0
    kind[20:70, 200:260] = 2
    later = kind.copy()
    truth = np.zeros(shape, bool)
    if planted:
        truth[120:150, 90:130] = True
        later[truth] = 0
    radar = AMPLITUDE[kind] * np.sqrt(rng.gamma(4.0, 0.25, shape))
    texture = 250 * gaussian_filter(rng.standard_normal((3, *shape)), (0, 6, 6))
    optical = COLOUR[later].transpose(2, 0, 1) + texture + rng.normal(0, 8, (3, *shape))
    return radar[None].astype(np.float32), optical.astype(np.float32), truth


@pytest.mark.parametrize("swapped", [False, True])
def test_pond__is_found_whichever_sensor_came_first(swapped):
    first, second, truth = pair()
    if swapped:
        first, second = second, first
    model = mixed.fit_mixed([(first, second)], CFG)
    llr = mixed.measure_mixed(first, second, model, CFG)
    check_array(llr, EVIDENCE)
    alarm = llr >= model.threshold
    assert alarm[truth].mean() > 0.8
    assert alarm[~maximum_filter(truth, 17)].mean() < 0.02


def test_gain_of_a_band__costs_nothing():
    first, second, _ = pair()
    plain = mixed.measure_mixed(first, second, mixed.fit_mixed([(first, second)], CFG), CFG)
    louder = second * np.float32(4.0) + np.float32(32.0)
    other = mixed.measure_mixed(first, louder, mixed.fit_mixed([(first, louder)], CFG), CFG)
    assert np.abs(plain.astype(int) - other).max() <= 60


def test_tiles_and_turned_images__give_the_same_bytes_and_inputs_stay():
    first, second, _ = pair(2)
    first[0, 30:34, 40:60] = np.nan
    kept = first.copy()
    model = mixed.fit_mixed([(first, second)], CFG)
    whole = mixed.measure_mixed(first, second, model, CFG)
    assert np.array_equal(first, kept, equal_nan=True)
    assert (whole == EVIDENCE_NODATA).sum() == 80
    halo = mixed.mixed_halo_px(CFG)
    part = mixed.measure_mixed(first[:, 50 - halo :], second[:, 50 - halo :], model, CFG)
    assert np.array_equal(part[halo:], whole[50:])
    turned = [image.transpose(0, 2, 1) for image in (first, second)]
    assert np.array_equal(mixed.measure_mixed(*turned, model, CFG), whole.T)


def test_bad_images__are_refused():
    first, second, _ = pair()
    with pytest.raises(LayerError, match="no sample"):
        mixed.fit_mixed([], CFG)
    with pytest.raises(LayerError, match="same pixels"):
        mixed.fit_mixed([(first[:, 1:], second)], CFG)
    with pytest.raises(LayerError, match="0 sample pixels"):
        mixed.fit_mixed([(np.full_like(first, np.nan), second)], CFG)
    model = mixed.fit_mixed([(first, second)], CFG)
    with pytest.raises(LayerError, match="1 and 2 bands"):
        mixed.measure_mixed(first, second[:2], model, CFG)
