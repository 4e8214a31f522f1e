"""Means of cells."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from changedetect.kernels.cells import (
    cell_means,
    edge_spans,
    label_boxes,
    mark_soft,
    stored_means,
)
from changedetect.kernels.stored import to_quantity, whole_pixels


def by_definition(image, cell_px, min_share):
    bands, height, width = image.shape
    rows, cols = -(-height // cell_px), -(-width // cell_px)
    out = np.full((bands, rows, cols), np.nan, np.float32)
    for band, row, col in np.ndindex(out.shape):
        part = image[
            band, row * cell_px : (row + 1) * cell_px, col * cell_px : (col + 1) * cell_px
        ].astype(np.float64)
        seen = np.isfinite(part)
        if seen.any() and seen.mean() >= min_share:
            out[band, row, col] = part[seen].mean()
    return out


@given(st.integers(0, 2**32 - 1), st.integers(1, 5), st.sampled_from([0.0, 0.5, 1.0]))
def test_cell_means__equal_the_definition(seed, cell_px, min_share):
    rng = np.random.default_rng(seed)
    image = rng.normal(size=(2, *rng.integers(1, 12, 2))).astype(np.float32)
    image[rng.random(image.shape) < 0.3] = np.nan
    np.testing.assert_allclose(
        cell_means(image, cell_px, min_share), by_definition(image, cell_px, min_share), rtol=1e-6
    )


@given(st.integers(0, 2**32 - 1), st.integers(1, 4))
def test_cell_means__of_windows_are_those_of_the_whole(seed, cell_px):
    image = np.random.default_rng(seed).normal(size=(2, 20, 24)).astype(np.float32)
    cut = 2 * cell_px
    whole = cell_means(image, cell_px, 0.5)
    np.testing.assert_array_equal(cell_means(image[:, cut:], cell_px, 0.5), whole[:, 2:])
    np.testing.assert_array_equal(cell_means(image[:, :, :cut], cell_px, 0.5), whole[:, :, :2])


@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_edge_spans__equal_the_morphology_of_scipy(seed, reach):
    rng = np.random.default_rng(seed)
    shape = tuple(rng.integers(3, 16, 2))
    values = rng.integers(0, 40, shape).astype(np.float32)
    body, unseen = rng.random(shape) < 0.2, rng.random(shape) < 0.05
    square = np.ones((3, 3), bool)
    around = ndimage.binary_dilation(body, square, iterations=reach)
    whole = body | ((values > 20) & around)
    edge = whole & ~ndimage.binary_erosion(whole, border_value=1)
    edge &= ~ndimage.binary_dilation(unseen, square)
    span = ndimage.maximum_filter(values, 3) - ndimage.minimum_filter(values, 3)
    np.testing.assert_array_equal(edge_spans(values, body, unseen, 20.0, reach), span[edge])


@given(st.integers(0, 2**32 - 1), st.integers(1, 6), st.booleans(), st.booleans())
def test_stored_means__are_those_of_the_image(seed, cell_px, black, whole_numbers):
    rng = np.random.default_rng(seed)
    stored = rng.integers(0, 9, (3, *rng.integers(1, 20, 2))).astype(np.uint16)
    if not whole_numbers:
        stored = stored.astype(np.float32) / 7
        stored[rng.random(stored.shape) < 0.05] = np.nan
        stored[rng.random(stored.shape) < 0.05] = np.inf
    stored[:, rng.random(stored.shape[1:]) < 0.2] = 0
    scale, offset = rng.normal(size=3), rng.normal(size=3) * 0.1
    nodata = float(rng.choice([np.nan, 3.0]))
    image = np.empty(stored.shape, np.float32)
    to_quantity(stored, scale, offset, nodata, black, image)
    whole_pixels(image, image)
    found = stored_means(stored, (scale, offset, nodata), black, cell_px, 0.5)
    np.testing.assert_array_equal(found, cell_means(image, cell_px, 0.5))


@given(st.integers(0, 2**32 - 1))
def test_label_boxes__equal_those_of_scipy(seed):
    rng = np.random.default_rng(seed)
    labels, count = ndimage.label(rng.random(tuple(rng.integers(1, 20, 2))) < 0.4)
    boxes = label_boxes(labels, count)
    np.testing.assert_array_equal(boxes[:, 0], np.bincount(labels.ravel(), minlength=count + 1))
    found = [(b[0].start, b[0].stop, b[1].start, b[1].stop) for b in ndimage.find_objects(labels)]
    assert boxes[1:, 1:].tolist() == [list(box) for box in found]


@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_mark_soft__equals_object_by_object(seed, reach):
    rng = np.random.default_rng(seed)
    bright = ndimage.gaussian_filter(rng.normal(size=(24, 30)), rng.uniform(0.5, 3))
    bright = (bright / bright.std() * 4).astype(np.float32)
    unseen = rng.random(bright.shape) < 0.05
    labels, count = ndimage.label(bright > 3)
    boxes = label_boxes(labels, count)
    boxes[:, 0] = np.arange(count + 1)
    least, share = 4.5, 0.6
    expected = np.zeros(bright.shape, bool)
    for index, box in enumerate(ndimage.find_objects(labels), start=1):
        around = tuple(slice(max(s.start - reach, 0), s.stop + reach) for s in box)
        body, part = labels[around] == index, bright[around]
        contrast = float(np.median(part[body]))
        spans = edge_spans(part, body, unseen[around], contrast / 2, reach)
        if contrast >= least and len(spans) and float(np.median(spans)) / contrast <= share:
            expected[around] |= body
    out = np.zeros(bright.shape, bool)
    mark_soft(bright, unseen, labels, boxes[1:], (least, share, reach), out)
    np.testing.assert_array_equal(out, expected)
