"""Plots of the outputs of stages: each module draws one kind, `canvas` saves it."""
