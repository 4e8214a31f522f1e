"""A tile that finds its input swapped ends the run; other errors cost that tile only."""

import pytest

from changedetect import tiling
from changedetect.errors import IntegrityError, SceneError
from changedetect.grid import Grid

GRID = Grid("EPSG:4547", (2.0, 0.0, 0.0, 0.0, -2.0, 0.0), 200, 100)


@pytest.mark.parametrize("scheduler", ["threads"])
@pytest.mark.parametrize("error", [IntegrityError, SceneError])
def test_tiling__an_integrity_error_ends_the_run(error, scheduler):
    tiles = list(GRID.tiles(100, 4))
    told = []

    def work(tile):
        if tile is tiles[0]:
            msg = "A.tif: sha256 found, another expected"
            raise error(msg)
        return tile.name

    def do():
        tiling.run_tiles(
            tiles, work, workers=1, scheduler=scheduler, done=lambda _t, result: told.append(result)
        )

    if error is IntegrityError:
        with pytest.raises(IntegrityError, match="sha256 found"):
            do()
    else:
        do()
        assert [type(one) for one in told] == [tiling.TileFailure, str]
