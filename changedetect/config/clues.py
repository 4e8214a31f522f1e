"""Section about clues: limits of law and policy, and what is added up over twelve months."""

from pydantic import Field

from changedetect.config.base import Section


class CluesSection(Section):
    """Limits of the clues, on ground that nobody approved; a province confirms them."""

    public_interest_cropland_mu: float = Field(
        10.0, gt=0, description="公益诉讼: cropland taken by a market subject [mu]"
    )
    public_interest_farmland_mu: float = Field(
        5.0, gt=0, description="公益诉讼: permanent basic farmland taken by one [mu]"
    )
    criminal_farmland_mu: float = Field(
        5.0, gt=0, description="art. 342: permanent basic farmland destroyed [mu]"
    )
    criminal_cropland_mu: float = Field(10.0, gt=0, description="art. 342: other cropland [mu]")
    criminal_forest_mu: float = Field(
        10.0, gt=0, description="art. 342: forest other than special forest [mu]"
    )
    criminal_special_forest_mu: float = Field(
        5.0,
        gt=0,
        description="art. 342: special forest (shelter, special use); a map of land classes does not "
        "tell it, so forest from this size on leaves the clue open [mu]",
    )
    large_mu: float = Field(50.0, gt=0, description="大图斑: unapproved area [mu]")
    very_large_mu: float = Field(100.0, gt=0, description="大图斑 that is named as such [mu]")
    accumulate_days: int = Field(365, ge=1, description="acts within so long are added up [day]")
    site_gap_m: float = Field(
        30.0,
        ge=0,
        description="takings no farther apart, one after another, are one site: a lane or a ditch [m]",
    )
    near_m: float = Field(
        100.0, ge=0, description="sites within this distance of a site are added to it [m]"
    )
    handled_states: tuple[str, ...] = Field(
        ("70", "90", "98", "99"), description="AJZT of cases that are handled, and left out"
    )
    families: tuple[str, ...] = Field(
        ("building", "hard_surface", "earthwork", "road", "photovoltaic", "mining", "pond"),
        description="changes that take or destroy ground",
    )
