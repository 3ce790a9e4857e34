"""What a model's probabilities are worth: metrics, calibration, intervals."""
