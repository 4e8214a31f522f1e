"""What is asked of ground that no pair saw: less of several sources together than of one alone."""

from datetime import date
from pathlib import Path
from types import SimpleNamespace

import numpy as np

from changedetect.config.series import FusionSection
from changedetect.grid import CoarseGrid, Grid
from changedetect.pipeline.sources.fusedwork import FusedWork
from changedetect.pipeline.sources.sourcework import CoarseLayer
from changedetect.schema import EVIDENCE_NODATA
from changedetect.stages.evidence import fusion

GRID = Grid("EPSG:4547", (2.0, 0.0, 500_000.0, 0.0, -2.0, 3_000_000.0), 4, 4)
OF_THE_PAIR = 777


def asked(said):
    """Ask of pixels by what the series and radar say there (None = not observed) and a pair observed."""
    layers = tuple(
        CoarseLayer(name, CoarseGrid.under(GRID, 2.0), Path(), (), None, alone, together)
        for name, alone, together in (("series", 360, 200), ("radar", 205, 205))
    )
    pairs = SimpleNamespace(settings=SimpleNamespace(patches=None))
    work = FusedWork(pairs, layers, FusionSection(), date(2025, 6, 30))
    stack = np.full((len(fusion.SOURCES), 1, len(said)), EVIDENCE_NODATA, np.int16)
    optical = np.full((1, len(said)), EVIDENCE_NODATA, np.int16)
    for place, (pair, series, radar) in enumerate(said):
        optical[0, place] = 0 if pair else EVIDENCE_NODATA
        for name, value in (("series", series), ("radar", radar)):
            if value is not None:
                stack[fusion.SOURCES.index(name), 0, place] = value
    seen = SimpleNamespace(
        evidence=optical, least=lambda _: np.full(optical.shape, OF_THE_PAIR, np.int32)
    )
    return work._threshold(seen, SimpleNamespace(said=stack))[0].tolist()


def test_alone_each_asks_for_its_own_alarm__together_for_the_higher_of_what_sums_need():
    series, radar, both, neither = (
        (False, 0, None),
        (False, None, 0),
        (False, 0, 0),
        (False, None, None),
    )
    assert asked([series, radar, both, neither]) == [360, 205, 205, 1]


def test_a_pair_asks_for_itself__whatever_the_others_saw():
    assert asked([(True, 0, None), (True, 0, 0), (True, None, None)]) == [OF_THE_PAIR] * 3
