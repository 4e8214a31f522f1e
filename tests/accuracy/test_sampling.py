"""Which pixels are drawn: strata, ties, every pixel with the same chance."""

import numpy as np

from changedetect.accuracy.sampling import (
    ALARMED,
    BELOW,
    HIDDEN,
    QUIET,
    STRATA,
    StratumRule,
    draw,
    quiet_levels,
)
from changedetect.schema import EVIDENCE_NODATA

EVIDENCE = np.array([[900, 150, 149, -500], [EVIDENCE_NODATA, 150, -32767, 32767]], np.int16)
MASK = np.array([[1, 0, 0, 0], [255, 0, 0, 1]], np.uint8)


def test_rule__the_most_evidence_without_alarm_is_just_below():
    rule = StratumRule.of(quiet_levels(EVIDENCE, MASK), 0.2)
    assert rule.lowest_below == 150
    names = [[STRATA[code] for code in row] for row in rule.codes(EVIDENCE, MASK)]
    assert names == [[ALARMED, BELOW, QUIET, QUIET], [HIDDEN, BELOW, QUIET, ALARMED]]


def test_draw__without_replacement_all_where_there_are_few_and_by_seed():
    pixels = {QUIET: 1000, ALARMED: 3, BELOW: 0, HIDDEN: 50}
    drawn = draw(pixels, 20, seed=4)
    assert {name: len(ranks) for name, ranks in drawn.items()} == {
        QUIET: 20,
        ALARMED: 3,
        BELOW: 0,
        HIDDEN: 20,
    }
    assert drawn[ALARMED].tolist() == [0, 1, 2]
    assert len(set(drawn[QUIET].tolist())) == 20
    assert np.array_equal(drawn[QUIET], draw(pixels, 20, seed=4)[QUIET])
    assert not np.array_equal(drawn[QUIET], draw(pixels, 20, seed=5)[QUIET])


def test_draw__every_pixel_has_the_same_chance():
    counts = np.zeros(40)
    for seed in range(2000):
        counts[draw({QUIET: 40}, 4, seed)[QUIET]] += 1
    assert counts.sum() == 8000
    assert counts.min() > 140  # 200 expected, standard deviation 13
    assert counts.max() < 260
