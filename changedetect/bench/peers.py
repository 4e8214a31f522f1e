"""Other ways of doing the same, written as they are usually written.

Nothing here is used by the job. Each function takes the same files or arrays as ours.
"""

import shutil
import subprocess
import tempfile
from pathlib import Path

import dask
import dask.array as da
import geopandas as gpd
import numpy as np
import rasterio
import rasterio.features
import scipy.stats
import shapely
import shapely.geometry
import xarray as xr
from rasterio.transform import Affine

OTB_MAD = "otbcli_MultivariateAlterationDetector"
CHUNK_PX = 1024


def numpy_cva(before: np.ndarray, after: np.ndarray) -> np.ndarray:
    """Change vector analysis on whole arrays: length of the difference of standardised bands.

    Parameters
    ----------
    before, after
        ``(band, y, x)``.

    Returns
    -------
    ndarray
        ``(y, x)`` float64.
    """
    images = []
    for image in (before, after):
        values = image.astype(np.float64)
        mean = values.mean(axis=(1, 2), keepdims=True)
        images.append((values - mean) / values.std(axis=(1, 2), keepdims=True))
    return np.asarray(np.sqrt(((images[1] - images[0]) ** 2).sum(axis=0)))


def numpy_irmad(
    before: np.ndarray, after: np.ndarray, *, steps: int
) -> tuple[np.ndarray, np.ndarray]:
    """Compute the iteratively reweighted MAD on whole arrays.

    Nielsen (2007), doi:10.1109/TIP.2006.888195, equations 4 to 10.

    Returns
    -------
    tuple of ndarray
        MAD variates ``(band, y, x)`` and canonical correlations ``(band,)``.
    """
    bands = before.shape[0]
    x = before.reshape(bands, -1).astype(np.float64)
    y = after.reshape(bands, -1).astype(np.float64)
    weights = np.ones(x.shape[1])
    both = np.concatenate([x, y])
    mad = np.empty_like(x)
    rho = np.empty(bands)
    for _ in range(steps):
        total = weights.sum()
        mean = (both * weights).sum(axis=1, keepdims=True) / total
        centred = both - mean
        cov = (centred * weights) @ centred.T / total
        a, b, rho = canonical(cov)
        mad = a.T @ centred[:bands] - b.T @ centred[bands:]
        chi = (mad**2 / (2 * (1 - rho))[:, None]).sum(axis=0)
        weights = scipy.stats.chi2.sf(chi, bands)
    return mad.reshape(before.shape), rho


def dask_cva(paths: tuple[Path, Path], workers: int) -> float:
    """Change vector analysis with xarray on dask, as it is usually written; return its mean."""
    with dask.config.set(scheduler="threads", num_workers=workers):
        images = [_lazy(path) for path in paths]
        scaled = [(image - image.mean(("y", "x"))) / image.std(("y", "x")) for image in images]
        score = np.sqrt(((scaled[1] - scaled[0]) ** 2).sum("band")).astype("float32")
        return float(score.mean())


def dask_irmad(paths: tuple[Path, Path], workers: int, *, steps: int) -> np.ndarray:
    """Compute the iteratively reweighted MAD with xarray on dask, as it is usually written.

    Returns
    -------
    ndarray
        Canonical correlations ``(band,)`` of the last step; chi-square is computed, and only its
        mean kept.
    """
    with dask.config.set(scheduler="threads", num_workers=workers):
        both = xr.concat([_lazy(path) for path in paths], "band")
        bands = both.sizes["band"] // 2
        seen = both.notnull().all("band")
        weights, rho, chi = seen.astype("float32"), np.empty(bands), seen
        for _ in range(steps):
            total = weights.sum()
            mean = ((both * weights).sum(("y", "x")) / total).compute()
            centred = (both - mean).fillna(0)
            products = xr.dot(centred * weights, centred.rename(band="other"), dim=("y", "x"))
            a, b, rho = canonical((products / total).values)
            first, second = centred.isel(band=slice(bands)), centred.isel(band=slice(bands, None))
            mad = _turned(a, first) - _turned(b, second)
            chi = (mad**2 / xr.DataArray(2 * (1 - rho), dims="variate")).sum("variate")
            alike = xr.apply_ufunc(
                scipy.stats.chi2.sf, chi, bands, dask="parallelized", output_dtypes=[np.float64]
            )
            weights = alike.where(seen, 0)
        float(chi.where(seen).mean())
        return rho


def _turned(matrix: np.ndarray, image: xr.DataArray) -> xr.DataArray:
    turned: xr.DataArray = xr.dot(xr.DataArray(matrix, dims=("band", "variate")), image, dim="band")
    return turned


def canonical(cov: np.ndarray) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Solve for the canonical variates of a covariance ``(2 * band, 2 * band)``; equations 3 and 4.

    Returns
    -------
    tuple of ndarray
        Coefficients before and after, ``(band, variate)``, and correlations, rising.
    """
    bands = len(cov) // 2
    sxx, syy, sxy = cov[:bands, :bands], cov[bands:, bands:], cov[:bands, bands:]
    root = np.linalg.cholesky(sxx)
    inner = np.linalg.solve(root, sxy @ np.linalg.solve(syy, sxy.T))
    squares, vectors = np.linalg.eigh(np.linalg.solve(root, inner.T))
    rho = np.sqrt(np.clip(squares, 0, 1))
    a = np.linalg.solve(root.T, vectors)
    return a, np.linalg.solve(syy, sxy.T @ a) / rho, rho


def _lazy(path: Path) -> xr.DataArray:
    with rasterio.open(path) as dataset:
        shape = (dataset.count, dataset.height, dataset.width)
        nodata = dataset.nodata

    def block(block_info: dict[object, dict[str, object]] | None = None) -> np.ndarray:
        place = block_info[None]["array-location"]  # type: ignore[index]
        (_, _), (top, bottom), (left, right) = place  # type: ignore[misc]
        with rasterio.open(path) as opened:
            return np.asarray(opened.read(window=((top, bottom), (left, right))))

    chunks = tuple(
        tuple(min(CHUNK_PX, side - first) for first in range(0, side, CHUNK_PX))
        for side in shape[1:]
    )
    values = da.map_blocks(block, chunks=((shape[0],), *chunks), dtype=np.uint16)
    image = xr.DataArray(values, dims=("band", "y", "x"))
    return image.where(image != nodata).astype("float32")


def shapes_to_polygons(mask: np.ndarray, transform: Affine, crs: str) -> gpd.GeoDataFrame:
    """Outline the groups of a mask with rasterio and shapely, over the whole scene."""
    found = rasterio.features.shapes(mask, mask=mask > 0, connectivity=4, transform=transform)
    polygons = [shapely.geometry.shape(geometry) for geometry, _ in found]
    table = gpd.GeoDataFrame(geometry=polygons, crs=crs)
    return table.assign(area_m2=table.area)


def overlay_areas(patches: gpd.GeoDataFrame, parcels: gpd.GeoDataFrame) -> gpd.GeoDataFrame:
    """Intersect patches with parcels by geopandas and measure the pieces."""
    pieces = gpd.overlay(patches, parcels, how="intersection", keep_geom_type=True)
    return pieces.assign(piece_m2=pieces.area)


def numpy_harmonic(days: np.ndarray, values: np.ndarray, fitted: int) -> np.ndarray:
    """Fit a harmonic of five terms by least squares to the first dates and monitor the others.

    Parameters
    ----------
    days
        ``(date,)``. [day]
    values
        ``(date, pixel)`` float64, complete.
    fitted
        How many dates are history.

    Returns
    -------
    ndarray
        ``(pixel,)`` largest length of the running sum of standardised residuals.
    """
    w = 2 * np.pi * days / 365.2425
    design = np.stack([np.ones_like(w), np.cos(w), np.sin(w), np.cos(2 * w), np.sin(2 * w)], axis=1)
    beta = np.linalg.lstsq(design[:fitted], values[:fitted], rcond=None)[0]
    residual = values - design @ beta
    sigma = residual[:fitted].std(axis=0, ddof=5)
    return np.asarray(np.abs(np.cumsum(residual[fitted:], axis=0) / sigma).max(axis=0))


def otb_mad(before: Path, after: Path) -> bool:
    """Run OTB's MultivariateAlterationDetector on two files; False where OTB is absent."""
    program = shutil.which(OTB_MAD)
    if program is None:
        return False
    with tempfile.TemporaryDirectory() as folder:
        out = Path(folder) / "mad.tif"
        command = [program, "-in1", str(before), "-in2", str(after), "-out", str(out), "float"]
        subprocess.run(command, check=True, capture_output=True)  # noqa: S603 - a fixed program
    return True


def absent(python: Path | None = None) -> tuple[str, ...]:
    """Name the peers that are not installed; ``python``: interpreter of `outside`, if there is one."""
    missing = [] if shutil.which(OTB_MAD) else [f"OTB ({OTB_MAD})"]
    return (*missing, *(["nrt", "rioxarray"] if python is None else []))
