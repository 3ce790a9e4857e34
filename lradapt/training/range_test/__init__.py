"""The learning-rate range test: sweeps, their curve, rules, and the suggestion."""
