"""What a month of the series says: first each block by its states, then all by what is usual this month.

How far the last clear dates may lie from their forecast is read from pixels of the whole area
(`stages.evidence.recent`), so blocks are gone through twice; the second time is short.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass
from datetime import date
from pathlib import Path

import numpy as np

from changedetect.config.series import FusionSection
from changedetect.grid import Tile
from changedetect.io.tile_files import read_tile, write_tile
from changedetect.stages.evidence import recent, season
from changedetect.stages.evidence.recent import RecentNull, RecentShift
from changedetect.stages.evidence.season import MonthFound
from changedetect.stages.evidence.series import SeriesEvidence

SAMPLE_BLOCKS = 128
"""Blocks from which a month's null is read, at most; they lie evenly among all."""

SAMPLE_PX = 2_000_000
"""Pixels of them, about. [px]"""


def to_arrays(
    found: MonthFound, shift: RecentShift, problems: Sequence[str]
) -> Mapping[str, np.ndarray]:
    """Return what a block keeps between the two passes, by name."""
    told = found.evidence
    return {
        "llr": told.llr,
        "before": told.before_day,
        "after": told.after_day,
        "open": found.open,
        "earlier": found.earlier,
        "length": shift.length,
        "days": shift.days,
        "problems": np.array(problems, dtype=np.str_),
    }


def from_arrays(arrays: Mapping[str, np.ndarray]) -> tuple[MonthFound, RecentShift]:
    """Take back what `to_arrays` kept."""
    told = SeriesEvidence(arrays["llr"], arrays["before"], arrays["after"])
    found = MonthFound(told, arrays["open"], arrays["earlier"])
    return found, RecentShift(arrays["length"], arrays["days"])


def fit_month(folder: Path, blocks: Sequence[Tile], cfg: FusionSection) -> RecentNull:
    """Read what is usual this month from blocks that are done; the same however they were done."""
    chosen = blocks[:: -(-len(blocks) // SAMPLE_BLOCKS) or 1]
    step = -(-sum(tile.core.height * tile.core.width for tile in chosen) // SAMPLE_PX) or 1
    lengths = [np.zeros((cfg.recent_dates, 0), np.float32)]
    for tile in chosen:
        stored = read_tile(folder / f"{tile.name}.npz", names=("length",))
        assert stored is not None
        lengths.append(stored["length"].reshape(cfg.recent_dates, -1)[:, ::step])
    return recent.fit_recent(np.concatenate(lengths, axis=1), cfg)


@dataclass(frozen=True, slots=True)
class MonthWork:
    """The second pass over one block; it can be sent to another process.

    Attributes
    ----------
    states
        Where the first pass left its files.
    folder
        Where blocks leave their evidence.
    null
        Of the month.
    after
        Dates before this one do not speak against change.
    """

    states: Path
    folder: Path
    null: RecentNull
    after: date
    rules: FusionSection

    def __call__(self, tile: Tile) -> tuple[str, ...]:
        """Judge a block and leave its file."""
        stored = read_tile(self.states / f"{tile.name}.npz")
        assert stored is not None
        found, shift = from_arrays(stored)
        says = season.with_recent(found, shift, self.null, self.after, self.rules)
        days = {"before": says.before_day, "after": says.after_day}
        write_tile(self.folder / f"{tile.name}.npz", {"llr": says.llr, **days})
        return ()
