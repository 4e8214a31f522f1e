"""The only modules that open files, databases or sockets; only the pipeline imports them."""

from changedetect.io import environment as environment  # first: before GDAL is loaded
