"""The month as an office lives it: opened, checked again, reported, closed."""
