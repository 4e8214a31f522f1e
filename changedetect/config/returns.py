"""Section about what comes back from counties: limits of reading and of photos."""

from pydantic import Field

from changedetect.config.base import Section


class ReturnsSection(Section):
    """How large a returned file may be, and when a photo or an area is questioned."""

    file_max_mb: float = Field(512, gt=0, description="largest returned file [MB]")
    unpacked_max_mb: float = Field(512, gt=0, description="largest workbook, unpacked [MB]")
    unpacked_max_ratio: float = Field(
        200, gt=1, description="a workbook's part unpacks to at most this many times its size"
    )
    rows_max: int = Field(100_000, ge=1, description="most rows of a layer or sheet")
    columns_max: int = Field(256, ge=1, description="most columns of a layer or sheet")
    text_max_chars: int = Field(10_000, ge=1, description="longest text of a cell [characters]")
    reader_memory_mb: int = Field(3072, ge=256, description="address space of a reader [MB]")
    reader_cpu_s: int = Field(120, ge=1, description="processor time of a reader [s]")
    reader_wall_s: int = Field(300, ge=1, description="time after which a reader is ended [s]")
    photo_max_mb: float = Field(64, gt=0, description="largest photo [MB]")
    photo_max_mpx: float = Field(200, gt=0, description="largest photo [megapixel]")
    photo_distance_m: float = Field(
        100, gt=0, description="a photo taken farther from its patch is questioned (YCBZ 2) [m]"
    )
    photo_same_bits: int = Field(
        6,
        ge=0,
        le=32,
        description="photos whose 64-bit difference hashes differ in at most so many bits are "
        "one picture (YCBZ 5)",
    )
    photo_moire_log10: float = Field(
        3.5,
        gt=0,
        description="a peak of the spectrum this high over its ring is a suspicion that a screen "
        "was photographed (YCBZ 6) [decimal logarithm of power]",
    )
    station_distance_m: float = Field(
        3,
        ge=0,
        description="photos of a case from nearer places and alike bearings are one station (YCBZ 8) [m]",
    )
    station_bearing_deg: float = Field(15, ge=0, le=180, description="alike bearings [degree]")
    utc_offset_h: float = Field(
        8, ge=-12, le=14, description="local time of photos that name no zone, ahead of UTC [h]"
    )
    area_tolerance_mu: float = Field(
        0.01, ge=0, description="areas agree within this (national practice) [mu]"
    )
    outline_tolerance_m2: float = Field(
        1.0, ge=0, description="an outline that differs less from the case's is the same [m²]"
    )
    large_work_mu: float = Field(
        50, gt=0, description="a patch this large is large-scale work (THYY 大面积工程建设) [mu]"
    )
