"""Figures of BENCHMARKS.md: obskit against its peers, as ratios within one run."""
