"""Section about structure: evidence from red, green and blue at very high resolution."""

from pydantic import Field

from changedetect.config.base import Section

EDGE_PX = 2
"""Edges and light are looked at with their neighbours up to this distance. [px]"""


class StructureSection(Section):
    """From a pair of colour pictures to a log-likelihood ratio of built change."""

    max_gsd_m: float = Field(
        2.0,
        gt=0,
        description="pairs of red, green and blue up to this pixel size are compared so [m]",
    )
    dark_quantile: float = Field(
        0.01, ge=0, lt=0.5, description="quantile of a band that is taken for black"
    )
    bright_quantile: float = Field(
        0.99, gt=0.5, le=1, description="quantile of a band that is taken for white"
    )
    likeness_radius_px: int = Field(12, ge=1, description="window in which edges are compared [px]")
    search_px: int = Field(2, ge=0, description="shift that is forgiven within a window [px]")
    stranger_px: int = Field(
        48,
        ge=8,
        description="places this far apart show how alike unrelated ground is; a multiple of 8, so "
        "that the blocks of JPEG lie on one another there too [px]",
    )
    same_alpha: float = Field(
        3.0, gt=0, description="Beta shape of the likeness of the same ground, towards unlike"
    )
    same_beta: float = Field(
        0.4, gt=0, description="Beta shape of the likeness of the same ground, towards alike"
    )
    likeness_weight: float = Field(
        1.0, gt=0, le=1, description="weight of the likeness against the built index"
    )
    anchor_rank: float = Field(
        0.98, gt=0.5, lt=1, description="ground more alike than this share of strangers is the same"
    )
    anchor_prior_px: int = Field(
        300, ge=1, description="anchors from which the pair outweighs the frozen scales [px]"
    )
    colour_radius_px: int = Field(3, ge=0, description="window of colour and light [px]")
    angle_radius_px: int = Field(10, ge=1, description="window of right angles [px]")
    colour_scale: float = Field(
        0.05, gt=0, description="usual difference of ln(blue/green) on unchanged ground"
    )
    light_scale: float = Field(
        0.07, gt=0, description="usual difference of the root of light on unchanged ground"
    )
    angle_scale: float = Field(
        0.55, gt=0, description="usual difference of ln(right angles) on unchanged ground"
    )
    guide_radius_px: int = Field(
        6, ge=0, description="radius of the guided filter over the built index [px]"
    )
    guide_softness: float = Field(
        0.25, gt=0, description="colours nearer than this are smoothed together [share of white]"
    )
    least_radius_px: int = Field(
        2, ge=0, description="what is narrower than a square of this radius is no building [px]"
    )
    gain_scale: float = Field(
        0.7, gt=0, description="usual difference of the built index, where anchors are too few"
    )
    max_gain_scale: float = Field(
        1.05, gt=0, description="the pair's own usual difference counts up to this"
    )
    tail_quantile: float = Field(
        0.99, gt=0.5, lt=1, description="quantile of the anchors' difference that sets its scale"
    )
    gain_cap: float = Field(
        10.0, gt=1, description="differences beyond this many usual ones count as this many"
    )
    false_alarm_rate: float = Field(5e-4, gt=0, lt=1, description="stated pixel false-alarm rate")
    max_false_alarm_rate: float = Field(
        0.2, gt=0, lt=1, description="highest rate, reached only where nearly all has changed"
    )
    false_discovery_share: float = Field(
        0.1, ge=0, lt=1, description="false share of alarms up to which the rate may rise"
    )

    @property
    def reach_px(self) -> int:
        """How far evidence of a pixel looks. [px]"""
        likeness = self.likeness_radius_px + self.search_px
        cues = max(self.angle_radius_px, self.colour_radius_px) + 2 * self.guide_radius_px
        return max(likeness, cues) + EDGE_PX + 2 * self.least_radius_px
