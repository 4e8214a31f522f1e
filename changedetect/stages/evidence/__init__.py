"""Stack -> per-pixel evidence of change (log-likelihood ratio) and what was not observed."""
