"""The same work by lradapt, by its peers and by a bare loop, side by side: `make bench`."""
