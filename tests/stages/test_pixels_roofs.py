"""Roofs that a delivered mask calls cloud."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from changedetect.config.detection import PixelsSection
from changedetect.schema import CLEAR, CLOUD, SHADOW
from changedetect.stages.pixels.roofs import roof_reach_px, without_roofs

CFG = PixelsSection()
SIZE = 120
SEEN = (True, True, True, False)


def scene(seed=3):
    """Four bands of land with a hall and a cloud, and a mask that calls both cloud."""
    rng = np.random.default_rng(seed)
    image = 0.1 + 0.01 * rng.standard_normal((4, SIZE, SIZE))
    hall = np.zeros((SIZE, SIZE), bool)
    hall[15:30, 20:44] = True
    image[:3, hall] += 0.3
    rows, cols = np.mgrid[:SIZE, :SIZE]
    opacity = np.clip((26.0 - np.hypot(rows - 80, cols - 75)) / 18, 0, 1)
    image = image * (1 - opacity) + 0.55 * opacity
    mask = np.where(opacity > 0.45, CLOUD, CLEAR).astype(np.uint8)
    mask[hall] = CLOUD
    return image.astype(np.float32), mask, hall


def twin(image, mask, visible, cfg):
    """Do it pixel by pixel."""
    height, width = mask.shape
    around = lambda y, x, r: (  # noqa: E731
        slice(max(0, y - r), y + r + 1),
        slice(max(0, x - r), x + r + 1),
    )
    rim, edge = np.zeros(mask.shape, bool), np.zeros(mask.shape, bool)
    for y, x in np.argwhere(mask == CLOUD):
        rim[y, x] = (mask[around(y, x, 1)] != CLOUD).any()
        ratios, heights = [], []
        for band in np.flatnonzero(visible):
            near, far = (image[band][around(y, x, r)] for r in (cfg.roof_near_px, cfg.roof_far_px))
            spans = [np.nanmax(v) - np.nanmin(v) for v in (near, far)]
            ratios.append(spans[0] / max(spans[1], 1e-9))
            heights.append((image[band, y, x] - np.nanmin(near)) / max(spans[0], 1e-9))
        hard = sum(ratios) > cfg.roof_edge_ratio * len(ratios)
        edge[y, x] = rim[y, x] and hard and sum(heights) > 0.5 * len(heights)
    out = mask.copy()
    for y, x in np.argwhere(mask == CLOUD):
        near = around(y, x, cfg.roof_window_px)
        if edge[near].sum() > cfg.roof_rim_share * rim[near].sum():
            out[y, x] = CLEAR
    assert (height, width) == out.shape
    return out


def test_without_roofs__a_hall_is_seen_and_a_cloud_stays_hidden():
    image, mask, hall = scene()
    told = without_roofs(image, mask, SEEN, CFG)
    assert (told[hall] == CLEAR).all()
    assert (told[~hall] == mask[~hall]).all()
    assert (mask[hall] == CLOUD).all()  # what is given stays


def test_without_roofs__is_its_naive_twin():
    image, mask, _ = scene(5)
    mask[60:66, 10:18] = CLOUD  # nothing is there
    image[:, 20:23, 30:33] = np.nan
    np.testing.assert_array_equal(
        without_roofs(image, mask, SEEN, CFG), twin(image, mask, SEEN, CFG)
    )


def test_without_roofs__gains_and_offsets_of_a_band_and_turning_the_image_change_nothing():
    image, mask, _ = scene(6)
    told = without_roofs(image, mask, SEEN, CFG)
    gain = np.array([0.5, 4.0, 2.0, 1.0], np.float32)[:, None, None]
    np.testing.assert_array_equal(without_roofs(image * gain + 8, mask, SEEN, CFG), told)
    turned = without_roofs(image.transpose(0, 2, 1), np.ascontiguousarray(mask.T), SEEN, CFG)
    np.testing.assert_array_equal(turned.T, told)


def test_without_roofs__shadows_and_missing_masks_stay_as_they_are():
    image, mask, hall = scene()
    mask[hall] = SHADOW
    assert without_roofs(image, mask, SEEN, CFG).tobytes() == mask.tobytes()
    unmasked = np.full_like(mask, 255)
    assert without_roofs(image, unmasked, SEEN, CFG) is unmasked


@given(st.integers(0, SIZE - 30), st.integers(0, SIZE - 30))
@settings(max_examples=20)
def test_without_roofs__same_bytes_in_any_window_with_its_reach(top, left):
    image, mask, _ = scene()
    reach = roof_reach_px(CFG)
    rows = slice(max(0, top - reach), top + 30 + reach)
    cols = slice(max(0, left - reach), left + 30 + reach)
    part = without_roofs(image[:, rows, cols], mask[rows, cols], SEEN, CFG)
    inner = part[top - rows.start :, left - cols.start :][:30, :30]
    whole = without_roofs(image, mask, SEEN, CFG)[top : top + 30, left : left + 30]
    np.testing.assert_array_equal(inner, whole)
