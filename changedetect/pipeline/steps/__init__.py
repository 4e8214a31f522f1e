"""The steps of a month, from evidence to packages, and what only they need."""
