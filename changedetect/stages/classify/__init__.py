"""Patch -> suggested after-state and calibrated probability, or "unsure"."""

from changedetect.stages.classify.channels import CHANNELS, HALO_PX, channel_sampler, channels
from changedetect.stages.classify.features import FEATURE_NAMES, FEATURES, features
from changedetect.stages.classify.model import PSEUDO, UNSURE, FitReport, fit, predict
from changedetect.stages.classify.training import label_patches

__all__ = [
    "CHANNELS", "FEATURES", "FEATURE_NAMES", "HALO_PX", "PSEUDO", "UNSURE", "FitReport",
    "channel_sampler", "channels", "features", "fit", "label_patches", "predict",
]  # fmt: skip
