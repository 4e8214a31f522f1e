"""What tiles tell of borders, kept while the outlines of a grid are chosen."""

import numpy as np

from changedetect import schema
from changedetect.config.detection import PatchesSection
from changedetect.kernels.runs import add_groups
from changedetect.stages.patches.join import Joined
from changedetect.stages.patches.split import NOBODY
from changedetect.stages.patches.sure import judging_channels, new_shares, worth_of


class Told:
    """Sums of the groups of all tiles by which outlines are judged.

    Parameters
    ----------
    cfg
        What makes a patch sure.
    """

    __slots__ = ("_cfg", "_first", "_group", "_groups", "_llr_sum", "_moments")

    def __init__(self, cfg: PatchesSection) -> None:
        self._cfg = cfg
        self._first = judging_channels(cfg)
        self._groups = 0
        self._group: list[np.ndarray] = []
        self._llr_sum: list[np.ndarray] = []
        self._moments: list[np.ndarray] = []

    def add(
        self,
        run_group: np.ndarray,
        llr_sum: np.ndarray,
        moments: np.ndarray,
        asked: np.ndarray | None = None,
    ) -> None:
        """Keep what a tile tells; tiles are added in the order in which their runs are given.

        Parameters
        ----------
        run_group
            ``(run,)`` int64, group of each run.
        llr_sum
            ``(group,)`` int64, sum of quantised evidence.
        moments
            ``(group, channel, 3)`` int64 that begin with the channels of `tile.Bordered`.
        asked
            ``(group,)`` bool; groups that will be asked about, of others nothing is kept. None = all.
        """
        asked = np.ones(len(llr_sum), bool) if asked is None else asked
        number = np.where(asked, np.cumsum(asked) - 1 + self._groups, NOBODY)
        self._group.append(number[run_group])
        self._groups += int(asked.sum())
        if asked.any():  # else the channels are not known, nor needed
            self._llr_sum.append(llr_sum[asked])
            self._moments.append(moments[asked, : self._first])

    def judge(self, joined: Joined, level: int) -> tuple[np.ndarray, np.ndarray]:
        """Tell how sure components of all runs of a level and above are (`split.Judge`)."""
        sums, maxima, moments = no_sums(len(joined.pixels), self._first)
        if self._groups:
            self._put_together()
            target = np.full(self._groups + 1, NOBODY, np.int64)
            target[self._group[0]] = joined.place  # of nobody: into the one at the end
            part = self._llr_sum[0], self._llr_sum[0], self._moments[0]
            add_groups(target[:-1], part, (sums, maxima, moments))
        worth = worth_of(sums, joined.pixels, moments, level, self._cfg)
        return worth, new_shares(moments, level)

    def _put_together(self) -> None:
        """Make one array of those of the tiles."""
        for arrays in (self._group, self._llr_sum, self._moments):
            if len(arrays) > 1:
                arrays[:] = [np.concatenate(arrays)]


def no_sums(groups: int, channels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sum, maximum and moments of groups to which nothing has been added."""
    return (
        np.zeros(groups, np.int64),
        np.full(groups, schema.EVIDENCE_NODATA, np.int64),
        np.zeros((groups, channels, 3), np.int64),
    )
