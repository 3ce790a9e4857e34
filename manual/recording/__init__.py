"""A recording of a program on a terminal (asciinema's format), and its animated SVG."""
