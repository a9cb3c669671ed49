"""The judge judged: histories that are good by construction, and what is done to them."""
