"""How a machine computes: device, threads, precision, random numbers, processes."""
