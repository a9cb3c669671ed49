"""One file per action kind, and the registry that finds them."""
