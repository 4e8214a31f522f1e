"""Means of cells."""

import numpy as np
from hypothesis import given
from hypothesis import strategies as st
from scipy import ndimage

from changedetect.kernels.cells import (
    cell_means,
    edge_spans,
    paint_runs,
    run_boxes,
    soft_objects,
    standing_out,
)
from changedetect.kernels.runs import find_runs, label_runs


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


@given(st.integers(0, 2**32 - 1))
def test_run_boxes__equal_those_of_scipy(seed):
    rng = np.random.default_rng(seed)
    mask = rng.random(tuple(rng.integers(1, 20, 2))) < 0.4
    labels, count = ndimage.label(mask)
    runs = find_runs(mask.view(np.uint8), 0, 0)
    boxes = run_boxes(runs, label_runs(runs, 0), count)
    np.testing.assert_array_equal(boxes[:, 0], np.bincount(labels.ravel(), minlength=count + 1)[1:])
    found = [(b[0].start, b[0].stop, b[1].start, b[1].stop) for b in ndimage.find_objects(labels)]
    assert boxes[:, 1:].tolist() == [list(box) for box in found]
    painted = np.zeros(mask.shape, bool)
    paint_runs(runs, painted)
    np.testing.assert_array_equal(painted, mask)


@given(st.integers(0, 2**32 - 1))
def test_standing_out__equals_the_opening_of_scipy(seed):
    rng = np.random.default_rng(seed)
    values = rng.integers(0, 5, tuple(rng.integers(1, 20, 2))).astype(np.float32)
    out = np.full(values.shape, 9, np.uint8)
    standing_out(values, 0.5, out)
    np.testing.assert_array_equal(out, ndimage.binary_opening(values > 0.5, np.ones((3, 3))))


@given(st.integers(0, 2**32 - 1), st.integers(1, 3))
def test_soft_objects__equal_object_by_object(seed, reach):
    rng = np.random.default_rng(seed)
    bright = ndimage.gaussian_filter(rng.normal(size=(24, 30)), rng.uniform(0.5, 3))
    bright = (bright / bright.std() * 4).astype(np.float32)
    unseen = rng.random(bright.shape) < 0.05
    labels, count = ndimage.label(bright > 3)
    least, share = 4.5, 0.6
    expected = np.zeros(count, bool)
    for index, box in enumerate(ndimage.find_objects(labels)):
        around = tuple(slice(max(s.start - reach, 0), s.stop + reach) for s in box)
        body, part = labels[around] == index + 1, bright[around]
        contrast = float(np.median(part[body]))
        spans = edge_spans(part, body, unseen[around], contrast / 2, reach)
        soft = contrast >= least and len(spans) and float(np.median(spans)) / contrast <= share
        expected[index] = soft
    runs = find_runs((bright > 3).view(np.uint8), 0, 0)
    group = label_runs(runs, 0)
    boxes = run_boxes(runs, group, count)
    ends = np.cumsum(np.bincount(group, minlength=count))
    parts = np.column_stack([ends - np.bincount(group, minlength=count), ends, boxes[:, 1:]])
    out = np.empty(count, bool)
    ordered = runs[np.argsort(group, kind="stable")]
    soft_objects(bright, unseen, ordered, parts, (least, share, reach), out)
    np.testing.assert_array_equal(out, expected)
