"""Step ``classify``: patches -> suggested after-class and probability."""

from pathlib import Path

import geopandas as gpd
import numpy as np

from changedetect.errors import IntegrityError
from changedetect.io import model_store, tile_files, vector_writer
from changedetect.pipeline.context import MonthContext
from changedetect.pipeline.detection import MOMENTS, PATCHES, write_patches
from changedetect.pipeline.job import MODELS
from changedetect.pipeline.runstore import StepRecord, StepResult
from changedetect.stages import classify

CLASSIFIED = "classified.gpkg"
CLASS_COLUMNS = (
    "family",
    "family_probability",
    "change_probability",
    "before_gsd_m",
    "after_gsd_m",
)


def do(context: MonthContext) -> tuple[StepRecord, bool]:
    """Suggest what each patch became."""
    before = context.store.record("detect")
    section = context.job.config.classify
    estimator, card = model_store.load(MODELS, section.model, classify.FEATURE_NAMES)
    gsd = context.job.profile(context.job.config.scenes.pair_sensor).gsd_m

    def work(_key: str) -> StepResult:
        table = read_table(context.folder / PATCHES)
        moments = _moments(context.folder / MOMENTS)
        context.progress.begin("classify", 1)
        features = classify.features(table, moments)
        predicted = classify.predict(estimator, features, section)
        classified = table.assign(
            family=predicted["family"].to_numpy(),
            family_probability=predicted["family_probability"].to_numpy(),
            change_probability=predicted["change_probability"].to_numpy(),
            before_gsd_m=gsd,
            after_gsd_m=gsd,
        )
        write_patches(context.folder / CLASSIFIED, classified, context.job.config.grid.crs)
        families = classified["family"].value_counts().sort_index()
        facts = {
            "patches": len(classified),
            "families": {str(k): int(v) for k, v in families.items()},
        }
        return StepResult((CLASSIFIED,), facts)

    inputs = [before.result, card["sha256"], section.model_dump(mode="json"), gsd]
    done = context.store.step("classify", inputs, work)
    context.progress.end("classify", f"{done[0].facts['patches']} patches classified")
    return done


def _moments(path: Path) -> np.ndarray:
    arrays = tile_files.read_tile(path)
    if arrays is None:
        msg = f"{path}: gone or damaged; run changedetect detect month again"
        raise IntegrityError(msg)
    return arrays["moments"]


def read_table(path: Path) -> gpd.GeoDataFrame:
    """Read a table of patches."""
    return vector_writer.read_geopackage(path, "patches")


def read_classified(path: Path) -> gpd.GeoDataFrame:
    """Read the classified patches.

    Raises
    ------
    IntegrityError
        The class columns are not there.
    """
    table = read_table(path)
    missing = [name for name in CLASS_COLUMNS if name not in table.columns]
    if missing:
        msg = f"{path}: columns {missing} are missing; run changedetect classify again"
        raise IntegrityError(msg)
    return table
