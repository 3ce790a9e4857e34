"""From image files to rows of pixels: decode, ingest, near duplicates."""
