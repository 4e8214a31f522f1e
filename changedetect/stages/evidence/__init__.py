"""Evidence of change per pixel: optical pair, time series, radar, and their fusion."""
