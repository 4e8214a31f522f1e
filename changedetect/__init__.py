"""Satellite images in, defensible land-enforcement cases out, every month."""

__version__ = "0.1.0"

FLOW = (
    "pixels",
    "evidence",
    "patches",
    "classify",
    "crosscheck",
    "cases",
    "ledger",
    "deliver",
    "returns",
)
"""The nine stages in the order in which the data pass them."""
