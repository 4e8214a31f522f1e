"""Patch -> suggested after-state and calibrated probability, or "unsure"."""

from changedetect.stages.classify.channels import (
    CHANNELS,
    HALO_PX,
    ROLES,
    channel_sampler,
    channels,
)
from changedetect.stages.classify.features import FEATURE_NAMES, FEATURES, features
from changedetect.stages.classify.model import (
    PSEUDO,
    UNSURE,
    FitReport,
    calibration_error,
    fit,
    learn,
    predict,
)
from changedetect.stages.classify.training import label_patches
from changedetect.stages.classify.unseen import leave_open, seen_shares
from changedetect.stages.classify.verdicts import entropy, label_of, mean_log_loss, teach_most

__all__ = [
    "CHANNELS", "FEATURES", "FEATURE_NAMES", "HALO_PX", "PSEUDO", "ROLES", "UNSURE", "FitReport",
    "calibration_error", "channel_sampler", "channels", "entropy", "features", "fit", "label_of", "label_patches", "learn",
    "leave_open", "mean_log_loss", "predict", "seen_shares", "teach_most",
]  # fmt: skip
