"""Work of a tile for tests of schedulers: light, so that a worker imports it at once."""

import os

from changedetect.errors import SceneError

BAD = "r000010c000020"


def corner(tile):
    return tile.core.row * 100 + tile.core.col, os.getpid()


def corner_or_scene_error(tile):
    if tile.name == BAD:
        msg = f"{tile.name} is cut short"
        raise SceneError(msg)
    return corner(tile)
