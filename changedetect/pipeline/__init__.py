"""The flow itself: the only modules that know the order of stages, read before, and write after."""
