"""Arrays in, arrays out: numpy and numba only; no files, no logging, no Python objects."""
