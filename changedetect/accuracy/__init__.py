"""How good a result is: pixels, patches, and estimates from reference points.

Pure computing over arrays, tables and geometries; beside the stages, not one of them, since no
result of a month depends on it. Files are read and written by ``io``, composed by ``pipeline``.
"""
