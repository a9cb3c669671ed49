"""The chaos suite: `python -m tests.chaos` (or `make chaos`) runs a real cluster under a mixed workload,
breaks it by a seeded plan, and judges what the targets saw. docs/reliability.md tells how to read it."""
