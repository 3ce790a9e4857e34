"""From folders of images to arrays and a split: import, check, ingest, split, compare."""
