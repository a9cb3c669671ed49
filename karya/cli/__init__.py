"""The `karya` command."""
