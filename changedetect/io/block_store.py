"""A table of polygons on disk, in blocks of neighbouring rows: only what lies near is read again.

For one run: written by the program, read by it, deleted with its folder. Blocks are Arrow streams;
the box of each block is kept in memory, so a county costs its own rows and little more.
"""

import io
from collections.abc import Callable, Sequence
from dataclasses import dataclass
from pathlib import Path

import geopandas as gpd
import numpy as np
import pandas as pd
import shapely

from changedetect.errors import ResourceError
from changedetect.io.arrow import pa

BLOCK_ROWS = 1024
"""Rows of a block: about a quarter of a megabyte of parcels. Our choice."""

_ROW, _SHAPE = "row of the table", "shape"

Bounds = tuple[float, float, float, float]
"""West, south, east, north. [m]"""


@dataclass(frozen=True, slots=True)
class _Block:
    """Where a block stands in the file, the box around its rows, and numbers between which theirs lie."""

    offset: int
    length: int
    bounds: Bounds
    numbers: tuple[int, int]


class BlockStore:
    """Rows that are added part by part and read back by place, in the order in which they came.

    Parameters
    ----------
    path
        New file; its folder exists.
    empty
        Table without rows: columns, and the coordinate system.
    """

    __slots__ = ("_blocks", "_dtypes", "_empty", "path", "rows")

    def __init__(self, path: Path, empty: gpd.GeoDataFrame) -> None:
        self.path = path
        self.rows = 0
        self._empty = empty.iloc[:0]
        self._blocks: list[_Block] = []
        self._dtypes: dict[str, np.dtype] = {}
        path.write_bytes(b"")

    @property
    def bounds(self) -> Bounds | None:
        """Box around all rows; None where there are none."""
        if not self._blocks:
            return None
        west, south, east, north = np.array([block.bounds for block in self._blocks]).T
        return float(west.min()), float(south.min()), float(east.max()), float(north.max())

    def add(self, table: gpd.GeoDataFrame) -> None:
        """Add rows; none without a shape.

        Raises
        ------
        ResourceError
            The disk is full.
        """
        if not len(table):
            return
        self._dtypes = self._dtypes or {str(k): v for k, v in table.dtypes.items()}
        between = self.rows, self.rows + len(table)
        numbers = np.arange(*between)
        order = np.argsort(table.geometry.hilbert_distance().to_numpy(), kind="stable")
        plain = pd.DataFrame(table.drop(columns=table.geometry.name)).iloc[order]
        shapes = table.geometry.to_numpy()[order]
        columns = {str(name): _arrow(plain[name]) for name in plain.columns}
        columns |= {_ROW: pa.array(numbers[order]), _SHAPE: pa.array(shapely.to_wkb(shapes))}
        whole, boxes = pa.table(columns), shapely.bounds(shapes)
        try:
            with self.path.open("ab") as stream:
                for first in range(0, len(table), BLOCK_ROWS):
                    data = _packed(whole.slice(first, BLOCK_ROWS))
                    west, south, east, north = boxes[first : first + BLOCK_ROWS].T
                    box = (west.min(), south.min(), east.max(), north.max())
                    self._blocks.append(_Block(stream.tell(), len(data), box, between))
                    stream.write(data)
        except OSError as error:
            msg = f"{self.path}: can not be written ({error.strerror}); is the disk full?"
            raise ResourceError(msg) from error
        self.rows += len(table)

    def clear(self) -> None:
        """Forget all rows."""
        self.rows, self._blocks = 0, []
        self.path.write_bytes(b"")

    def near(self, bounds: Bounds | None = None) -> gpd.GeoDataFrame:
        """Read the rows whose box meets another; None = all.

        Returns
        -------
        GeoDataFrame
            In the order in which rows were added; its index is their number, from 0.
        """
        blocks = [one for one in self._blocks if _meet(np.array([one.bounds]), bounds)[0]]
        return self._read(blocks, lambda _, shapes: _meet(shapely.bounds(shapes), bounds))

    def numbered(self, numbers: np.ndarray) -> gpd.GeoDataFrame:
        """Read the rows that have some numbers, in the order of their numbers, which are the index."""
        wanted = np.unique(numbers)
        blocks = [
            one
            for one in self._blocks
            if np.diff(np.searchsorted(wanted, one.numbers))[0]  # any of them between
        ]
        return self._read(blocks, lambda found, _: np.isin(found, wanted))

    def _read(
        self,
        blocks: Sequence[_Block],
        keep: Callable[[np.ndarray, np.ndarray], np.ndarray],
    ) -> gpd.GeoDataFrame:
        """Read the rows of blocks that are kept, given their numbers and shapes."""
        found = []
        with self.path.open("rb") as stream:
            for block in blocks:
                stream.seek(block.offset)
                part = _unpacked(stream.read(block.length))
                shapes = shapely.from_wkb(part[_SHAPE].to_numpy(zero_copy_only=False))
                mine = keep(part[_ROW].to_numpy(), shapes)
                found.append((part.filter(pa.array(mine)), shapes[mine]))
        if not sum(part.num_rows for part, _ in found):
            return self._empty
        table = pa.concat_tables([part for part, _ in found], promote_options="permissive")
        return self._framed(table, np.concatenate([shapes for _, shapes in found]))

    def _framed(self, table: pa.Table, shapes: np.ndarray) -> gpd.GeoDataFrame:
        numbers = table[_ROW].to_numpy()
        order = np.argsort(numbers)
        geometry = self._empty.geometry.name
        columns: dict[str, object] = {}
        for name, dtype in self._dtypes.items():
            if name == geometry:
                columns[name] = shapes
            elif pd.api.types.is_object_dtype(dtype):
                columns[name] = pd.Series(table[name].to_pylist(), dtype=object)
            else:
                columns[name] = table[name].to_numpy().astype(dtype)
        frame = gpd.GeoDataFrame(columns, geometry=geometry, crs=self._empty.crs).iloc[order]
        return frame.set_index(pd.Index(numbers[order]))


def _arrow(values: pd.Series) -> pa.Array:
    return (
        pa.array(values.tolist())
        if pd.api.types.is_object_dtype(values)
        else pa.array(values.to_numpy())
    )


def _packed(table: pa.Table) -> bytes:
    sink = io.BytesIO()
    with pa.ipc.new_stream(sink, table.schema) as writer:
        writer.write_table(table)
    return sink.getvalue()


def _unpacked(data: bytes) -> pa.Table:
    with pa.ipc.open_stream(data) as reader:
        return reader.read_all()


def _meet(boxes: np.ndarray, bounds: Bounds | None) -> np.ndarray:
    if bounds is None:
        return np.ones(len(boxes), bool)
    west, south, east, north = boxes.T
    return np.asarray(
        (east >= bounds[0]) & (west <= bounds[2]) & (north >= bounds[1]) & (south <= bounds[3])
    )
