"""Importers: from a source of images to `data/images` and `labels.csv`."""
