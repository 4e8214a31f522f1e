"""The classifier learns: from worlds, from the field, from what a reviewer is asked."""
