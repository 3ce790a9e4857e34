"""From what a person has to `data/images` and `labels.csv`."""
