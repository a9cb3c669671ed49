"""The benchmarks: `python -m bench` (or `make bench`) measures a real cluster and prints table and JSON."""
