"""What tiles tell of borders, kept while the outlines of a grid are chosen."""

import numpy as np

from changedetect import schema
from changedetect.config.detection import PatchesSection
from changedetect.kernels.runs import add_groups
from changedetect.stages.patches.join import Joined
from changedetect.stages.patches.sure import NOT_SURE, judging_channels, new_shares, worth_of


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

    def add(self, run_group: np.ndarray, llr_sum: np.ndarray, moments: np.ndarray) -> None:
        """Keep what a tile tells; tiles are added in the order in which their runs are given.

        Parameters
        ----------
        run_group
            ``(run,)`` int64, group of each run.
        llr_sum
            ``(group,)`` int64, sum of quantised evidence.
        moments
            ``(group, channel, 3)`` int64 that begin with the channels of `tile.Bordered`.
        """
        self._group.append(run_group + self._groups)
        self._groups += len(llr_sum)
        if len(llr_sum):  # else the channels are not known, nor needed
            self._llr_sum.append(llr_sum)
            self._moments.append(moments[:, : self._first].copy())

    def judge(self, joined: Joined, level: int) -> tuple[np.ndarray, np.ndarray]:
        """Tell how sure components of all runs of a level and above are (`split.Judge`)."""
        sums, maxima, moments = no_sums(len(joined.pixels), self._first)
        target = np.full(self._groups, -1, np.int64)
        if self._groups:
            self._put_together()
            target[self._group[0]] = joined.place
            part = self._llr_sum[0], self._llr_sum[0], self._moments[0]
            add_groups(target, part, (sums, maxima, moments))
        worth = worth_of(sums, joined.pixels, moments, level, self._cfg)
        return worth, new_shares(moments, level)

    def _put_together(self) -> None:
        """Make one array of those of the tiles."""
        for arrays in (self._group, self._llr_sum, self._moments):
            if len(arrays) > 1:
                arrays[:] = [np.concatenate(arrays)]

    def sure(
        self, llr_sum: np.ndarray, pixels: np.ndarray, moments: np.ndarray, level: int
    ) -> np.ndarray:
        """Tell which groups are sure enough to be patches, ``(group,)`` bool (`sure.worth_of`)."""
        if not len(pixels):
            return np.zeros(0, bool)
        return np.asarray(worth_of(llr_sum, pixels, moments, level, self._cfg) > NOT_SURE)


def no_sums(groups: int, channels: int) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Sum, maximum and moments of groups to which nothing has been added."""
    return (
        np.zeros(groups, np.int64),
        np.full(groups, schema.EVIDENCE_NODATA, np.int64),
        np.zeros((groups, channels, 3), np.int64),
    )
