"""Sections about images: grid, scenes, pixels, evidence, patches, classes."""

from pydantic import Field

from changedetect.config.base import Section


class GridSection(Section):
    """The product grid, on which every image is laid."""

    crs: str = Field(description="coordinate system, EPSG:n; projected, metres")
    resolution_m: float = Field(gt=0, description="pixel size [m]")
    tile_px: int = Field(2048, ge=64, description="side of a tile [px]")


class ScenesSection(Section):
    """Where images are and which of them a month compares."""

    folder: str = Field(description="folder with the images, relative to the job file")
    sensors: tuple[str, ...] = Field(description="sensor profiles to look for")
    pair_sensor: str = Field(description="profile whose images make the pair of a month")
    lookback_days: int = Field(400, gt=0, description="how old the image before may be [day]")
    pairs_per_month: int = Field(3, ge=1, description="how many pairs are compared at most")


class PixelsSection(Section):
    """Registration, clouds and radiometry."""

    max_shift_px: float = Field(8.0, gt=0, description="largest shift that is searched [px]")
    refuse_residual_px: float = Field(0.5, gt=0, description="refuse a pair above this [px]")


class EvidenceSection(Section):
    """From a comparable stack to a log-likelihood ratio of change."""

    irmad_iterations: int = Field(30, ge=1, description="most iterations of IR-MAD")
    irmad_tolerance: float = Field(1e-3, gt=0, description="stop when correlations move less")
    guide_radius_px: int = Field(4, ge=0, description="radius of the guided filter [px]")
    guide_epsilon: float = Field(1.0, gt=0, description="smoothing of the guided filter")
    false_alarm_rate: float = Field(5e-4, gt=0, lt=1, description="stated pixel false-alarm rate")


class PatchesSection(Section):
    """From evidence to outlined patches."""

    min_pixels: int = Field(8, ge=1, description="smaller groups are noise, only counted [px]")
    gap_px: int = Field(1, ge=0, description="gaps up to this are closed [px]")


class ClassifySection(Section):
    """Which model names the after-state."""

    model: str = Field("patch_classes", description="folder under models/")
    min_probability: float = Field(0.4, ge=0, le=1, description="below: unsure")
    reject_probability: float = Field(
        0.9, ge=0.5, le=1, description="pseudo-change above: rejected"
    )


class TrainingSection(Section):
    """How a classifier is trained; not part of a monthly job."""

    trees: int = Field(50, ge=1, description="trees of the forest of each fold")
    min_leaf_patches: int = Field(2, ge=1, description="fewest patches in a leaf")
    max_leaves: int = Field(96, ge=2, description="most leaves of a tree: bounds the file's size")
    folds: int = Field(5, ge=2, description="folds for calibration and scores")
    min_examples: int = Field(10, ge=1, description="classes with fewer patches are left out")
    label_share: float = Field(0.3, gt=0, le=1, description="a family covers at least this share")
    free_share: float = Field(0.02, ge=0, le=1, description="pseudo-change below this share")
