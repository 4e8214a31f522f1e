"""What every part of the flow stands on: the opened job, its ground, the folder of a run."""
