"""How pixels lie in a file."""

from dataclasses import dataclass

import numpy as np
from rasterio.enums import MaskFlags
from rasterio.io import DatasetReader

_LEAST_BLOCK_PX, _MOST_BLOCK_PX = 128, 1024
"""Sides of blocks that are kept: smaller ones cost little to decode again, larger ones much room."""

_MOST_BYTES = 2
"""Whole numbers of so many bytes are added up in 32 bits."""


@dataclass(frozen=True, slots=True)
class Layout:
    """How pixels lie in a file; asked of it once, since asking takes as long as reading a small window.

    Attributes
    ----------
    block
        Height and width of its blocks [px], where it is cut into blocks of moderate size, all bands of
        a pixel in one; None where it is not.
    masked
        It has a mask or a transparency band.
    packed
        Its blocks are compressed.
    small
        It holds whole numbers whose sums fit into 32 bits.
    kinds
        Type of the numbers of each band.
    """

    block: tuple[int, int] | None
    masked: bool
    packed: bool
    small: bool
    kinds: tuple[np.dtype, ...]


def layout_of(dataset: DatasetReader) -> Layout:
    """Ask a file how its pixels lie."""
    height, width = dataset.block_shapes[0]
    together = dataset.interleaving is not None and dataset.interleaving.value == "PIXEL"
    in_blocks = (
        together
        and dataset.driver == "GTiff"
        and width < dataset.width
        and min(height, width) >= _LEAST_BLOCK_PX
        and max(height, width) <= _MOST_BLOCK_PX
    )
    kinds = tuple(np.dtype(name) for name in dataset.dtypes)
    return Layout(
        block=(height, width) if in_blocks else None,
        masked=is_masked(dataset),
        packed=dataset.compression is not None,
        small=all(kind.kind in "iu" and kind.itemsize <= _MOST_BYTES for kind in kinds),
        kinds=kinds,
    )


def is_masked(dataset: DatasetReader) -> bool:
    """Whether a file has a mask, or a transparency band."""
    return MaskFlags.per_dataset in dataset.mask_flag_enums[0]
