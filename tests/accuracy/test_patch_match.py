"""Patch accuracy: squares whose answer is known, and what must not matter."""

import numpy as np
import pytest
import shapely

from changedetect.accuracy.patches import MatchRule, Pieces, by_size, by_type, match, meetings

RULE = MatchRule(0.3, 0.3)


def box(x, y, width, height=None):
    return shapely.box(x, y, x + width, y + (height or width))


def pieces(*shapes, kind=()):
    return Pieces.of(shapes, [shape.area for shape in shapes], kind)


def test_match__one_change_in_two_patches_and_two_changes_in_one():
    truths = pieces(box(0, 0, 10), box(20, 0, 4), box(26, 0, 4))
    patches = pieces(box(0, 0, 4, 10), box(6, 0, 4, 10), box(20, 0, 10, 4))
    found = match(truths, patches, RULE)
    assert found.found.tolist() == [True, True, True]
    assert found.is_true.tolist() == [True, True, True]
    assert found.covered == pytest.approx([0.8, 1, 1])
    assert found.true_share == pytest.approx([1, 1, 0.8])
    assert found.patches_of.tolist() == [2, 1, 1]
    assert found.truths_of.tolist() == [1, 1, 2]
    rows = {row[0][:4]: row[1:] for row in meetings("x", found).rows}
    assert rows == {"true": (0, 2, 1, 2), "chan": (0, 2, 1, 2)}


def test_match__a_blob_that_happens_to_hold_a_change_finds_nothing():
    found = match(pieces(box(5, 5, 2)), pieces(box(0, 0, 20)), RULE)
    assert (found.found.tolist(), found.is_true.tolist()) == ([False], [False])
    assert match(pieces(box(5, 5, 2)), pieces(box(0, 0, 20)), MatchRule(0.01, 0.3)).found.all()


def test_match__overlapping_changes_are_not_counted_twice():
    truths = pieces(box(0, 0, 2, 10), box(0, 0, 2, 10), box(0, 0, 2, 10))
    found = match(truths, pieces(box(0, 0, 10)), RULE)
    assert found.true_share == pytest.approx([0.2])
    assert not found.is_true.any()


def test_match__touching_is_not_meeting_and_nothing_is_no_error():
    assert match(pieces(box(0, 0, 2)), pieces(box(2, 0, 2)), RULE).truths_of.tolist() == [0]
    assert match(pieces(), pieces(box(2, 0, 2)), RULE).is_true.tolist() == [False]
    assert match(pieces(box(2, 0, 2)), pieces(), RULE).found.tolist() == [False]


def test_scores__by_size_with_what_was_not_observed_apart():
    truths = pieces(box(0, 0, 1), box(10, 0, 2), box(20, 0, 2), box(30, 0, 5))
    truths = truths.without(np.array([False, False, True, False]))
    patches = pieces(box(0, 0, 1), box(30, 0, 5), box(50, 0, 2), box(60, 0, 2))
    patches = patches.without(np.array([False, False, False, True]))
    matches = match(truths, patches, RULE)
    rows = {row.label: row for row in by_size(truths, patches, matches, (2, 10), "mu")}
    assert (rows["< 2 mu"].recall.hits, rows["< 2 mu"].recall.n) == (1, 1)
    middle = rows["2-10 mu"]
    assert (middle.recall.hits, middle.recall.n, middle.unobserved) == (0, 1, 1)
    assert (middle.precision.hits, middle.precision.n, middle.unjudged) == (0, 1, 1)
    assert middle.false_per_true is None
    whole = rows["all"]
    assert (whole.recall.hits, whole.recall.n, whole.false_patches) == (2, 3, 1)
    assert whole.false_per_true == pytest.approx(0.5)
    assert rows["all >= 2 mu"].recall.n == 2


def test_scores__by_type_say_how_often_a_found_one_is_called_right():
    truths = pieces(box(0, 0, 2), box(10, 0, 2), box(20, 0, 2), kind=("road", "road", "pond"))
    patches = pieces(box(0, 0, 2), box(10, 0, 2), kind=("road", "pond"))
    rows = {
        score.label: (score, named)
        for score, named in by_type(truths, patches, match(truths, patches, RULE))
    }
    road, named = rows["road"]
    assert (road.recall.hits, road.recall.n, named.hits, named.n) == (2, 2, 1, 2)
    assert (rows["pond"][0].recall.hits, rows["pond"][0].precision.hits) == (0, 1)
    untold = pieces(box(0, 0, 2), box(10, 0, 2))
    matches = match(truths, untold, RULE)
    assert (
        by_type(truths, untold, matches)[1][1].n == 0
    )  # nobody named anything: not wrong, not known


def test_match__does_not_depend_on_order_or_axes():
    rng = np.random.default_rng(2)
    shapes = [box(*rng.integers(0, 60, 2), *rng.integers(1, 12, 2)) for _ in range(60)]
    truths, patches = shapes[:30], shapes[30:]
    base = match(pieces(*truths), pieces(*patches), RULE)
    order = rng.permutation(30)
    other = match(pieces(*[truths[i] for i in order]), pieces(*patches[::-1]), RULE)
    assert np.allclose(base.covered[order], other.covered)
    assert np.allclose(base.true_share[::-1], other.true_share)
    flipped = [shapely.transform(shape, lambda p: p[:, ::-1]) for shape in shapes]
    turned = match(pieces(*flipped[:30]), pieces(*flipped[30:]), RULE)
    assert np.allclose(base.covered, turned.covered)
    assert 0 < base.found.sum() < 30
