"""Sensor profiles: which files belong to a sensor, and how stored numbers become quantities."""

import re
from typing import Literal, Self

from pydantic import Field, model_validator

from changedetect.config.base import Section

Role = Literal["blue", "green", "red", "rededge", "nir", "swir1", "swir2", "vv", "vh", "intensity"]
"""What a band sees; stages ask for roles, never for band numbers."""


class BandProfile(Section):
    """One band of a sensor: ``value = stored * scale + offset``."""

    role: Role = Field(description="what the band sees")
    index: int = Field(ge=1, description="number in the file, from 1; {band} of a file set")
    scale: float = Field(1.0, description="stored number -> reflectance 0-1 or decibel")
    offset: float = Field(0.0, description="added after the scale [reflectance or dB]")


class SensorProfile(Section):
    """What is known of a sensor before a file is opened."""

    name: str = Field(pattern=r"^[a-z][a-z0-9_]*$", description="name; the file's stem")
    kind: Literal["optical", "radar", "rgb"] = Field(description="what its numbers are")
    gsd_m: float = Field(gt=0, description="nominal pixel size on the ground [m]")
    bands: tuple[BandProfile, ...] = Field(min_length=1, description="bands in the order of use")
    dtypes: tuple[str, ...] = Field(min_length=1, description="number types that are accepted")
    nodata: float | None = Field(None, description="stored number that means not observed")
    file_pattern: str = Field(
        description="regular expression on the file name; group date (YYYYMMDD), "
        "optional group time (HHMMSS), optional group band (one file a band)"
    )
    time_tags: tuple[str, ...] = Field(
        (), description="metadata tags that hold the time, the first present wins over the name"
    )
    assumed_time_utc: str = Field(
        "03:00:00",
        pattern=r"^([01]\d|2[0-3]):[0-5]\d:[0-5]\d$",
        description="time of day where only a date is known [UTC]",
    )
    cloud_suffix: str = Field("", description="{stem}{suffix}.tif is the cloud mask beside a file")
    cloud_coding: Literal["mask", "landsat_c1_bqa"] = Field(
        "mask", description="mask = 0 clear, 1 cloud, 2 shadow; or the bits of Landsat BQA"
    )
    cloud_band: str = Field("", description="{band} of the mask in a file set, e.g. QA")
    looks: float | None = Field(None, gt=0, description="equivalent number of looks of radar")

    @model_validator(mode="after")
    def _check(self) -> Self:
        try:
            groups = re.compile(self.file_pattern).groupindex
        except re.error as error:
            msg = f"file_pattern {self.file_pattern!r} is not a regular expression: {error}"
            raise ValueError(msg) from error
        if "date" not in groups and not self.time_tags:
            msg = (
                f"file_pattern {self.file_pattern!r} has no group (?P<date>…) and time_tags is "
                "empty: an image of this sensor would have no date"
            )
            raise ValueError(msg)
        for what, values in (
            ("role", [band.role for band in self.bands]),
            ("index", [band.index for band in self.bands]),
        ):
            if len(set(values)) != len(values):
                msg = f"bands name a {what} twice: {values}"
                raise ValueError(msg)
        return self

    @property
    def is_file_set(self) -> bool:
        """One file a band (Landsat): the pattern has a group ``band``."""
        return "band" in re.compile(self.file_pattern).groupindex
