"""Which tiles are done, and in which order."""

from collections.abc import Sequence

from changedetect.grid import Grid, Tile

SWATH_TILES = 4
"""Tiles side by side in a swath: two rows of them fit into the store of decoded blocks."""


def in_swaths(tiles: Sequence[Tile]) -> list[Tile]:
    """Order tiles so that neighbours follow one another: down swaths a few tiles wide.

    What halos reach of a tile above is then still decoded when the tile below is read. Results do
    not depend on the order.
    """
    columns = sorted({tile.core.col for tile in tiles})
    swath = {col: place // SWATH_TILES for place, col in enumerate(columns)}
    return sorted(tiles, key=lambda tile: (swath[tile.core.col], tile.core.row, tile.core.col))


def tiles_meeting(
    tiles: Sequence[Tile], grid: Grid, bounds: Sequence[tuple[float, ...]]
) -> list[Tile]:
    """Keep the tiles that meet one of several boxes.

    Parameters
    ----------
    tiles, grid
        The tiles and their grid.
    bounds
        West, south, east, north of each box, in the grid's CRS.
    """
    kept = []
    for tile in tiles:
        west, south, east, north = grid.sub(tile.core).bounds
        if any(w < east and e > west and s < north and n > south for w, s, e, n in bounds):
            kept.append(tile)
    return kept
