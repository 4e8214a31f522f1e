"""Sections about the iteratively reweighted multivariate alteration detection (IR-MAD)."""

from pydantic import Field

from changedetect.config.base import Section


class MadSection(Section):
    """IR-MAD of a pair, a second opinion beside its evidence."""

    sample_pixels: int = Field(
        1_000_000, ge=1000, description="sample pixels from which the variates are fitted [px]"
    )
    most_steps: int = Field(50, ge=1, description="fits at most; 1 = MAD, not reweighted")
    tolerance: float = Field(
        0.001, ge=0, description="done when no canonical correlation moves by more"
    )
    robust_start: bool = Field(
        True,
        description="pixels that differ most from the median difference count less from the first fit on",
    )
