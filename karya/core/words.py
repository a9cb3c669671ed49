"""Numbers in sentences."""


def how_many(number: int, one: str, many: str = "") -> str:
    """1 job, 2 jobs, 10,000 jobs. `many` is what stands behind other numbers than 1, where that is not `one`
    with an s."""
    return f"{number:,} {one if number == 1 else many or f'{one}s'}"
