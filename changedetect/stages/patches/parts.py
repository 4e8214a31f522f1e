"""Results of tiles that are read each time they are asked for, so that memory holds one of them."""

from collections.abc import Callable, Sequence
from dataclasses import dataclass
from typing import overload

from changedetect.stages.patches.tile import TileRuns


@dataclass(frozen=True, slots=True)
class Parts(Sequence[TileRuns]):
    """A list of results of tiles; what it gives is not kept.

    Attributes
    ----------
    makers
        One for each result; it gives the same each time it is called.
    """

    makers: tuple[Callable[[], TileRuns], ...]

    def __len__(self) -> int:
        """Count the results."""
        return len(self.makers)

    @overload
    def __getitem__(self, place: int) -> TileRuns: ...
    @overload
    def __getitem__(self, place: slice) -> "Parts": ...
    def __getitem__(self, place: int | slice) -> "TileRuns | Parts":
        """Make one result, or list some of them."""
        made = self.makers[place]
        return Parts(made) if isinstance(made, tuple) else made()
