"""Files that come back from counties: kept first, then read in a limited process of their own.

``keep`` and ``parent`` are for callers; what else is here runs in the reader, which therefore
imports nothing from here by itself.
"""
