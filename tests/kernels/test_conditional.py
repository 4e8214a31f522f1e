"""Class and distance of pixels."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st

from changedetect.kernels.conditional import (
    class_distances,
    class_moments,
    nearest_class,
    nearest_outcome,
)
from tests.naive import conditional as naive

seeds = st.integers(0, 2**32 - 1)


def drawn(seed, bands, classes=3, outcomes=3):
    rng = np.random.default_rng(seed)
    centres = rng.normal(size=(classes, bands))
    chooser = 2 * centres, -(centres**2).sum(axis=1)
    matrix = rng.normal(size=(classes, outcomes, bands, 2 * bands)) * 2
    penalty = rng.uniform(0, 3, (classes, outcomes))
    penalty[rng.random(penalty.shape) < 0.2] = np.inf
    penalty[:, 0] = 0.0
    return rng, centres, chooser, (matrix, rng.normal(size=matrix.shape[:3]), penalty)


def test_nearest_class__first_of_equals():
    centres = np.array([[3.0], [1.0], [3.0]])
    assert nearest_class(np.array([2.9]), 2 * centres, -(centres**2).sum(axis=1)) == 0
    assert nearest_class(np.array([1.9]), 2 * centres, -(centres**2).sum(axis=1)) == 1


def test_nearest_outcome__penalties_count_and_absent_ones_never_win():
    matrix, offset = np.ones((3, 1, 2)), np.array([[0.0], [5.0], [4.0]])
    pixel = np.array([2.0, 2.0])
    absent = np.array([0.0, 0.0, np.inf])
    assert nearest_outcome(pixel, matrix, offset, absent) == (1, 1.0)
    assert nearest_outcome(pixel, matrix, offset, np.array([0.0, 16.0, np.inf])) == (0, 16.0)
    assert nearest_outcome(pixel, matrix, offset, np.array([0.0, 0.0, 0.5])) == (2, 0.5)


@given(seeds, st.integers(1, 5))
def test_class_distances__equal_the_definition(seed, bands):
    rng, centres, chooser, variates = drawn(seed, bands)
    samples = rng.normal(size=(30, 2 * bands)).astype(np.float32)
    labels, squared = class_distances(samples, chooser, variates)
    plain_labels, plain_squared = naive.class_distances(samples, centres, variates)
    np.testing.assert_array_equal(labels, plain_labels)
    np.testing.assert_allclose(squared, plain_squared, rtol=1e-9, atol=1e-12)


@given(seeds, st.integers(1, 4))
def test_class_moments__equal_the_definition(seed, bands):
    rng = np.random.default_rng(seed)
    samples = rng.normal(size=(40, 2 * bands)).astype(np.float32)
    labels, squared = rng.integers(0, 3, 40).astype(np.int16), rng.uniform(0, 2, 40)
    cuts = np.array([1.0, np.inf, 0.5])
    got = class_moments(samples, labels, squared, cuts)
    plain = naive.class_moments(samples, labels, squared, cuts)
    for fast, slow in zip(got, plain, strict=True):
        np.testing.assert_allclose(fast, slow, rtol=1e-9, atol=1e-9)
