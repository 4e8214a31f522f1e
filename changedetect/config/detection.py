"""Sections about images: grid, scenes, pixels, evidence, patches, classes."""

from pydantic import Field

from changedetect.config.base import Section
from changedetect.config.rare import RareSection
from changedetect.config.structure import StructureSection
from changedetect.config.unseen import UnseenSection


class GridSection(Section):
    """The product grid, on which every image is laid."""

    crs: str = Field(description="coordinate system, EPSG:n; projected, metres")
    resolution_m: float = Field(gt=0, description="pixel size [m]")
    tile_px: int = Field(1024, ge=64, description="side of a tile [px]")


class ScenesSection(Section):
    """Where images are and which of them a month compares."""

    folder: str = Field(description="folder with the images, relative to the job file")
    sensors: tuple[str, ...] = Field(description="sensor profiles to look for")
    pair_sensor: str = Field(description="profile whose images make the pair of a month")
    lookback_days: int = Field(400, gt=0, description="how old the image before may be [day]")
    pairs_per_month: int = Field(
        3,
        ge=1,
        description="how many images before are compared with each image of the month at most; "
        "neighbours that share only a small part are counted apart",
    )
    series_sensor: str = Field(
        "auto",
        description="profile whose images make the time series; auto = the first optical one of "
        "the list that has red and near infrared and is not the pair's; none = no series",
    )
    radar_sensor: str = Field(
        "auto", description="profile of the radar images; auto = the first of the list; none = none"
    )


class PixelsSection(Section):
    """Registration, clouds and radiometry."""

    max_shift_px: float = Field(8.0, gt=0, description="largest shift that is searched [px]")
    refuse_residual_px: float = Field(0.5, gt=0, description="refuse a pair above this [px]")
    sample_block_px: int = Field(256, ge=64, description="largest side of a sample block [px]")
    sample_blocks: int = Field(48, ge=1, description="most sample blocks of a pair")
    alignment_blocks: int = Field(
        16,
        ge=1,
        description="sample blocks that are aligned first; all, if fewer than half can be trusted",
    )
    min_block_share: float = Field(
        0.3, gt=0, le=1, description="share of a block that both images must show to align it"
    )
    min_correlation: float = Field(
        0.15, gt=0, lt=1, description="lower peaks of edge correlation are not trusted"
    )
    min_shift_px: float = Field(
        0.1, ge=0, description="smaller shifts are left alone: resampling costs more [px]"
    )
    shift_step_px: float = Field(0.02, gt=0, le=1, description="resolution of the shift [px]")
    cloud_buffer_px: int = Field(3, ge=0, description="clouds and shadows are grown by this [px]")
    cloud_edge_px: int = Field(
        24, ge=0, description="how far beyond a masked cloud or shadow its edge is looked for [px]"
    )
    cloud_core_px: int = Field(
        2, ge=0, description="parts of a mask thinner than twice this have no edge: roofs [px]"
    )
    cloud_edge_grow_px: int = Field(2, ge=0, description="edges found are grown by this [px]")
    cloud_edge_sigmas: float = Field(
        3.0, gt=0, description="an edge of cloud is brighter than the other date by this [sigma]"
    )
    shadow_edge_sigmas: float = Field(
        1.0, gt=0, description="an edge of shadow is darker than the other date by this [sigma]"
    )
    roof_near_px: int = Field(
        2, ge=1, description="a roof ends, a cloud does not end, within twice this [px]"
    )
    roof_far_px: int = Field(
        6, ge=2, description="how far around the whole step at a rim of the mask is looked for [px]"
    )
    roof_edge_ratio: float = Field(
        0.7, gt=0, le=1, description="a hard edge has this share of the whole step close by"
    )
    roof_window_px: int = Field(
        12, ge=1, description="how far around a masked pixel the mask's rim is looked at [px]"
    )
    roof_rim_share: float = Field(
        0.5, gt=0, lt=1, description="not cloud where more of the rim than this is a hard edge"
    )
    cloud_from_image: bool = Field(
        True, description="look for clouds and their shadows where an image has no mask"
    )
    sky_max_gsd_m: float = Field(
        5.0,
        gt=0,
        description="coarser images need a mask, and keep it as it is: their ground has soft edges too [m]",
    )
    sky_cell_m: float = Field(10.0, gt=0, description="cells in which clouds are looked for [m]")
    sky_levels_sigma: tuple[float, ...] = Field(
        (3.0, 6.0, 12.0), min_length=1, description="levels at which clouds are cut out [sigma]"
    )
    sky_min_sigmas: float = Field(
        9.0, gt=0, description="a cloud is brighter than the other date by this, median [sigma]"
    )
    sky_rest_sigmas: float = Field(
        1.5, gt=0, description="brightness down to which the rest of a cloud is hidden [sigma]"
    )
    sky_edge_share: float = Field(
        0.9, gt=0, description="a cloud keeps this share of its contrast within 3 cells, at most"
    )
    sky_min_ha: float = Field(0.25, gt=0, description="smallest cloud that is looked for [ha]")
    sky_reach_m: float = Field(60.0, gt=0, description="how far the rest of a cloud reaches [m]")
    sky_shadow_score: float = Field(
        0.4, gt=0, lt=1, description="share of displaced clouds that must fall on darker ground"
    )
    sky_shadow_min_m: float = Field(100.0, gt=0, description="nearest shadow of a cloud [m]")
    sky_shadow_max_m: float = Field(6000.0, gt=0, description="farthest shadow of a cloud [m]")
    min_common_pixels: int = Field(
        200, ge=50, description="sample pixels that both images must show [px]"
    )
    radiometry_sample_pixels: int = Field(
        150_000,
        ge=1000,
        description="sample pixels from which gains and usual differences are fitted [px]",
    )
    invariant_share: float = Field(
        0.5, gt=0, le=1, description="share of pixels taken as invariant for radiometry"
    )
    invariant_steps: int = Field(10, ge=1, description="concentration steps of radiometry")


class EvidenceSection(Section):
    """From a comparable stack to a log-likelihood ratio of change."""

    classes: int = Field(24, ge=1, description="kinds of ground before, found from the image")
    class_min_pixels: int = Field(
        400, ge=50, description="kinds with fewer sample pixels join their neighbours [px]"
    )
    class_sample_pixels: int = Field(
        20_000, ge=100, description="sample pixels from which kinds are found [px]"
    )
    class_steps: int = Field(15, ge=1, description="steps of k-means")
    fit_sample_pixels: int = Field(
        150_000, ge=1000, description="sample pixels from which outcomes are fitted [px]"
    )
    outcomes: int = Field(4, ge=1, description="most usual outcomes of a kind of ground")
    min_outcome_share: float = Field(
        0.1, gt=0, lt=1, description="an outcome is usual if this share of a kind had it in a year"
    )
    outcome_min_pixels: int = Field(
        60, ge=20, description="fewest sample pixels of an outcome beside the largest [px]"
    )
    outcome_cell_px: int = Field(
        32, ge=4, description="side of the cells in which an outcome's places are counted [px]"
    )
    outcome_min_places: float = Field(
        6.0,
        ge=1,
        description="an outcome is usual if it lies in so many cells (effective number), so that one "
        "large change is never taken for the season",
    )
    trim_share: float = Field(
        0.1, ge=0, lt=0.5, description="least likely share of a kind, left out of its regression"
    )
    trim_place_ratio: float = Field(
        2.0,
        ge=1,
        description="… or what one or two cells hold, where that is so many times what others do",
    )
    most_trim_share: float = Field(0.4, ge=0, lt=0.5, description="… and no more than this")
    trim_steps: int = Field(3, ge=1, description="steps of the trimmed regression")
    guide_radius_px: int = Field(4, ge=0, description="radius of the guided filter [px]")
    guide_epsilon: float = Field(1.0, gt=0, description="smoothing of the guided filter")
    guide_components: int = Field(6, ge=1, description="principal axes that guide the smoothing")
    false_alarm_rate: float = Field(5e-4, gt=0, lt=1, description="stated pixel false-alarm rate")
    max_false_alarm_rate: float = Field(
        0.05, gt=0, lt=1, description="highest rate, reached only where much has changed"
    )
    false_discovery_share: float = Field(
        0.2, ge=0, lt=1, description="false share of alarms up to which the rate may rise"
    )
    rare_share: float = Field(
        0.01,
        ge=0,
        le=1,
        description="the rate does not rise where less than this share is estimated to have changed",
    )
    min_sample_pixels: int = Field(
        200, ge=50, description="sample pixels that both dates must show [px]"
    )
    min_own_variance: float = Field(
        1e-4, gt=0, lt=1, description="bands with less variance of their own are left out"
    )
    min_noise_variance: float = Field(
        1e-3, gt=0, description="floor of a variate's variance, of scaled bands"
    )
    min_null_scale: float = Field(
        0.08, gt=0, description="least slope of the null's tail, in ln distance"
    )
    wide_scale: float = Field(
        0.5, gt=0, description="slope of the tail of changed ground to begin with, in ln distance"
    )
    least_widening: float = Field(
        2.0, gt=1, description="the tail of changed ground is longer than the null's by this factor"
    )
    null_sample_pixels: int = Field(
        20_000, ge=1000, description="sample distances from which the null's tail is fitted [px]"
    )
    tail_share: float = Field(
        0.35, gt=0, lt=0.5, description="share of the largest distances that fit the null's tail"
    )
    least_tail_rate: float = Field(
        1e-12, gt=0, lt=1, description="rate of the highest threshold, as the null's tail has it"
    )
    null_steps: int = Field(200, ge=1, description="steps of the fit of the null's tail")
    score_cap: float = Field(
        12.0, gt=1, description="distances are capped at this many typical ones before smoothing"
    )
    season_days: int = Field(
        30,
        ge=0,
        description="an image of an earlier year is of the same season if it is off by so much, at "
        "most; 0 = the pair is held against no earlier year [day]",
    )
    season_usual_share: float = Field(
        0.35,
        gt=0,
        lt=0.5,
        description="… and there an outcome is usual if this share of a kind had it: a year of building "
        "is no season",
    )
    season_doubt_share: float = Field(
        0.8,
        gt=0,
        le=1,
        description="… and a month is told of it if that image denies more of the pair's alarms",
    )
    rare: RareSection = Field(
        default_factory=RareSection, description="seldom outcomes, and months of little change"
    )
    structure: StructureSection = Field(
        default_factory=StructureSection,
        description="pairs of very-high-resolution colour pictures",
    )

    @property
    def guide_cell_px(self) -> int:
        """Side of the cells of the guided filter: three of them are its window. [px]"""
        return max(1, round((2 * self.guide_radius_px + 1) / 3))

    def between_years(self) -> "EvidenceSection":
        """Return the settings for images of the same season, a year or more apart.

        Little of a kind of ground looks otherwise then, and much may have been built: what became of a
        part of it is no season, and the regression leaves as much out.
        """
        share = {
            "min_outcome_share": self.season_usual_share,
            "trim_share": self.season_usual_share,
            "rare": self.rare.model_copy(update={"outcome_share": self.season_usual_share}),
        }
        return self.model_copy(update=share)

    @property
    def guide_reach_px(self) -> int:
        """How far the guided filter looks: three cells beyond the pixel's own. [px]"""
        return 4 * self.guide_cell_px - 1


class PatchesSection(Section):
    """From evidence to outlined patches."""

    min_pixels: int = Field(8, ge=1, description="smaller groups are noise, only counted [px]")
    gap_px: int = Field(1, ge=0, description="gaps up to this are closed [px]")
    split_steps_llr: tuple[float, ...] = Field(
        (2.0, 4.0, 6.0), description="steps above the alarm at which a patch may fall apart, rising"
    )
    split_share: float = Field(
        0.6,
        gt=0,
        le=1,
        description="a patch stays whole if one core holds this share of it, where no image tells of "
        "borders",
    )
    border_steps_llr: tuple[float, ...] = Field(
        (1.0, 2.0, 3.0, 5.0),
        description="steps above candidate_llr at which ground is outlined, rising, where images can "
        "tell whether its border is new",
    )
    inner_margin_llr: float = Field(
        4.0,
        ge=0,
        description="an inner outline counts if it is so much surer than the one around it",
    )
    apart_new_share: float = Field(
        0.5,
        ge=0,
        le=1,
        description="several patches are told apart inside ground that would be one, if one of them of "
        "size_from_px and more has so much of its border new, and no less than that ground",
    )
    candidate_llr: float = Field(
        0.0,
        description="changed ground is outlined from this evidence on, where images can tell whether "
        "its border is new; from the pair's alarm on elsewhere",
    )
    new_border_ratio: float = Field(
        2.0, gt=1, description="a border is new if its contrast after is so many times that before"
    )
    old_border_contrast: float = Field(
        1.4,
        gt=0,
        description="… and if its contrast before was at most so many times what is usual in that image",
    )
    new_border_llr: float = Field(
        12.0,
        ge=0,
        description="what a border that is new all around adds to the evidence of a patch",
    )
    doubted_border_px: int = Field(
        8,
        ge=0,
        description="as if so many border pixels more were old: a short border proves little [px]",
    )
    size_llr: float = Field(
        0.5, ge=0, description="what it adds if a patch is e times as large as size_from_px"
    )
    size_from_px: int = Field(55, ge=1, description="patches up to this gain nothing [px]")
    least_llr: float = Field(
        5.8, description="mean evidence of a patch and what border and size add reach this"
    )
    over_alarm_llr: float = Field(
        2.6, description="and this much more than the pair's alarm, which is high if change is rare"
    )
    most_alarm_llr: float = Field(8.2, description="a higher alarm asks no more of a patch")
    least_unseen_llr: float = Field(
        5.0,
        description="mean evidence of a patch that no pair saw and what its size adds reach this, in "
        "months whose pairs tell of borders",
    )
    new_border_max_m: float = Field(
        5.0, gt=0, description="borders are looked at where pixels are at most so large [m]"
    )

    @property
    def border_rules(self) -> tuple[float, float]:
        """When a border is new: `new_border_ratio`, `old_border_contrast`."""
        return self.new_border_ratio, self.old_border_contrast

    @property
    def most_levels(self) -> int:
        """Levels of evidence at which ground can be outlined, at most."""
        return 1 + max(len(self.split_steps_llr), len(self.border_steps_llr))


class ClassifySection(Section):
    """Which model names the after-state."""

    model: str = Field("patch_classes", description="folder under models/")
    min_probability: float = Field(0.4, ge=0, le=1, description="below: unsure")
    reject_probability: float = Field(
        0.7, ge=0.5, le=1, description="pseudo-change above: rejected"
    )
    unseen: UnseenSection = Field(
        default_factory=UnseenSection, description="patches that no optical pair saw"
    )


class TrainingSection(Section):
    """How a classifier is trained; not part of a monthly job."""

    trees: int = Field(200, ge=1, description="trees of each class, one upon the other")
    learning_rate: float = Field(
        0.08, gt=0, le=1, description="how much of what is left each tree takes away"
    )
    min_leaf_patches: int = Field(10, ge=1, description="fewest patches in a leaf")
    leaf_pull: float = Field(
        2.0, ge=0, description="pulls the answers of small leaves towards none (L2 penalty)"
    )
    tried_share: float = Field(
        0.15,
        gt=0,
        le=1,
        description="share of the features that each cut of a tree may choose from",
    )
    max_leaves: int = Field(12, ge=2, description="most leaves of a tree: bounds the file's size")
    folds: int = Field(5, ge=2, description="folds for calibration and scores")
    min_examples: int = Field(10, ge=1, description="classes with fewer patches are left out")
    label_share: float = Field(0.3, gt=0, le=1, description="a family covers at least this share")
    free_share: float = Field(0.02, ge=0, le=1, description="pseudo-change below this share")
