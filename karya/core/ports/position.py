"""Where a look at many things has come to."""

from datetime import datetime

Position = tuple[datetime, str]
"""The instant and the id of the last one that was seen: what is read on is behind it, in this order."""
