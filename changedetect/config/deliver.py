"""Section about what is handed out."""

from pydantic import Field

from changedetect.config.base import Section


class RankingSection(Section):
    """What a mu of a zone weighs when patches are put in the order in which they are read.

    Zones twice is our choice. How well the order does was measured with it (docs/accuracy.md).
    """

    basic_farmland_weight: float = Field(
        2.0, ge=0, description="weight of 永久基本农田; other ground weighs 1"
    )
    red_line_weight: float = Field(2.0, ge=0, description="weight of 生态保护红线")


class DeliverSection(Section):
    """Size classes of the statistics and the look of the pictures."""

    size_limits_mu: tuple[float, ...] = Field(
        (0.5, 2.0, 10.0, 50.0), description="limits between size classes of the statistics [mu]"
    )
    ranking: RankingSection = Field(
        default_factory=RankingSection, description="order in which cases are read"
    )
    stretch_low_percent: float = Field(
        1.0, ge=0, lt=50, description="darkest share that a picture clips [%]"
    )
    stretch_high_percent: float = Field(
        99.0, gt=50, le=100, description="share below which a picture is not clipped [%]"
    )
    stretch_headroom: float = Field(
        1.5,
        ge=1,
        description="a picture's bright end, as a multiple of the darker date's range; clouds on one date clip",
    )
    chip_side_px: int = Field(512, ge=64, description="longest side of a picture [px]")
    chip_least_side_px: int = Field(
        384,
        ge=64,
        description="side of a picture of little ground, if the longest is not shorter [px]",
    )
    chip_least_zoom: float = Field(
        2.0,
        ge=1,
        description="picture pixels for a pixel of ground from which a picture need not be larger",
    )
    chip_margin_frac: float = Field(
        0.6, ge=0, description="ground shown around a patch, as a share of its longer side"
    )
    chip_min_side_m: float = Field(200.0, gt=0, description="shortest side of a picture [m]")
    thumbnail_px: int = Field(96, ge=16, description="side of a picture in the sheet [px]")
    taking_themes: tuple[str, ...] = Field(
        ("02", "06"), description="themes that speak of taking ground for construction"
    )
    outflow_themes: tuple[str, ...] = Field(
        ("03",), description="themes that speak of cropland that became something else"
    )
    inflow_themes: tuple[str, ...] = Field(("12",), description="themes that verify new cropland")
    ratio_limit: float = Field(
        0.15, gt=0, le=1, description="share of a year's taken cropland from which leaders answer"
    )
    cropland_targets_mu: dict[str, float] = Field(
        default_factory=dict, description="county code -> cropland to be kept [mu]"
    )
    overlay_alpha: int = Field(
        70, ge=0, le=255, description="opacity of unapproved ground on the overlay [0-255]"
    )
