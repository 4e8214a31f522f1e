"""What counties send back: checked, compared, entered."""
