"""Training: schedules, parameter groups, the loop, its uses, and checkpoints."""
