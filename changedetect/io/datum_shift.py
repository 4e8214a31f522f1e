"""Seven parameters from an older datum to CGCS2000, in one explicit PROJ pipeline.

Heights are taken as 0 on the older ellipsoid: a point 100 m up moves by a few
millimetres in plane at the parameters that are usual in China.
"""

from collections.abc import Callable

import numpy as np
from pyproj import CRS, Transformer

from changedetect.config.record_forms import DatumShift
from changedetect.errors import GridError

_CGCS2000 = "+a=6378137 +rf=298.257222101"


def shifter(source: CRS, shift: DatumShift) -> Callable[..., tuple[np.ndarray, np.ndarray]]:
    """Return what carries degrees of an older datum to degrees of CGCS2000.

    Parameters
    ----------
    source
        Any system of the older datum; its ellipsoid counts.
    shift
        The parameters.

    Returns
    -------
    callable
        Longitudes and latitudes -> longitudes and latitudes. [degree]

    Raises
    ------
    GridError
        The system has no ellipsoid.

    References
    ----------
    IOGP 373-7-2, section 4.3.3 (position vector, EPSG 9606) and 4.3.3.2 (coordinate frame, 9607).
    """
    ellipsoid = source.ellipsoid
    if ellipsoid is None:
        msg = f"{source.name} has no ellipsoid; seven parameters need one"
        raise GridError(msg)
    old = f"+a={ellipsoid.semi_major_metre!r} +rf={ellipsoid.inverse_flattening!r}"
    seven = (
        f"+x={shift.dx_m!r} +y={shift.dy_m!r} +z={shift.dz_m!r} +rx={shift.rx_arcsec!r} "
        f"+ry={shift.ry_arcsec!r} +rz={shift.rz_arcsec!r} +s={shift.scale_ppm!r} "
        f"+convention={shift.convention}"
    )
    pipeline = Transformer.from_pipeline(
        "+proj=pipeline +step +proj=unitconvert +xy_in=deg +xy_out=rad "
        f"+step +proj=cart {old} +step +proj=helmert {seven} +step +inv +proj=cart {_CGCS2000} "
        "+step +proj=unitconvert +xy_in=rad +xy_out=deg"
    )

    def move(longitude: np.ndarray, latitude: np.ndarray) -> tuple[np.ndarray, np.ndarray]:
        height = np.zeros_like(longitude)
        x, y, _ = pipeline.transform(longitude, latitude, height)
        return np.asarray(x), np.asarray(y)

    return move
