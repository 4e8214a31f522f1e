"""A recall that can be promised: from verified changes to thresholds, or a refusal."""
