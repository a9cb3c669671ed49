"""Events to whoever listens, as Server-Sent Events."""
