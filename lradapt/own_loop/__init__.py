"""What somebody's own training loop takes of lradapt: plain modules, optimisers and batches.

Nothing here knows params.yaml, a file or a stage; docs/library.md has an example of each. The names
are offered by `lradapt` itself.
"""
