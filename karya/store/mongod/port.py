"""A port for a server that may be restarted."""

import secrets
import socket

_CANDIDATES = range(21_000, 32_000)
"""Below the range from which Linux and macOS number outgoing connections, above Ray's worker ports.

A client that keeps dialling a dead server on a port of the outgoing range sooner or later connects to
itself, and then the server cannot have its port back.
"""


def free_port() -> int:
    """A port that nobody listens on at 127.0.0.1 now; tries at random, so that two clusters rarely meet."""
    while True:
        port = secrets.choice(_CANDIDATES)
        with socket.socket() as probe:
            probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                probe.bind(("127.0.0.1", port))
            except OSError:
                continue
        return port
