"""Pictures of the cases of a county: drawn by several threads, written as they come.

What is drawn does not depend on the threads. Only small pictures for the sheet stay in memory.
"""

import hashlib
from collections import deque
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from concurrent.futures import Future, ThreadPoolExecutor
from contextlib import contextmanager
from dataclasses import dataclass
from pathlib import Path

from changedetect.config.deliver import DeliverSection
from changedetect.grid import Grid
from changedetect.io import chips
from changedetect.io.opening import kept_open
from changedetect.io.publish import publish_together
from changedetect.io.rasters import RasterReader
from changedetect.records import Case, Scene, Unit
from changedetect.stages import deliver

COLOURS = ("red", "green", "blue")

_TOGETHER = 32
"""Cases whose pictures one thread draws in a row; their files are published together."""

_STRIP_PX = 512
"""Height of a strip of ground whose pictures are drawn one after the other; blocks of files are alike. [px]"""

_BAND_PX = 3072
"""Width of a band of ground whose strips are drawn from north to south. [px]"""

BLOCKS_MB = 64
"""Decoded blocks that drawing keeps: those that two strips of a band reach in two images of four bands,
uint16. [MB]"""

_AHEAD = 2
"""Shares that are drawn before they can be written, beside one a thread."""

Share = Sequence[tuple[Case, Unit]]
Drawn = tuple[dict[str, bytes], dict[str, str], dict[str, bytes]]
"""Files by relative path, their digests, and small pictures of the overlays."""


@dataclass(frozen=True, slots=True)
class Written:
    """What is left of pictures that were written, by relative path.

    Attributes
    ----------
    small
        Small pictures of the overlays, for the sheet.
    digests
        SHA-256 of every file, as it was read again.
    """

    small: dict[str, bytes]
    digests: dict[str, str]


@dataclass(frozen=True, slots=True)
class Pictures:
    """What the pictures of all counties share.

    Attributes
    ----------
    reader, scenes
        Images of the month.
    grid
        On which they are read.
    section
        Sizes, margins and stretch.
    workers
        Threads that draw.
    """

    reader: RasterReader
    scenes: Mapping[str, Scene]
    grid: Grid
    section: DeliverSection
    workers: int = 1

    @contextmanager
    def coming(self, folder: Path, cases: Share) -> Iterator[Callable[[], Written]]:
        """Do `write` beside the work inside the block; what is given waits for it and returns its result.

        One worker writes before anything else is done.
        """
        with ThreadPoolExecutor(1) as beside:
            done = beside.submit(self.write, folder, cases)
            if self.workers == 1:
                done.result()
            yield done.result

    def write(self, folder: Path, cases: Share) -> Written:
        """Write before, after and overlay of every case into a package."""
        near = self._in_strips(cases)
        shares = [near[first : first + _TOGETHER] for first in range(0, len(near), _TOGETHER)]
        done = Written({}, {})
        for place in {path for case, _ in cases[:1] for path in deliver.chip_paths(case.number)}:
            (folder / place).parent.mkdir(exist_ok=True)
        for files, digests, small in self._drawn(shares):
            publish_together({folder / path: data for path, data in files.items()})
            done.small.update(small)
            done.digests.update(digests)
        self.reader.forget()  # sheet and page come next, then other ground
        return done

    def _in_strips(self, cases: Share) -> Share:
        """Order cases as their ground lies, in bands, strip by strip: a block is decoded for all of them.

        A strip as wide as a large county would have more blocks than are kept.
        """
        left, _, _, top = self.grid.bounds
        band_m, strip_m = (side * self.grid.resolution for side in (_BAND_PX, _STRIP_PX))

        def place(pair: tuple[Case, Unit]) -> tuple[int, int, float, str]:
            west, _, _, north = pair[1].geometry.bounds
            band, strip = (west - left) // band_m, (top - north) // strip_m
            return int(band), int(strip), west, pair[0].number

        return sorted(cases, key=place)

    def _drawn(self, shares: Iterable[Share]) -> Iterator[Drawn]:
        """Draw shares by threads and give them in order; few are under way at a time."""
        waiting: deque[Future[Drawn]] = deque()
        with ThreadPoolExecutor(self.workers) as pool:
            for share in shares:
                waiting.append(pool.submit(self._draw, share))
                if len(waiting) >= self.workers + _AHEAD:
                    yield waiting.popleft().result()
            while waiting:
                yield waiting.popleft().result()

    def _draw(self, share: Share) -> Drawn:
        """Draw the pictures of some cases."""
        files: dict[str, bytes] = {}
        small: dict[str, bytes] = {}
        with kept_open():
            for case, unit in share:
                images = case_images(self.reader, self.scenes, unit, self.grid, self.section)
                side_px = deliver.picture_side_px(images[0].image.shape, self.section)
                drawn = chips.draw_chips(images, side_px)
                paths = deliver.chip_paths(case.number)
                files |= zip(paths, map(chips.jpeg, drawn), strict=True)
                small[paths[-1]] = chips.shrunk(drawn[-1], self.section.thumbnail_px)
        digests = {path: hashlib.sha256(data).hexdigest() for path, data in files.items()}
        return files, digests, small


def _shown_roles(scene: Scene) -> tuple[str, ...]:
    """Return the bands shown as red, green and blue; the first one in grey where there are none."""
    return COLOURS if set(COLOURS) <= set(scene.roles) else (scene.roles[0],) * len(COLOURS)


def case_images(
    reader: RasterReader,
    scenes: Mapping[str, Scene],
    unit: Unit,
    grid: Grid,
    section: DeliverSection,
) -> Sequence[chips.Chip]:
    """Draw the pictures of a unit: before, after, and the overlay."""
    before, after = scenes[unit.before_scene], scenes[unit.after_scene]
    window = deliver.chip_window(unit.geometry, grid, section)
    part = grid.sub(window)
    images = [
        reader.read_chip(scene, grid, window, _shown_roles(scene)) for scene in (before, after)
    ]
    pictures = deliver.stretch_pair(images[0], images[1], section)
    outlines = [chips.Outline(deliver.outline_px(unit.geometry, part).rings, label="图斑")]
    for surface in deliver.overlay_surfaces(unit):
        rings = deliver.outline_px(surface.geometry, part).rings
        outlines.append(
            chips.Outline(rings, surface.colour, 0, section.overlay_alpha, surface.label)
        )
    return chips.case_chips(
        (pictures[0], before.day.isoformat(), before.sensor),
        (pictures[1], after.day.isoformat(), after.sensor),
        outlines,
        grid.resolution,
    )
