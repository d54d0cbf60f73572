"""Measurements: each prints a Markdown table with ratios against a peer in the same run. `make bench` runs all."""
