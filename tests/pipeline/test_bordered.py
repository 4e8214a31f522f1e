"""What a tile asks of patches: by the pair that each pixel rests on, and where none saw it."""

import numpy as np
import pytest

from changedetect.config.detection import PatchesSection
from changedetect.pipeline.sources.bordered import Contrast, backed, bordered
from changedetect.stages import patches

CFG = PatchesSection(least_llr=5.0, over_alarm_llr=2.0, least_unseen_llr=4.0)
INDEX = np.array([[0, 0, 1, -1]], np.int16)
ALARM = np.array([[100, 400, 100, 0]], np.int32)
USUAL = Contrast(0, np.ones((2, 1)))


@pytest.mark.parametrize(
    ("known", "expected"),
    [
        # Seen; seen with a high alarm; seen by a pair that tells of no borders; not seen.
        ((USUAL,), [500, 600, patches.MISSING, 400]),
        ((), [patches.MISSING] * 4),
    ],
)
def test_bordered__asks_by_who_saw_the_pixel(known, expected):
    told = bordered(None, (INDEX, ALARM), known, lambda rows, _: rows[None], CFG)
    asked = told.ask(np.zeros(4, np.int64), np.arange(4))
    assert asked.tolist() == expected
    assert told.steps_llr == (CFG.border_steps_llr if known else CFG.split_steps_llr)


def test_bordered__a_very_high_alarm_asks_no_more():
    cfg = CFG.model_copy(update={"most_alarm_llr": 7.0})  # and 2 above it
    alarm = np.full_like(ALARM, 1200)
    told = bordered(None, (INDEX, alarm), (USUAL,), lambda rows, _: rows[None], cfg)
    assert told.ask(np.zeros(1, np.int64), np.zeros(1, np.int64)).tolist() == [900]


def test_backed__others_speak_only_of_ground_that_a_pair_saw():
    alone = bordered(None, (INDEX, ALARM), (USUAL,), lambda rows, _: rows[None], CFG)
    told = backed(alone, INDEX, lambda _, cols: np.array([150, -300, 150, 150])[cols])
    asked = told.ask(np.zeros(4, np.int64), np.arange(4))
    assert asked.tolist() == [350, 900, patches.MISSING, 400]
