"""The web page in a real Chromium, over one real cluster."""
