"""The newest events, kept for those who were away for a moment."""

from collections import deque
from collections.abc import Iterator

from karya.api.events.listener import Frame

MOST_KEPT = 1_000


class Recent:
    """The last frames of a feed, without a gap from behind `floor` on."""

    def __init__(self, floor: str, most: int = MOST_KEPT) -> None:
        self.floor = floor
        self._frames: deque[Frame] = deque()
        self._most = most

    def add(self, frame: Frame) -> None:
        """The newest; the oldest is forgotten for it."""
        self._frames.append(frame)
        if len(self._frames) > self._most:
            self.floor = self._frames.popleft().event.position

    def after(self, position: str) -> Iterator[Frame]:
        """What came behind this position, which is not before the floor."""
        return (frame for frame in self._frames if frame.event.position > position)
