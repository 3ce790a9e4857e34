"""Drift: whether the images that a model answers are still like those it was tested on."""
