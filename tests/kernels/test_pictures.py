"""Difference hash and spectral peak: hand answers, slow twins, and pictures made in code."""

import io

import numpy as np
import pytest
from PIL import Image

from changedetect.kernels.pictures import difference_hash, spectral_peak
from tests.photos_in_code import ground, jpeg, reshot, rows_of_crops


def small(picture):
    image = Image.fromarray(picture.astype(np.uint8))
    return np.asarray(image.resize((9, 8), Image.Resampling.BOX), float)


def apart(one, two):
    return (difference_hash(small(one)) ^ difference_hash(small(two))).bit_count()


def seen(picture, quality=88):
    image = Image.open(io.BytesIO(jpeg(picture, quality=quality))).convert("L")
    return np.asarray(image, float)[:512, :512]


def test_hash__is_its_definition_bit_by_bit():
    random = np.random.default_rng(7)
    grey = random.integers(0, 255, (8, 9)).astype(float)
    slow = 0
    for row in range(8):
        for column in range(8):
            slow = slow * 2 + int(grey[row, column] < grey[row, column + 1])
    assert difference_hash(grey) == slow


def test_hash__hand_answer_one_brighter_place():
    grey = np.zeros((8, 9))
    grey[0, 1] = 1
    assert difference_hash(grey) == 1 << 63


def test_hash__a_picture_saved_again_smaller_or_brighter_stays_near():
    for seed in range(8):
        picture = ground(seed)
        again = np.asarray(Image.fromarray(picture.astype(np.uint8)).resize((400, 400)), float)
        assert apart(picture, seen(picture, quality=40)) <= 64
        assert apart(picture, again) <= 2
        assert apart(picture, np.clip(picture * 1.2, 0, 255)) <= 4


def test_hash__other_pictures_are_far():
    hashes = [difference_hash(small(ground(seed))) for seed in range(20)]
    nearest = min((a ^ b).bit_count() for i, a in enumerate(hashes) for b in hashes[:i])
    assert nearest > 8


def test_peak__a_screen_stands_out_of_ground_and_of_rows():
    ordinary = [spectral_peak(seen(ground(seed))) for seed in range(6)]
    rows = [
        spectral_peak(seen(rows_of_crops(ground(seed), period=9 + 4 * seed))) for seed in range(4)
    ]
    screens = [
        spectral_peak(seen(reshot(ground(seed), pitch=2.3 + seed * 0.4))) for seed in range(6)
    ]
    assert max(ordinary) < 2
    assert max(rows) < 3.5
    assert min(screens) > 4


def test_peak__finds_a_known_wave_where_the_noise_is_flat():
    """A cosine of amplitude a in white noise: its bin holds about (a·N²·w/2)², noise about N²·σ²·w2."""
    side, amplitude = 256, 1.0
    rows, columns = np.mgrid[0:side, 0:side]
    wave = amplitude * np.cos(2 * np.pi * (0.25 * rows + 0.1875 * columns))
    noise = np.random.default_rng(3).normal(0, 1, (side, side))
    window = np.outer(np.hanning(side), np.hanning(side))
    expected = np.log10((amplitude / 2 * window.sum()) ** 2 / ((window**2).sum() * np.log(2)))
    assert spectral_peak(wave + noise) == pytest.approx(expected, abs=0.15)


def test_peak__transposed_picture_the_same():
    picture = ground(4, 300)
    assert spectral_peak(picture.T) == pytest.approx(spectral_peak(picture), abs=1e-6)


@pytest.mark.parametrize(
    "picture", [np.zeros((512, 512)), np.full((512, 512), 200.0), np.zeros((8, 8))]
)
def test_peak__of_nothing_is_nothing(picture):
    assert spectral_peak(picture) == 0.0
