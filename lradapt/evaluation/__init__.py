"""Evaluation of a model on the test set: metrics, calibration, intervals."""
