"""From what a truth file holds to labels: which values mean changed, which unchanged."""

import re
from collections.abc import Sequence
from dataclasses import dataclass

import numpy as np

from changedetect.accuracy.pixels import UNLABELLED
from changedetect.errors import ConfigError
from changedetect.schema import CHANGED, UNCHANGED

_RANGE = re.compile(r"(-?\d+(?:\.\d+)?)(?:\s*-\s*(-?\d+(?:\.\d+)?))?")


@dataclass(frozen=True, slots=True)
class Mapping:
    """Which values mean what.

    Attributes
    ----------
    changed, unchanged
        Closed ranges of values; a value in neither is unlabelled.
    """

    changed: tuple[tuple[float, float], ...]
    unchanged: tuple[tuple[float, float], ...]

    @classmethod
    def of(cls, changed: Sequence[str], unchanged: Sequence[str]) -> "Mapping":
        """Read values as people write them.

        Raises
        ------
        ConfigError
            No number or range, or a value that means both.

        Examples
        --------
        >>> Mapping.of(["128-255"], ["0", "1"]).label(np.array([0, 1, 90, 200])).tolist()
        [0, 0, 255, 1]
        """
        mapping = cls(_ranges(changed), _ranges(unchanged))
        both = [
            (one, other)
            for one in mapping.changed
            for other in mapping.unchanged
            if one[0] <= other[1] and other[0] <= one[1]
        ]
        if both:
            msg = f"truth values {changed} (changed) and {unchanged} (unchanged) overlap"
            raise ConfigError(msg)
        return mapping

    def label(self, values: np.ndarray) -> np.ndarray:
        """Return labels, uint8 of the same shape."""
        labels = np.full(values.shape, UNLABELLED, np.uint8)
        for code, ranges in ((UNCHANGED, self.unchanged), (CHANGED, self.changed)):
            for low, high in ranges:
                labels[(values >= low) & (values <= high)] = code
        return labels


def _ranges(texts: Sequence[str]) -> tuple[tuple[float, float], ...]:
    ranges = []
    for text in texts:
        match = _RANGE.fullmatch(text.strip())
        if match is None:
            msg = f"truth value {text!r}: a number or a range like 128-255 was expected"
            raise ConfigError(msg)
        low = float(match[1])
        ranges.append((low, float(match[2]) if match[2] is not None else low))
    return tuple(ranges)


def two_sided(changed: np.ndarray, unchanged: np.ndarray) -> tuple[np.ndarray, int]:
    """Join two masks, one of each label; what neither claims is unlabelled.

    Parameters
    ----------
    changed, unchanged
        bool, of one shape.

    Returns
    -------
    tuple
        Labels (uint8), and how many pixels both claim: those are unlabelled too.
    """
    labels = np.full(changed.shape, UNLABELLED, np.uint8)
    labels[unchanged & ~changed] = UNCHANGED
    labels[changed & ~unchanged] = CHANGED
    return labels, int(np.count_nonzero(changed & unchanged))
