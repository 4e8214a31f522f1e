"""What a reader of a foreign format promises, and what it hands over."""

from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Protocol, runtime_checkable

import geopandas as gpd
import numpy as np

from changedetect.config.job import LayerSection
from changedetect.errors import LayerError

Bounds = tuple[float, float, float, float]
"""West, south, east, north in the layer's own coordinate system."""


@dataclass(frozen=True, slots=True)
class LayerSource:
    """One layer of one file.

    Attributes
    ----------
    path
        The file, or the folder of a FileGDB.
    layer
        Layer inside the file.
    encoding
        For shapefiles, as GDAL names it; None elsewhere.
    sha256
        Of the file, or of all files that make it up.
    """

    path: Path
    layer: str
    encoding: str | None
    sha256: str

    @property
    def place(self) -> str:
        """File and layer, for messages."""
        return f"{self.path}: layer {self.layer}"


@dataclass(frozen=True, slots=True)
class Extent:
    """What can be known of a layer without reading its rows.

    Attributes
    ----------
    rows
        Number of features.
    bounds
        Of all of them; None where that is not known cheaply.
    crs
        As the file tells (any text that PROJ understands); empty where it does not.
    """

    rows: int
    bounds: Bounds | None
    crs: str


@dataclass(frozen=True, slots=True)
class RawLayer:
    """A layer as it stands in its file.

    Attributes
    ----------
    frame
        Columns as named in the file, and geometry; x = east, y = north.
    rows
        ``(row,)`` int64, where each feature stands in the file, from 1: its number, the row of a
        sheet, or the line of a text.
    crs
        As the file tells; empty where it does not.
    total
        Features in the file; more than in the frame where only a part was asked for.
    """

    frame: gpd.GeoDataFrame
    rows: np.ndarray
    crs: str
    total: int


class Reader(Protocol):
    """A foreign format."""

    @property
    def title(self) -> str:
        """Name of the format in messages."""
        ...

    def fits(self, path: Path, start: bytes) -> bool | None:
        """Tell whether a file is of this format.

        Parameters
        ----------
        path
            File or folder.
        start
            Its first bytes; empty for a folder.

        Returns
        -------
        bool or None
            None where the name is of another format; False where name and content disagree.
        """
        ...

    def open(self, path: Path, section: LayerSection) -> LayerSource:
        """Find the layer to read.

        Raises
        ------
        LayerError
            Damaged, several layers and none named, or texts in an encoding nobody declares.
        """
        ...

    def extent(self, source: LayerSource) -> Extent | None:
        """Return what is known without reading; None where all rows have to be read anyway."""
        ...

    def read(
        self, source: LayerSource, section: LayerSection, within: Bounds | None, notes: list[str]
    ) -> RawLayer:
        """Read a layer, or the rows whose box meets another.

        Raises
        ------
        LayerError
            It can not be read; file, row or line, and column are named.
        """
        ...


@runtime_checkable
class PartsReader(Protocol):
    """A foreign format that can be read part by part, so that no layer has to fit into memory."""

    def parts(
        self, source: LayerSource, within: Bounds | None, notes: list[str], rows: int
    ) -> Iterator[RawLayer]:
        """Read a layer, or the rows whose box meets another, so many rows at a time.

        Raises
        ------
        LayerError
            See `Reader.read`.
        """
        ...


def chosen_layer(path: Path, found: list[str], wanted: str | None) -> str:
    """Return the layer that is wanted, or the only one.

    Raises
    ------
    LayerError
        There is no such layer, or several and none is named.
    """
    if wanted is not None and wanted not in found:
        msg = f"{path}: no layer {wanted!r}; it has {', '.join(found) or 'none'}"
        raise LayerError(msg)
    if wanted is None and len(found) != 1:
        msg = (
            f"{path}: {len(found)} layers ({', '.join(found) or 'none'}); name one of them as "
            "layer: of this layer in the job file"
        )
        raise LayerError(msg)
    return wanted or found[0]
