"""Hearing of every round trip to MongoDB."""

from collections.abc import Callable

from pymongo.monitoring import CommandFailedEvent, CommandListener, CommandStartedEvent, CommandSucceededEvent

RoundTrip = Callable[[str, float, bool], object]
"""Is told the name of a command, how many seconds its answer took, and whether it failed: it was refused, or
nobody answered. From any thread, and must not block."""


class RoundTrips(CommandListener):
    """Tells `on_round_trip` of each."""

    def __init__(self, on_round_trip: RoundTrip) -> None:
        self._tell = on_round_trip

    def started(self, _: CommandStartedEvent) -> None:
        """See CommandListener."""

    def succeeded(self, event: CommandSucceededEvent) -> None:
        """See CommandListener."""
        self._tell(event.command_name, event.duration_micros / 1e6, False)

    def failed(self, event: CommandFailedEvent) -> None:
        """See CommandListener."""
        self._tell(event.command_name, event.duration_micros / 1e6, True)
