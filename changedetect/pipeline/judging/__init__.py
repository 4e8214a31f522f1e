"""How good a result is: a run, a look or any raster against a truth."""
