"""Change that the same season of an earlier year does not show."""

import math

import numpy as np
import pytest

from changedetect.config.detection import EvidenceSection
from changedetect.schema import EVIDENCE, EVIDENCE_NODATA, check_array
from changedetect.stages.evidence.lastyear import fit_season, measure_season, season_gap_days
from changedetect.stages.evidence.optical import fit_pair, measure_pair
from tests.stages.test_optical_pair import fields, stack_of

CFG = EvidenceSection()
SIZE = 192
FIELD = (slice(24, 48), slice(64, 88))
"""A field that is flooded at this time of the year, every year."""
BUILT = (slice(120, 140), slice(40, 62))


def images(seed=7, built=True):
    """Last month, this month, and this month a year ago; ``(4, y, x)`` each."""
    rng = np.random.default_rng(seed)
    ground = fields(rng, size=SIZE)
    seen = [ground + rng.normal(0, 0.006, ground.shape) for _ in range(3)]
    for one in seen[1:]:
        one[:, *FIELD] = np.array([0.03, 0.04, 0.03, 0.02])[:, None, None]
        one[:, *FIELD] += rng.normal(0, 0.006, (4, 24, 24))
    if built:
        seen[1][:, *BUILT] = 0.62 + rng.normal(0, 0.01, (4, 20, 22))
    return seen


def measured(before, after, past, cfg=CFG):
    now, then = stack_of(before, after), stack_of(past, after)
    years = cfg.between_years()
    models = fit_pair([now], cfg), fit_pair([then], years)
    both = measure_pair(now, models[0], cfg), measure_pair(then, models[1], years)
    model = fit_season([both], *models, cfg)
    return both[0] >= models[0].threshold, measure_season(*both, model), model


def test_season__a_flooded_field_is_season_and_a_building_is_change():
    alone, evidence, model = measured(*images())
    check_array(evidence, EVIDENCE)
    alarm = evidence >= model.threshold
    assert alone[FIELD].mean() > 0.9  # a pair alone can not know
    assert alarm[FIELD].mean() < 0.02
    assert alone[BUILT].mean() > 0.95
    assert alarm[BUILT].mean() > 0.95


def built_over_a_year(this_month, earlier, seed=13, size=288):
    """Images of ground on which so many small sites were built this month, and in the months before."""
    rng = np.random.default_rng(seed)
    ground = fields(rng, size=size)
    past, before, after = (ground + rng.normal(0, 0.006, ground.shape) for _ in range(3))
    corners = [(row, col) for row in range(4, size - 12, 16) for col in range(4, size - 12, 16)]
    chosen = [corners[i] for i in rng.permutation(len(corners))[: this_month + earlier]]
    new = np.zeros((size, size), bool)
    for place, (row, col) in enumerate(chosen):
        site = (slice(row, row + 9), slice(col, col + 9))
        for image in (after, before) if place < earlier else (after,):
            image[:, *site] = 0.55 + rng.normal(0, 0.01, (4, 9, 9))
        new[site] |= place >= earlier
    return (before, after, past), new


@pytest.mark.parametrize("earlier", [0, 200])
def test_season__what_was_built_during_the_year_does_not_make_building_a_season(earlier):
    seen, new = built_over_a_year(16, earlier)
    alone, evidence, model = measured(*seen)
    assert alone[new].mean() > 0.95
    assert (evidence >= model.threshold)[new].mean() > 0.9


def test_season__with_the_rule_of_a_pair_a_year_of_building_would_be_a_season():
    seen, new = built_over_a_year(16, 200)
    now, then = stack_of(*seen[:2]), stack_of(seen[2], seen[1])
    models = [fit_pair([one], CFG) for one in (now, then)]
    both = [measure_pair(one, model, CFG) for one, model in zip((now, then), models, strict=True)]
    model = fit_season([both], *models, CFG)
    assert (measure_season(*both, model) >= model.threshold)[new].mean() < 0.5
    assert model.denied_share > 0.9


def test_season__without_change_the_stated_rate_holds():
    _, evidence, model = measured(*images(seed=11, built=False))
    assert model.false_alarm_rate <= CFG.false_alarm_rate
    assert (evidence >= model.threshold).mean() <= 2 * CFG.false_alarm_rate


def test_season__gains_of_last_year_cost_nothing():
    before, after, past = images(seed=3)
    _, evidence, model = measured(before, after, past)
    gains = np.array([1.2, 0.8, 1.5, 0.6])[:, None, None]
    _, other, again = measured(before, after, past * gains + 0.05)
    same = (evidence >= model.threshold) == (other >= again.threshold)
    assert same.mean() > 0.999


def test_season__not_observed_where_either_is_not():
    before, after, past = images(seed=5)
    past[:, :20] = np.nan
    before[:, :, :10] = np.nan
    _, evidence, _ = measured(before, after, past)
    hidden = evidence == EVIDENCE_NODATA
    assert hidden[:20].all()
    assert hidden[:, :10].all()
    assert not hidden[40:, 40:].any()


def test_season__too_little_in_common_says_nothing():
    stack = stack_of(*images()[:2])
    model = fit_pair([stack], CFG)
    nothing = np.full((40, 40), EVIDENCE_NODATA, np.int16)
    assert fit_season([(nothing, nothing)], model, model, CFG) is None


@pytest.mark.parametrize(
    ("age", "gap"), [(30, math.inf), (182, math.inf), (340, 25.25), (365, 0.25), (760, 29.5)]
)
def test_gap__only_other_years_count(age, gap):
    assert season_gap_days(age) == pytest.approx(gap)
