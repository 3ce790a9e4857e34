"""A release: `make release` builds its files in dist/, and checks what must hold before."""
