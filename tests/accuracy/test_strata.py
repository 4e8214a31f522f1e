"""Stratified estimators: the paper's example, its equations as a twin, planted maps, honest gaps."""

import math

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from changedetect.accuracy.shares import Share, Z
from changedetect.accuracy.strata import ReferencePoint, Stratum, classic, estimate
from changedetect.errors import LayerError

CLASSES = ("deforestation", "forest gain", "stable forest", "stable non-forest")
COUNTS = ((66, 0, 5, 4), (0, 55, 8, 12), (1, 0, 153, 11), (2, 1, 9, 313))
PIXELS = (200_000, 150_000, 3_200_000, 6_450_000)
"""Table 8 of Olofsson et al. 2014, doi:10.1016/j.rse.2014.02.015; pixels of 30 m."""


def cells(counts, names):
    return {(names[i], names[j]): n for i, row in enumerate(counts) for j, n in enumerate(row)}


def twin(counts, areas):
    """Equations 1 to 11 as they are printed."""
    n, area = np.array(counts, float), np.array(areas, float)
    rows, weight = n.sum(axis=1), area / area.sum()
    p = weight[:, None] * n / rows[:, None]  # eq. 4
    overall = np.trace(p)  # eq. 1
    users = np.diag(n) / rows  # eq. 2
    reach = p.sum(axis=0)  # eq. 9
    producers = np.diag(p) / reach  # eq. 3
    v_overall = np.sum(weight**2 * users * (1 - users) / (rows - 1))  # eq. 5
    v_users = users * (1 - users) / (rows - 1)  # eq. 6
    estimated = (area[:, None] / rows[:, None] * n).sum(axis=0)  # eq. 8
    v_producers = []
    for j in range(len(areas)):  # eq. 7
        own = area[j] ** 2 * (1 - producers[j]) ** 2 * users[j] * (1 - users[j]) / (rows[j] - 1)
        rest = sum(
            area[i] ** 2 * n[i, j] / rows[i] * (1 - n[i, j] / rows[i]) / (rows[i] - 1)
            for i in range(len(areas))
            if i != j
        )
        v_producers.append((own + producers[j] ** 2 * rest) / estimated[j] ** 2)
    v_reach = ((weight[:, None] * p - p**2) / (rows[:, None] - 1)).sum(axis=0)  # eq. 10
    errors = [math.sqrt(v_overall), np.sqrt(v_users), np.sqrt(v_producers), np.sqrt(v_reach)]
    return overall, users, producers, reach * area.sum(), errors, area.sum()


def test_paper__table_8():
    hectares = [pixels * 0.09 for pixels in PIXELS]
    found = classic(cells(COUNTS, CLASSES), dict(zip(CLASSES, hectares, strict=True)))
    area = found.areas["deforestation"]
    # by hand: .02 x 66/75 + .32 x 1/165 + .645 x 2/325 = .0235086 of 900,000 ha
    assert area.value == pytest.approx(21_157.8, abs=0.1)
    assert area.value / 0.09 == pytest.approx(235_086, abs=1)
    assert Z * area.error / 0.09 == pytest.approx(68_418, abs=3)
    assert area.interval == pytest.approx((21_158 - 6_158, 21_158 + 6_158), abs=1)
    assert (found.overall.value, Z * found.overall.error) == pytest.approx((0.947, 0.018), abs=5e-4)
    users = [found.users[name] for name in CLASSES]
    assert [one.value for one in users] == pytest.approx([0.88, 0.73, 0.93, 0.96], abs=5e-3)
    assert [Z * one.error for one in users] == pytest.approx([0.07, 0.10, 0.04, 0.02], abs=5e-3)
    producers = [found.producers[name].value for name in CLASSES]
    assert producers == pytest.approx([0.75, 0.85, 0.93, 0.96], abs=5e-3)
    assert Z * found.producers["deforestation"].error == pytest.approx(0.21, abs=5e-3)


def matrices(size=3):
    row = st.lists(st.integers(1, 40), min_size=size, max_size=size)
    return st.tuples(
        st.lists(row, min_size=size, max_size=size),
        st.lists(st.floats(1, 1e6), min_size=size, max_size=size),
    )


@given(matrices())
def test_estimates__are_the_equations_of_the_paper(drawn):
    counts, areas = drawn
    names = ("a", "b", "c")
    found = classic(cells(counts, names), dict(zip(names, areas, strict=True)))
    overall, users, producers, reach, errors, total = twin(counts, areas)
    assert (found.overall.value, found.overall.error) == pytest.approx((overall, errors[0]))
    for place, name in enumerate(names):
        for one, value, error in (
            (found.users[name], users[place], errors[1][place]),
            (found.producers[name], producers[place], errors[2][place]),
            (found.areas[name], reach[place], errors[3][place] * total),
        ):
            assert (one.value, one.error) == pytest.approx((value, error), rel=1e-6)


def test_order_of_points__does_not_matter():
    points = [ReferencePoint("a", "a", "ab"[i % 3 == 0]) for i in range(9)]
    points += [ReferencePoint("b", "b", "b")] * 5
    strata = [Stratum("a", "a", 3.0), Stratum("b", "b", 7.0)]
    one, other = estimate(points, strata), estimate(points[::-1], strata[::-1])
    assert one.overall.value == pytest.approx(other.overall.value)
    assert one.overall.error == pytest.approx(other.overall.error)


def planted(rng, n):
    """A map of four strata with rare omissions just below the threshold, and a sample of it."""
    sizes = {"changed": 2_000, "just_below": 3_000, "unchanged": 94_000, "not_observed": 1_000}
    shares = {"changed": 0.8, "just_below": 0.1, "unchanged": 0.001, "not_observed": 0.02}
    mapped = {"changed": "changed", "just_below": "unchanged", "unchanged": "unchanged"}
    points, truth = [], 0.0
    for name, size in sizes.items():
        truth += size * shares[name]
        for hit in rng.random(n) < shares[name]:
            reference = "changed" if hit else "unchanged"
            points.append(ReferencePoint(name, mapped.get(name, "not_observed"), reference))
    strata = [Stratum(name, mapped.get(name, "not_observed"), size) for name, size in sizes.items()]
    return estimate(points, strata), truth


def test_planted_map__intervals_cover_the_truth_about_as_often_as_they_say():
    rng = np.random.default_rng(5)
    covered, known, values, wide = 0, 0, [], 0
    for _ in range(300):
        found, truth = planted(rng, 120)
        area = found.areas["changed"]
        values.append(area.value)
        known += area.interval is not None
        covered += area.interval is not None and area.interval[0] <= truth <= area.interval[1]
        wide += area.interval[0] <= truth <= area.interval[1] + area.unseen
    assert known == 300
    assert wide / known >= 0.93
    assert np.mean(values) == pytest.approx(truth, rel=0.02)
    # a stratum of .94 with a rate of .001 mostly shows no omission: normal intervals fall short there
    assert 0.85 <= covered / known <= 0.99


def test_unsampled_stratum__leaves_open_what_rests_on_it_and_only_that():
    strata = [Stratum("changed", "changed", 10.0), Stratum("unchanged", "unchanged", 90.0)]
    points = [ReferencePoint("changed", "changed", "changed")] * 6
    points += [ReferencePoint("changed", "changed", "unchanged")] * 4
    found = estimate(points, strata)
    assert found.users["changed"].value == pytest.approx(0.6)
    assert found.users["changed"].interval is not None
    for one in (found.overall, found.producers["changed"], found.areas["changed"]):
        assert (one.value, one.error, one.interval) == (None, None, None)
        assert "no point in unchanged" in one.reason
    assert found.proportions is None


def test_one_point__has_no_spread_so_no_interval():
    strata = [Stratum("a", "a", 10.0), Stratum("b", "b", 90.0)]
    points = [ReferencePoint("a", "a", "a"), ReferencePoint("a", "a", "b")]
    points += [ReferencePoint("b", "b", "b")]
    found = estimate(points, strata)
    assert found.overall.value == pytest.approx(0.1 * 0.5 + 0.9)
    assert found.overall.interval is None
    assert "one point only in b" in found.overall.reason
    assert found.users["a"].interval is not None


def test_no_disagreement__is_not_certainty():
    strata = [Stratum("a", "a", 10.0), Stratum("b", "b", 90.0)]
    points = [ReferencePoint("a", "a", "a")] * 20 + [ReferencePoint("b", "b", "b")] * 20
    found = estimate(points, strata)
    assert (found.overall.value, found.overall.interval) == (1.0, None)
    assert (found.areas["a"].value, found.areas["a"].interval) == (10.0, None)
    assert found.users["a"].interval == Share(20, 20).wilson


def test_unseen__is_what_the_rule_of_three_says():
    strata = [Stratum("a", "a", 10.0), Stratum("b", "b", 90.0)]
    points = [ReferencePoint("a", "a", "a")] * 20 + [ReferencePoint("b", "b", "b")] * 100
    found = estimate(points, strata)
    assert found.areas["a"].unseen == pytest.approx(90 * (1 - 0.025 ** (1 / 100)))
    assert found.areas["b"].unseen == pytest.approx(10 * (1 - 0.025 ** (1 / 20)))
    assert found.areas["a"].scaled(2.0).unseen == pytest.approx(2 * found.areas["a"].unseen)


def test_class_without_points__has_no_accuracy():
    strata = [Stratum("a", "a", 10.0)]
    found = estimate([ReferencePoint("a", "a", "b")] * 3, strata)
    assert found.producers["a"].value is None
    assert found.users["b"].value is None
    assert found.users["a"].value == 0.0


def test_given_weights__equal_to_the_derived_ones_change_nothing():
    strata = [Stratum("a", "a", 30.0), Stratum("b", "b", 70.0)]
    bare = [ReferencePoint("a", "a", "ab"[i == 0]) for i in range(6)]
    bare += [ReferencePoint("b", "b", "ba"[i == 0]) for i in range(7)]
    sizes = {"a": 5.0, "b": 10.0}
    given_weights = [
        ReferencePoint(p.stratum, p.mapped, p.reference, sizes[p.stratum]) for p in bare
    ]
    one, other = estimate(bare, strata), estimate(given_weights, strata)
    assert one.areas["a"].value == pytest.approx(other.areas["a"].value)
    assert one.areas["a"].error == pytest.approx(other.areas["a"].error)


@pytest.mark.parametrize(
    ("points", "strata", "said"),
    [
        ([], [Stratum("a", "a", 1.0)], "no interpreted point"),
        ([ReferencePoint("z", "z", "z")], [Stratum("a", "a", 1.0)], "of which no area is known"),
        ([ReferencePoint("a", "a", "a")], [Stratum("a", "a", 0.0)], "positive areas"),
        ([ReferencePoint("a", "a", "a", -1.0)], [Stratum("a", "a", 1.0)], "weight -1"),
    ],
)
def test_what_can_not_be__is_refused(points, strata, said):
    with pytest.raises(LayerError, match=said):
        estimate(points, strata)
