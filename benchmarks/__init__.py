"""Measurements of lradapt against the bare libraries; results are in docs/benchmarks.md."""
