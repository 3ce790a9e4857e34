"""From folders of images to arrays and sides: import, ingest, split, augment."""
