"""Auditing: whether what is stored of a job is what its schedule and its history say. Pure functions."""
