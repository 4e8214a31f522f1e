"""Configuration: YAML 1.2 files -> frozen, validated records, errors with line numbers, a digest."""
