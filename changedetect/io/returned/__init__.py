"""Files that come back from counties: kept first, then read in a limited process of their own."""

from changedetect.io.returned.keep import Kept, Returned, find_returned, keep, keep_photos
from changedetect.io.returned.parent import read_photos, read_returned

__all__ = [
    "Kept",
    "Returned",
    "find_returned",
    "keep",
    "keep_photos",
    "read_photos",
    "read_returned",
]
