"""Stack -> per-pixel evidence of change: optical pair, time series, radar, and their fusion."""
