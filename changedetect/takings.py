"""What of a case's ground nobody approved, and what it adds up to: clues, never findings."""

from dataclasses import dataclass
from typing import Literal

Clue = Literal["0", "1", "2"]
"""Whether a limit is reached: 0 no, 1 yes, 2 the limit lies inside the band of the area's error."""


@dataclass(frozen=True, slots=True)
class Taking:
    """Ground taken without approval, by what it was; [m²]; None = its layer does not cover.

    ``uncertainty_m2`` is that of the outline (MJWC). ``counted``: of a kind and state that sums take in.
    """

    total_m2: float
    cropland_m2: float
    basic_farmland_m2: float | None
    forest_m2: float
    uncertainty_m2: float
    counted: bool = True


@dataclass(frozen=True, slots=True)
class Clues:
    """Sums of twelve months and the three clues; None = evidence is missing.

    Attributes
    ----------
    accumulated_m2, accumulated_farmland_m2
        LJMJ, LJYN: this taking and those near it that are not yet handled, the pool included. [m²]
    members
        Numbers of other cases in the sum, the first ones: where much of the ground is taken, a sum
        holds thousands.
    public_interest, criminal, large
        XSGY, XS342, XSDA.
    reasons
        In Chinese.
    others
        How many other cases are in the sum; at least as many as are named.
    """

    accumulated_m2: float
    accumulated_farmland_m2: float | None
    members: tuple[str, ...]
    public_interest: Clue | None
    criminal: Clue | None
    large: Clue | None
    reasons: tuple[str, ...] = ()
    others: int = 0
