"""What must be set before GDAL and PROJ are loaded for the first time in a process.

Imported first by ``changedetect.io``: an inherited ``PROJ_DATA`` of another PROJ version breaks
rasterio, and drivers that follow references (VRT, HTTP, WMS …) would let a file named ``.tif``
read other files or the network.
"""

import os

_INHERITED = ("PROJ_DATA", "PROJ_LIB", "GDAL_DATA", "GDAL_DRIVER_PATH", "OGR_DRIVER_PATH")

_FOLLOWING = (
    "VRT", "GTI", "HTTP", "WMS", "WCS", "WMTS", "DERIVED", "STACIT", "STACTA", "PLMOSAIC",
    "EEDA", "EEDAI", "ESRIC", "MRF", "Zarr", "PDF", "GDALG",
)  # fmt: skip
"""Raster drivers that open other files or sockets because a file says so."""

_FOLLOWING_VECTOR = (
    "OGR_VRT", "WFS", "OAPIF", "OGCAPI", "CSW", "Carto", "AmigoCloud", "Elasticsearch", "NGW",
    "PLSCENES", "ADBC",
)  # fmt: skip
"""Vector drivers that do the same (the skip name of the OGR VRT driver is ``OGR_VRT``)."""

INHERITED_AT_START: tuple[str, ...] = tuple(name for name in _INHERITED if name in os.environ)
"""Variables of other installations that were set when the process started; they are dropped."""

CACHE_MB = 64
"""GDAL's block cache per copy of the library and process; default 5% of memory each. [MB]
Measured: as fast as the default on aligned windows, a fifth of the memory (2-core machine)."""

RASTER_DRIVERS: tuple[str, ...] = ("GTiff", "ENVI", "PNG", "BMP", "JPEG", "JP2OpenJPEG")
"""The only raster drivers with which a file is opened."""


def prepare() -> None:
    """Set the process up; the first import of rasterio or pyogrio must come later.

    Environment variables are the only way to reach every copy of GDAL in the process (rasterio
    and pyogrio carry one each), and they must be there when drivers are registered.
    """
    for name in _INHERITED:
        os.environ.pop(name, None)
    os.environ["GDAL_SKIP"] = ",".join(_FOLLOWING)
    os.environ["OGR_SKIP"] = ",".join(_FOLLOWING_VECTOR)
    os.environ["GDAL_CACHEMAX"] = str(CACHE_MB)
    os.environ["GDAL_PAM_ENABLED"] = "NO"
    # Otherwise GeoPackages are read ahead by threads of GDAL, several parts of a layer in memory.
    os.environ["OGR_GPKG_NUM_THREADS"] = "1"
    os.environ["CPL_VSIL_CURL_ALLOWED_EXTENSIONS"] = "{noext}"
    os.environ["GDAL_HTTP_TIMEOUT"] = "1"


prepare()
