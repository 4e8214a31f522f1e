"""What is kept of a series between months: named arrays of constant size, with a version."""

import math
from collections.abc import Mapping
from dataclasses import dataclass, fields

import numpy as np

from changedetect.errors import IntegrityError

STATE_VERSION = 5
"""Form of the stored state; a state of another version is refused."""

STATE_ARRAYS = (
    "coefficients", "covariance", "noise", "season", "bare", "shift", "usual", "sums", "days", "counts",
    "recent", "recent_days",
)  # fmt: skip

_LINE = 64
"""Arrays of a new state begin at multiples of this, a line of the cache. [bytes]"""


def zeros(
    shapes: Mapping[str, tuple[tuple[int, ...], np.typing.DTypeLike]],
) -> dict[str, np.ndarray]:
    """Return arrays of zeros, side by side in one piece of memory.

    Memory is handed out in pages, and large pieces in large pages: to touch a dozen pieces first
    costs more than to fill them.

    Parameters
    ----------
    shapes
        Shape and type of each array, by name.
    """
    sizes = {
        name: math.prod(shape) * np.dtype(dtype).itemsize for name, (shape, dtype) in shapes.items()
    }
    lines = {name: -(-size // _LINE) * _LINE for name, size in sizes.items()}
    memory = np.zeros(sum(lines.values()) + _LINE, np.uint8)
    at, arrays = -memory.ctypes.data % _LINE, {}
    for name, (shape, dtype) in shapes.items():
        arrays[name] = memory[at : at + sizes[name]].view(dtype).reshape(shape)
        at += lines[name]
    return arrays


@dataclass(frozen=True, slots=True)
class SeriesState:
    """What is kept of the past of a tile: of constant size, however long the past is.

    Attributes
    ----------
    roles
        Band roles that every update brings, in order.
    indices
        Names of the indices that are modelled (see `plan_indices`).
    version
        `STATE_VERSION` of the writer.
    last_day
        Ordinal of the last date absorbed; 0 = none. [day]
    dates
        How many dates were absorbed.
    coefficients
        ``(index, term, y, x)`` float32; harmonic coefficients. [index]
    covariance
        ``(packed, y, x)`` float32; their covariance, upper triangle. [noise variance]
    noise
        ``(packed, y, x)`` float32; covariance of the noise, upper triangle. [index²]
    season
        ``(4, y, x)`` float32; noise variance of each quarter of the year against the whole year's.
    bare
        ``(4, y, x)`` float32; how often each quarter of the year looked bare. [1]
    shift
        ``(index, y, x)`` float32; weighted mean of whitened innovations. [sigma]
    usual
        ``(index, y, x)`` float32; mean of the whitened innovations that left the window. [sigma]
    sums
        ``(4, y, x)`` float32; the loss chart [log-likelihood ratio], the energy of the shift chart
        [sigma²], how near the nearer chart is to its alarm, and how near it was when the last break
        was confirmed. [1 = alarm]
    days
        ``(6, y, x)`` int32 ordinals, 0 = none: first and last clear date of the model, last clear
        date before and first of the deviation under way, last date before and first after the
        last confirmed break. [day]
    counts
        ``(3, y, x)`` int32; clear dates of the model, clear dates of the deviation, innovations
        written to the window since it was emptied.
    recent
        ``(window, index, y, x)`` int8; the last innovations, whitened and cut. [cut length / 127]
    recent_days
        ``(window, y, x)`` uint16; their days. [day since the model's first]
    """

    roles: tuple[str, ...]
    indices: tuple[str, ...]
    version: int
    last_day: int
    dates: int
    coefficients: np.ndarray
    covariance: np.ndarray
    noise: np.ndarray
    season: np.ndarray
    bare: np.ndarray
    shift: np.ndarray
    usual: np.ndarray
    sums: np.ndarray
    days: np.ndarray
    counts: np.ndarray
    recent: np.ndarray
    recent_days: np.ndarray

    @property
    def shape(self) -> tuple[int, int]:
        """Rows and columns."""
        height, width = self.days.shape[1:]
        return height, width

    def arrays(self) -> tuple[np.ndarray, ...]:
        """Return the arrays of pixels, in the order of `STATE_ARRAYS`."""
        return tuple(getattr(self, name) for name in STATE_ARRAYS)

    def copy(self) -> "SeriesState":
        """Return a state with arrays of its own, in C order, writable."""
        own = {name: np.array(getattr(self, name), order="C") for name in STATE_ARRAYS}
        return SeriesState(self.roles, self.indices, self.version, self.last_day, self.dates, **own)

    def to_arrays(self) -> dict[str, np.ndarray]:
        """Return everything as named arrays without Python objects, ready to be stored."""
        named = {field.name: np.asarray(getattr(self, field.name)) for field in fields(self)}
        return named | {
            "roles": np.asarray(self.roles, dtype=np.str_),
            "indices": np.asarray(self.indices, dtype=np.str_),
        }

    @classmethod
    def from_arrays(cls, arrays: Mapping[str, np.ndarray]) -> "SeriesState":
        """Build a state from what `to_arrays` returned.

        Raises
        ------
        IntegrityError
            Arrays are missing, or the state is of another version.
        """
        missing = [field.name for field in fields(cls) if field.name not in arrays]
        if missing:
            msg = f"series state lacks {missing}; the file is cut short or of another kind"
            raise IntegrityError(msg)
        version = int(arrays["version"])
        if version != STATE_VERSION:
            msg = (
                f"series state has version {version}, this software reads {STATE_VERSION}; "
                "build the state again from its scenes"
            )
            raise IntegrityError(msg)
        return cls(
            roles=tuple(map(str, arrays["roles"])),
            indices=tuple(map(str, arrays["indices"])),
            version=version,
            last_day=int(arrays["last_day"]),
            dates=int(arrays["dates"]),
            **{name: np.asarray(arrays[name]) for name in STATE_ARRAYS},
        )
