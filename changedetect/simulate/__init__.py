"""A county that does not exist: seeded land, records, changes, images, and their truth."""
