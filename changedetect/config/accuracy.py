"""What an evaluation takes for change, for a match, and for a size class."""

from pydantic import Field

from changedetect.config.base import Section


class AccuracySection(Section):
    """Settings of ``changedetect evaluate``; each is stated in the report."""

    changed: tuple[str, ...] = Field(
        (), description="truth values that mean changed: 255, 128-255, or texts of a column"
    )
    unchanged: tuple[str, ...] = Field(
        (), description="truth values that mean unchanged; other values are unlabelled"
    )
    margin_px: int = Field(
        0, ge=0, description="unchanged pixels this near to true change are left unlabelled [px]"
    )
    size_classes_mu: tuple[float, ...] = Field(
        (0.2, 0.5, 1.0, 2.0, 5.0, 10.0), min_length=1, description="edges of size classes [mu]"
    )
    size_classes_px: tuple[float, ...] = Field(
        (50.0, 200.0, 1000.0),
        min_length=1,
        description="edges of size classes of pictures whose pixel size is not known [px]",
    )
    pixel_m: float | None = Field(
        None, gt=0, description="pixel size of pictures without georeference [m]"
    )
    type_column: str = Field("family", description="column of a truth layer that names the type")
    patch_true_share: float = Field(
        0.3, gt=0, le=1, description="a patch is true when true change covers this share of it"
    )
    truth_found_share: float = Field(
        0.3, gt=0, le=1, description="a change is found when true patches cover this share of it"
    )
    judged_share: float = Field(
        0.5, gt=0, le=1, description="patches of which less is labelled are not judged"
    )
    min_truth_pixels: int = Field(
        1, ge=1, description="groups of a truth raster smaller than this are no patches [px]"
    )
