"""Labels that are probably wrong: held-out probabilities of heads on the cached activations.

It lists them, and decides nothing.
"""
