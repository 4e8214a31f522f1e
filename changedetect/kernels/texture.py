"""Bands, indices, texture and surroundings at chosen pixels, exact in integers: no tiling changes them.

NaN is not observed and is left out of every window; values are quantised before anything is summed.
The rows around the pixels asked for are quantised once, into a ring of rows that stays in the cache;
windows are summed down columns and then along the row, over the stretch in which pixels are asked for, so
that every innermost loop runs over pixels side by side.
"""

import numpy as np

from changedetect.kernels._jit import kernel, uncounted

NOT_KNOWN = -2147483648
"""Result where nothing was observed (int32's minimum)."""

NEAR_STEP_PX, FAR_STEP_PX = 1, 6
"""Windows are five by five pixels, so far apart. [px]"""

NEAR_PX, FAR_PX = 2 * NEAR_STEP_PX, 2 * FAR_STEP_PX
"""Windows reach so far from their pixel. [px]"""

DERIVED = 7
"""Values beside bands and ratios: brightness, its deviation, its gradient (3), two means around."""

_DEPTH = 2 * FAR_PX + 1
_TAPS = 5
_TOP = 2147483647.0
"""Sums of quantised values are cut here."""

_LIGHT, _ONE, _OTHER = 0, 1, 2
"""Planes of which windows are taken: brightness, and the two bands of the first ratio."""

_SUMS = 9
"""Rows of sums: near count, sum, squares; then count and sum around, of each plane."""


Ring = tuple[np.ndarray, np.ndarray, np.ndarray, np.ndarray]
"""Rows of an image around a pixel: values ``(plane, row, x)`` int32, 0 where not known; known, int32,
1 or 0; whether all of a row is known ``(plane, row)``; and which row of the image each is."""


def new_ring(width: int) -> Ring:
    """Return an empty ring of rows for an image of so many columns; it belongs to that image."""
    wide = width + 2 * FAR_PX
    return (
        np.zeros((3, _DEPTH, wide), np.int32),
        np.zeros((3, _DEPTH, wide), np.int32),
        np.zeros((3, _DEPTH), np.bool_),
        np.full(_DEPTH, -_DEPTH, np.int64),
    )


@uncounted
def _quantise_row(
    bands: np.ndarray,
    chosen: np.ndarray,
    y: int,
    scale: float,
    space: np.ndarray,
    values: np.ndarray,
    known: np.ndarray,
) -> bool:
    """Add up quantised bands of a row; 0 where one is NaN. Tell whether all pixels are known."""
    space[:] = 0.0
    for c in chosen:
        if c >= 0:
            line = bands[c, y]
            for x in range(len(space)):
                space[x] += np.rint(np.float64(line[x]) * scale)
    seen = np.int32(0)
    for x in range(len(space)):
        value = min(max(space[x], -_TOP), _TOP)
        missing = np.isnan(space[x])
        values[x] = np.int32(0.0 if missing else value)
        known[x] = np.int32(0) if missing else np.int32(1)
        seen += known[x]
    return bool(seen == len(space))


@uncounted
def _fill(
    bands: np.ndarray,
    planes: np.ndarray,
    y: int,
    scale: float,
    space: np.ndarray,
    ring: Ring,
) -> None:
    """See to it that the rows around a row are in the ring."""
    values, known, whole, rows = ring
    height, width = bands.shape[1], bands.shape[2]
    for row in range(y - FAR_PX, y + FAR_PX + 1):
        slot = row % _DEPTH
        if rows[slot] == row:
            continue
        rows[slot] = row
        for p in range(len(planes)):
            if 0 <= row < height and planes[p, 0] >= 0:
                own = values[p, slot, FAR_PX : FAR_PX + width]
                seen = known[p, slot, FAR_PX : FAR_PX + width]
                whole[p, slot] = _quantise_row(bands, planes[p], row, scale, space, own, seen)
            else:
                values[p, slot, :] = np.int32(0)
                known[p, slot, :] = np.int32(0)
                whole[p, slot] = False


@uncounted
def _down(ring: np.ndarray, y: int, step: int, first: int, out: np.ndarray) -> None:
    """Add up five rows of the ring, a step apart, from a column on."""
    last = first + len(out)
    a, b = ring[(y - 2 * step) % _DEPTH, first:last], ring[(y - step) % _DEPTH, first:last]
    c, d = ring[y % _DEPTH, first:last], ring[(y + step) % _DEPTH, first:last]
    e = ring[(y + 2 * step) % _DEPTH, first:last]
    for x in range(len(out)):
        out[x] = np.int64(a[x]) + np.int64(b[x]) + np.int64(c[x]) + np.int64(d[x]) + np.int64(e[x])


@uncounted
def _down_squares(ring: np.ndarray, y: int, step: int, first: int, out: np.ndarray) -> None:
    """Add up the squares of five rows of the ring."""
    last = first + len(out)
    out[:] = 0
    for tap in range(_TAPS):
        line = ring[(y + (tap - 2) * step) % _DEPTH, first:last]
        for x in range(len(out)):
            out[x] += np.int64(line[x]) * np.int64(line[x])


@uncounted
def _along(column: np.ndarray, step: int, out: np.ndarray) -> None:
    """Add up five sums of columns, a step apart."""
    n = len(out)
    a, b, c = column[:n], column[step : step + n], column[2 * step : 2 * step + n]
    d, e = column[3 * step : 3 * step + n], column[4 * step : 4 * step + n]
    for x in range(n):
        out[x] = a[x] + b[x] + c[x] + d[x] + e[x]


@uncounted
def _count(
    ring: Ring,
    plane: int,
    place: tuple[int, int, int],
    column: np.ndarray,
    out: np.ndarray,
) -> None:
    """Count the known pixels of windows; ``place``: row, step, first column of the ring."""
    y, step, first = place
    width = ring[0].shape[2]
    full = first >= FAR_PX and first + len(column) <= width - FAR_PX
    for tap in range(_TAPS):
        full = full and ring[2][plane, (y + (tap - 2) * step) % _DEPTH]
    if full:
        out[:] = _TAPS * _TAPS
        return
    _down(ring[1][plane], y, step, first, column)
    _along(column, step, out)


@uncounted
def _row_sums(
    ring: Ring,
    planes: np.ndarray,
    y: int,
    span: tuple[int, int],
    column: np.ndarray,
    sums: np.ndarray,
) -> None:
    """Sum up the windows of a row from a column to another; ``sums`` ``(9, columns)``."""
    first, n = span[0] + FAR_PX, span[1] - span[0]
    near, far = column[: n + 2 * NEAR_PX], column[: n + 2 * FAR_PX]
    values = ring[0]
    if planes[_LIGHT, 0] >= 0:
        place = y, NEAR_STEP_PX, first - NEAR_PX
        _count(ring, _LIGHT, place, near, sums[0, :n])
        _down(values[_LIGHT], y, NEAR_STEP_PX, place[2], near)
        _along(near, NEAR_STEP_PX, sums[1, :n])
        _down_squares(values[_LIGHT], y, NEAR_STEP_PX, place[2], near)
        _along(near, NEAR_STEP_PX, sums[2, :n])
    for p in range(len(planes)):
        if planes[p, 0] >= 0:
            place = y, FAR_STEP_PX, first - FAR_PX
            _count(ring, p, place, far, sums[3 + 2 * p, :n])
            _down(values[p], y, FAR_STEP_PX, place[2], far)
            _along(far, FAR_STEP_PX, sums[4 + 2 * p, :n])


@uncounted
def _bands(
    bands: np.ndarray,
    roles: np.ndarray,
    place: tuple[int, np.ndarray],
    scale: float,
    out: np.ndarray,
) -> None:
    """Quantise the bands of pixels of a row; ``out`` ``(r, n)``, as below."""
    y, cols = place
    for r in range(len(roles)):
        target = out[r]
        if roles[r] < 0:
            target[:] = NOT_KNOWN
            continue
        line = bands[roles[r], y]
        for i in range(len(cols)):
            value = np.float64(line[cols[i]])
            rounded = np.int32(np.rint(value * scale))
            target[i] = rounded if np.isfinite(value) else np.int32(NOT_KNOWN)


@uncounted
def _ratio(one: np.ndarray, other: np.ndarray, scale: float, out: np.ndarray) -> None:
    """Set (a - b) / (a + b) of quantised values, quantised; negative ones count as 0."""
    for i in range(len(out)):
        a, b = np.float64(max(one[i], np.int32(0))), np.float64(max(other[i], np.int32(0)))
        total = a + b
        found = np.int32(np.rint(scale * (a - b) / max(total, 1.0)))
        known = (one[i] != NOT_KNOWN) & (other[i] != NOT_KNOWN) & (total > 0.0)
        out[i] = found if known else np.int32(NOT_KNOWN)


@uncounted
def _mean(
    count: np.ndarray, total: np.ndarray, bands: int, place: tuple[int, np.ndarray], out: np.ndarray
) -> None:
    """Mean of windows of ``bands`` bands added up, rounded; ``place``: first column, columns."""
    low, cols = place
    for i in range(len(out)):
        n = count[cols[i] - low]
        mean = np.rint(total[cols[i] - low] / (max(n, 1) * bands))
        out[i] = np.int32(mean) if n > 0 else np.int32(NOT_KNOWN)


@uncounted
def _deviation(
    sums: np.ndarray, bands: int, place: tuple[int, np.ndarray], out: np.ndarray
) -> None:
    """Take the standard deviation of windows, rounded; ``sums``: count, sum, squares."""
    low, cols = place
    for i in range(len(out)):
        x = cols[i] - low
        n, total = sums[0, x], sums[1, x]
        spread = n * sums[2, x] - total * total
        found = np.rint(np.sqrt(np.float64(spread)) / (max(n, 1) * bands))
        out[i] = np.int32(found) if n > 0 else np.int32(NOT_KNOWN)


@uncounted
def _gradient(
    ring: Ring,
    place: tuple[int, np.ndarray],
    size: tuple[int, int],
    bands: int,
    out: np.ndarray,
) -> None:
    """Length and doubled direction of the central difference, ``out`` ``(3, n)``."""
    y, cols = place
    above, below = max(y - 1, 0) % _DEPTH, min(y + 1, size[0] - 1) % _DEPTH
    up, here = ring[0][_LIGHT, above], ring[0][_LIGHT, y % _DEPTH]
    down, known = ring[0][_LIGHT, below], ring[1][_LIGHT]
    for i in range(len(cols)):
        x = cols[i] + FAR_PX
        left, right = max(x - 1, FAR_PX), min(x + 1, size[1] - 1 + FAR_PX)
        across = np.float64(here[right]) - np.float64(here[left])
        along = np.float64(down[x]) - np.float64(up[x])
        length = np.sqrt(across * across + along * along)
        per_band = 1.0 / (max(length, 1.0) * bands)
        own = y % _DEPTH
        seen = known[own, left] & known[own, right] & known[above, x] & known[below, x]
        nothing = np.int32(NOT_KNOWN)
        out[0, i] = np.int32(np.rint(length / bands)) if seen else nothing
        turn = np.int32(np.rint((across * across - along * along) * per_band))
        out[1, i] = turn if seen else nothing
        out[2, i] = np.int32(np.rint(2.0 * across * along * per_band)) if seen else nothing


@uncounted
def _light(
    ring: Ring,
    place: tuple[int, int, np.ndarray],
    size: tuple[int, int],
    bands: int,
    sums: np.ndarray,
    out: np.ndarray,
) -> None:
    """Brightness of pixels, its deviation and gradient, and the mean around; ``out`` ``(6, n)``."""
    y, low, cols = place
    own = y % _DEPTH
    # As `_mean` takes sums: from the first column on, beyond the ring's margin.
    here = ring[0][_LIGHT, own, low + FAR_PX :], ring[1][_LIGHT, own, low + FAR_PX :]
    _mean(here[1], here[0], bands, (low, cols), out[0])
    _deviation(sums, bands, (low, cols), out[1])
    _gradient(ring, (y, cols), size, bands, out[2:5])
    _mean(sums[3], sums[4], bands, (low, cols), out[5])


@kernel
def _planes_of(roles: np.ndarray, ratios: np.ndarray, light: np.ndarray) -> np.ndarray:
    """List the bands of each plane, ``(3, bands)``; -1 = none. A plane that lacks a band has none."""
    planes = np.full((3, max(len(light), 1)), -1, np.int64)
    if len(light) and roles[light].min() >= 0:
        planes[_LIGHT] = roles[light]
    one, other = roles[ratios[0, 0]], roles[ratios[0, 1]]
    if one >= 0 and other >= 0:
        planes[_ONE, 0], planes[_OTHER, 0] = one, other
    return planes


@uncounted
def _stretch(rows: np.ndarray, cols: np.ndarray, k: int) -> tuple[int, int, int]:
    """Return where the pixels of the same row end, and their first and last column."""
    y, low, high = rows[k], cols[k], cols[k]
    while k < len(rows) and rows[k] == y:
        low, high = min(low, cols[k]), max(high, cols[k])
        k += 1
    return k, low, high + 1


@kernel
def describe_pixels(
    bands: np.ndarray,
    chosen: tuple[np.ndarray, np.ndarray, np.ndarray],
    rows: np.ndarray,
    cols: np.ndarray,
    scale: float,
    ring: Ring,
    out: np.ndarray,
) -> None:
    """Describe pixels of one date by their bands, ratios of bands, and what lies around them.

    Parameters
    ----------
    bands
        ``(band, y, x)`` float32; NaN is not observed.
    chosen
        Roles ``(r,)`` int64, the band of each, -1 = absent; ratios ``(k, 2)`` int64, two roles
        each; light ``(l,)`` int64, roles whose mean is the brightness.
    rows, cols
        ``(n,)`` int64, the pixels; fast if those of a row follow one another. [px]
    scale
        Quantum: values are multiplied by it and rounded half to even.
    ring
        From `new_ring`; from call to call the same one for the same image.
    out
        ``(r + k + DERIVED, n)`` int32, is set; `NOT_KNOWN` where a band is absent or was not
        observed. Bands; ratios ``(a - b) / (a + b)``, where negative values count as 0 and two
        zeros have none; brightness; its standard deviation in 5 x 5 px; length of its
        central difference, and that times cosine and sine of twice the direction (at the image's edge the edge
        pixel stands for its neighbour); its mean in 25 x 25 px, every sixth; the first ratio of the
        means there. Windows are cut at the image's edge.
    """
    roles, ratios, light = chosen
    height, width = bands.shape[1], bands.shape[2]
    planes = _planes_of(roles, ratios, light)
    space, column = np.empty(width), np.empty(width + 2 * FAR_PX, np.int64)
    sums = np.zeros((_SUMS, width), np.int64)
    own, at = len(roles), len(roles) + len(ratios)
    around = np.empty((2, len(rows)), np.int32)
    out[at:] = NOT_KNOWN
    k = 0
    while k < len(rows):
        y = rows[k]
        end, low, high = _stretch(rows, cols, k)
        mine = cols[k:end]
        _fill(bands, planes, y, scale, space, ring)
        _row_sums(ring, planes, y, (low, high), column, sums)
        _bands(bands, roles, (y, mine), scale, out[:own, k:end])
        for r in range(len(ratios)):
            one, other = out[ratios[r, 0], k:end], out[ratios[r, 1], k:end]
            _ratio(one, other, scale, out[own + r, k:end])
        if planes[_LIGHT, 0] >= 0:
            place = y, low, mine
            _light(ring, place, (height, width), len(light), sums, out[at : at + 6, k:end])
        if planes[_ONE, 0] >= 0:
            one, other = around[0, : end - k], around[1, : end - k]
            _mean(sums[5], sums[6], 1, (low, mine), one)
            _mean(sums[7], sums[8], 1, (low, mine), other)
            _ratio(one, other, scale, out[at + 6, k:end])
        k = end
