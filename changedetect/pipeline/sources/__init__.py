"""What the images of a month say: pairs, series, radar and models, from files to evidence."""
