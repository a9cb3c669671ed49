"""How the actors of one cluster are called."""

SERVER = "server"
SCHEDULER = "scheduler"


def worker_name(number: int) -> str:
    """The name of a worker, numbered from 0."""
    return f"worker-{number}"


def worker_names(count: int) -> list[str]:
    """The names of the whole pool."""
    return [worker_name(number) for number in range(count)]
