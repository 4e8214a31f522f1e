"""A generative model of scores stands for months here; the real pipeline is judged in tests/validation."""

import math

import numpy as np
import pytest
import shapely
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import stats

from changedetect.accuracy.patches import MatchRule
from changedetect.accuracy.promise import (
    MISSED,
    Aim,
    State,
    allowed_misses,
    needed,
    on_average,
    plug_in,
    promise,
    recall_ceiling,
    recall_limit,
    spread,
    tail,
)
from changedetect.accuracy.scores import by_patches, by_pixels
from changedetect.accuracy.strata_pool import pooled
from changedetect.errors import ConfigError
from tests.naive import promise as naive

AIM = Aim(0.05, 0.1)
MONTHS = 100
SCORES = st.lists(
    st.one_of(st.just(MISSED), st.integers(0, 20).map(lambda k: k / 20)), min_size=1, max_size=150
)


def test_needed__is_the_published_table():
    """Verified changes needed with 0, 1, 2, 5 misses, by a and d."""
    table = {(0.1, 0.1): (22, 38, 52, 91), (0.05, 0.05): (59, 93, 124, 208), (0.02, 0.05): (149, 236, 313, 523)}  # fmt: skip
    for aim, numbers in table.items():
        assert tuple(needed(k, Aim(*aim)) for k in (0, 1, 2, 5)) == numbers
    assert needed(0, AIM) == 45


def test_aim__refuses_what_is_no_share():
    for wrong in (0.0, 1.0, -0.1, float("nan")):
        with pytest.raises(ConfigError, match="between 0 and 1"):
            Aim(wrong, 0.1)


def test_promise__by_hand():
    """77 changes allow one miss: the second smallest score is the threshold."""
    scores = np.arange(77) / 100
    found = promise(scores, AIM)
    assert (found.state, found.threshold, found.misses, found.allowed) == (State.HELD, 0.01, 1, 1)
    assert found.recall_low >= 0.95
    few = promise(scores[:44], AIM)
    assert (few.state, few.threshold, few.more) == (State.TOO_FEW, None, 1)


def test_promise__a_change_never_alarmed_counts_as_missed():
    scores = np.concatenate([[MISSED], np.ones(75)])
    found = promise(scores, AIM)
    assert found.state is State.TOO_FEW
    assert found.more == needed(1, AIM) - 76 == 1
    assert promise(np.concatenate([scores, [1.0]]), AIM).threshold == 1.0


def test_promise__says_when_no_number_of_changes_helps():
    found = promise(np.concatenate([np.full(30, MISSED), np.ones(70)]), AIM)
    assert found.state is State.CEILING
    assert found.more is None
    assert found.ceiling_high < 0.95
    assert found.on_average is None


def test_promise__of_nothing():
    found = promise(np.zeros(0), AIM)
    assert (found.state, found.n, found.more, found.recall_low) == (State.TOO_FEW, 0, 45, 0.0)


@given(SCORES, st.sampled_from([0.05, 0.1, 0.3]), st.sampled_from([0.05, 0.1, 0.5]))
@settings(max_examples=150)
def test_promise__is_the_naive_twin(scores, alpha, delta):
    found = promise(np.array(scores), Aim(alpha, delta))
    assert found.threshold == naive.threshold(scores, alpha, delta)


@given(SCORES, st.randoms())
@settings(max_examples=60)
def test_promise__order_does_not_matter_and_monotone_scales_carry_over(scores, random):
    mixed = list(scores)
    random.shuffle(mixed)
    aim = Aim(0.1, 0.1)
    found, again = promise(np.array(scores), aim), promise(np.array(mixed), aim)
    assert found == again
    scaled = promise(np.array(scores) * 3 + 1, aim)
    assert (scaled.misses, scaled.state) == (found.misses, found.state)
    if found.threshold is not None:
        assert scaled.threshold == found.threshold * 3 + 1


@given(st.integers(1, 60), st.integers(0, 60), st.sampled_from([0.05, 0.2]))
@settings(max_examples=60)
def test_limits__are_the_tails_turned_round(n, misses, delta):
    misses = min(misses, n)
    low = recall_limit(misses, n, delta)
    if misses < n:
        assert naive.tail(misses, n, 1 - low) == pytest.approx(delta, rel=1e-6)
    high = recall_ceiling(misses, n, delta)
    if misses:
        assert 1 - naive.tail(misses - 1, n, 1 - high) == pytest.approx(delta, rel=1e-6)
    assert tail(misses, n, 0.1) == pytest.approx(naive.tail(misses, n, 0.1))


@given(st.integers(1, 400), st.floats(0.01, 0.4), st.floats(0.01, 0.4))
@settings(max_examples=100)
def test_allowed__and_needed_agree(n, alpha, delta):
    aim = Aim(alpha, delta)
    allowed = allowed_misses(n, aim)
    if allowed >= 0:
        assert needed(allowed, aim) <= n
    assert needed(allowed + 1, aim) > n


def months(seed, n, never=0.01):
    """Draw months of scores: a beta law, a share that is found at no threshold.

    This is a model of scores, not of images.
    """
    rng = np.random.default_rng(seed)
    for _ in range(MONTHS):
        scores = rng.beta(4, 1.5, n)
        scores[rng.random(n) < never] = MISSED
        yield scores


def true_recall(threshold, never=0.01):
    return (1 - never) * float(stats.beta.sf(threshold, 4, 1.5))


@pytest.mark.parametrize("n", [80, 150, 400])
def test_months__the_promise_is_broken_in_ten_of_a_hundred_at_most(n):
    """Score model: 20 times 100 months; the plug-in threshold is the control."""
    broken, abstained, control, average = [], [], [], []
    for seed in range(20):
        found = [(promise(s, AIM), plug_in(s, 0.05), on_average(s, 0.05)) for s in months(seed, n)]
        held = [one.threshold for one, _, _ in found if one.state is State.HELD]
        abstained.append(MONTHS - len(held))
        broken.append(sum(true_recall(t) < 0.95 for t in held))
        control.append(sum(true_recall(t) < 0.95 for _, t, _ in found if t is not None))
        average.append(sum(true_recall(t) < 0.95 for _, _, t in found if t is not None))
    print(
        f"n {n}: of 100 months broken {np.mean(broken):.1f} (most {max(broken)}), no promise "
        f"{np.mean(abstained):.1f}; plug-in {np.mean(control):.1f}, on average {np.mean(average):.1f}"
    )
    # A rate of .1 gives more than ten in a hundred in four of ten trials: so twenty hundreds.
    assert np.mean(broken) <= 10 + 2 * np.sqrt(0.1 * 0.9 * MONTHS / 20)
    assert np.mean(control) > 30


def test_months__too_few_changes_give_no_promise_and_say_how_many_are_missing():
    for scores in months(3, 30):
        found = promise(scores, AIM)
        assert found.state is State.TOO_FEW
        assert found.threshold is None
        assert found.more >= 15


def test_months__a_ceiling_below_the_aim_is_never_promised_away():
    """A tenth of all changes is found at no threshold: a promise would be broken for certain."""
    given_ = [promise(scores, AIM).state for scores in months(4, 300, never=0.1)]
    assert given_.count(State.HELD) == 0
    assert given_.count(State.CEILING) > 50


def test_months__strata_hold_together():
    """Three strata of unlike scores, each at a third of the risk: all hold in 90 of 100 months."""
    rng = np.random.default_rng(11)
    laws = [(4, 1.5), (1.2, 2.0), (8, 1.0)]
    together = broken = 0
    for _ in range(MONTHS):
        for aim in (AIM.shared_by(3), AIM):
            held = [(promise(rng.beta(*law, 150), aim).threshold, law) for law in laws]
            is_broken = any(t is not None and stats.beta.sf(t, *law) < 0.95 for t, law in held)
            together += is_broken and aim is not AIM
            broken += is_broken and aim is AIM
    assert together <= 10
    assert broken > together


def test_shift__breaks_a_promise_that_was_kept():
    """What the shift test is for: the same threshold on scores of another law."""
    scores = next(months(5, 400))
    threshold = promise(scores, AIM).threshold
    assert true_recall(threshold) >= 0.95
    assert stats.beta.sf(threshold, 2, 2) < 0.9


def test_pooled__keeps_every_change_once_and_large_strata_alone():
    keys = [("s", "spring", "pond", ">= 2")] * 50 + [("s", "spring", "pond", "< 2")] * 10
    keys += [("s", "spring", "road", "< 2")] * 30 + [("s", "autumn", "road", "< 2")] * 15
    found = pooled(keys, 45)
    assert sorted(np.concatenate([pool.rows for pool in found]).tolist()) == list(range(105))
    sizes = {pool.name: len(pool.rows) for pool in found}
    assert sizes == {"s/spring/pond/>= 2": 50, "s/*/*/*": 55}


@given(st.lists(st.tuples(*[st.sampled_from("ab")] * 4), max_size=80), st.integers(1, 30))
@settings(max_examples=60)
def test_pooled__any_order_gives_the_same_pools(keys, least):
    found = {pool.key: pool.members for pool in pooled(keys, least)}
    again = {pool.key: pool.members for pool in pooled(keys[::-1], least)}
    assert found == again
    assert sorted({*keys}) == sorted(one for members in found.values() for one in members)


def squares(*corners):
    return np.array([shapely.box(x, y, x + w, y + w) for x, y, w in corners], object)


def test_scores__by_hand():
    """Half of a change under a sure patch, the rest under a doubtful one; one blob, one bare change."""
    rule = MatchRule(0.3, 0.6)
    changes = squares((0, 0, 10), (100, 0, 4), (200, 0, 5))
    patches = np.array(
        [shapely.box(0, 0, 5, 10), shapely.box(5, 0, 10, 10), shapely.box(90, -10, 120, 20)], object
    )
    scores, shares = by_patches(changes, patches, np.array([0.9, 0.4, 1.0]), rule)
    assert scores.tolist() == [0.4, MISSED, MISSED]
    assert shares.tolist() == pytest.approx([1.0, 1.0, 16 / 900])
    half, _ = by_patches(changes, patches, np.array([0.9, 0.4, 1.0]), MatchRule(0.3, 0.5))
    assert half[0] == 0.9


@given(st.integers(0, 10_000))
@settings(max_examples=40)
def test_scores__are_where_the_naive_twin_finds_the_change_last(seed):
    rng = np.random.default_rng(seed)
    cells = [shapely.box(x, y, x + 4, y + 4) for x in range(0, 20, 4) for y in range(0, 8, 4)]
    keep = rng.random(len(cells)) < 0.7
    patches = np.array([c for c, k in zip(cells, keep, strict=True) if k], object)
    values = rng.integers(0, 5, len(patches)) / 4
    x, y, w = rng.uniform(0, 16), rng.uniform(0, 5), rng.uniform(1, 9)
    change, rule = shapely.box(x, y, x + w, y + w), MatchRule(0.3, 0.3)
    (score,), _ = by_patches(np.array([change], object), patches, values, rule)
    limits = sorted({*values.tolist(), 2.0})
    found = [limit for limit in limits if naive.found_at(change, patches, values, limit, rule)]
    assert score == max(found, default=MISSED)


def test_scores__of_pixels_count_the_unseen_as_not_found():
    assert by_pixels(np.array([math.nan, math.nan, 5.0]), 0.3) == 5.0
    assert by_pixels(np.array([math.nan, math.nan, 5.0]), 0.5) == MISSED
    assert by_pixels(np.zeros(0), 0.5) == MISSED


def test_spread__months_of_one_rate_are_rarely_called_unlike():
    rng = np.random.default_rng(6)
    n = np.full(6, 60)
    alike = [spread(rng.binomial(60, 0.2, 6), n) for _ in range(300)]
    assert np.mean(np.array(alike) < 0.05) <= 0.09
    unlike = [spread(rng.binomial(60, rng.beta(2, 8, 6)), n) for _ in range(300)]
    assert np.mean(np.array(unlike) < 0.05) > 0.5
    assert spread(np.zeros(3), np.full(3, 9)) is None
    assert spread(np.array([1]), np.array([5])) is None


def test_spread__clustered_months_break_a_promise_more_often():
    """The limit that docs/accuracy.md states: one calibration of few unlike counties promises too much."""
    rng = np.random.default_rng(7)
    broken = {"alike": 0, "unlike": 0}
    for kind in broken:
        for _ in range(200):
            rates = np.full(6, 0.02) if kind == "alike" else rng.beta(0.4, 19.6, 6)
            scores = np.concatenate(
                [np.where(rng.random(60) < rate, MISSED, rng.random(60)) for rate in rates[:5]]
            )
            found = promise(scores, AIM)
            if found.threshold is not None:
                broken[kind] += (1 - rates[5]) * (1 - found.threshold) < 0.95
    assert broken["alike"] <= 26
    assert broken["unlike"] > broken["alike"]


def test_alike__changes_that_are_alike_count_as_fewer():
    """Two alike are worth one: 90 changes without a miss where 45 were asked; 1 changes nothing."""
    assert needed(0, Aim(0.05, 0.1, 2.0)) == 2 * needed(0, AIM)
    assert Aim(0.05, 0.1, 1.0) == AIM
    scores = np.arange(200) / 200
    plain, alike = promise(scores, Aim(0.2, 0.1)), promise(scores, Aim(0.2, 0.1, 2.0))
    assert alike.misses < plain.misses
    assert alike.threshold < plain.threshold
    assert Aim(0.2, 0.3, 2.0).shared_by(3) == Aim(0.2, 0.3 / 3, 2.0)
    with pytest.raises(ConfigError, match="alike"):
        Aim(0.1, 0.1, 0.5)


@given(st.integers(1, 200), st.integers(0, 60), st.sampled_from([0.05, 0.2, 0.4]))
@settings(max_examples=60)
def test_alike__of_nearly_one_is_the_binomial_tail(n, misses, alpha):
    near = Aim(alpha, 0.1, 1.0 + 1e-9).tail(misses, n)
    assert near == pytest.approx(tail(misses, n, alpha), abs=1e-6)


def test_alike__keeps_the_promise_where_counties_differ():
    """Four counties whose recalls differ (dispersion about 2): by the plain tail broken too often."""
    broken = {1.0: 0, 2.0: 0}
    rng = np.random.default_rng(4)
    for _ in range(1000):
        rates = np.repeat(rng.beta(24, 6, 4), 34)
        scores = np.where(rng.random(len(rates)) < rates, rng.random(len(rates)), MISSED)
        for alike in broken:
            found = promise(scores, Aim(0.3, 0.1, alike))
            if found.threshold is not None:
                broken[alike] += 0.8 * (1 - found.threshold) < 0.7
    assert broken[2.0] / 1000 < 0.1 < broken[1.0] / 1000
