"""The users of the workload: what is due of one must not keep what is due of the other waiting."""

from dataclasses import dataclass

from tests.chaos.client import Client

_HEAVY = 10


@dataclass(frozen=True)
class Owners:
    """The ids of two users."""

    many: str
    """Has a crowd of jobs, and ten turns for one of the other."""
    few: str


async def make_owners(client: Client) -> Owners:
    """Makes them, on a cluster that nobody has broken yet."""
    weights = {"many": _HEAVY, "few": 1}
    told = [await client.post("/v1/users", {"name": name, "weight": weights[name]}) for name in weights]
    many, few = (each.answer["id"] for each in told)
    return Owners(many, few)
