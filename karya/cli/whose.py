"""Users as they are named on the command line: by their name, or by their id."""

from typing import TYPE_CHECKING

from karya.core.errors import Forbidden, NotFound

if TYPE_CHECKING:
    from karya.client import Client
    from karya.core.user import User


def user_named(name: str, client: "Client") -> "User":
    """The user of this name or id. Raises NotFound, and Forbidden for who is no admin."""
    for user in client.all_users():
        if name in (user.name, user.id):
            return user
    raise NotFound("user", name)


def user_id_of(name: str | None, client: "Client") -> str | None:
    """The id of the user that a filter names; None where it names none. Who is no admin can look nobody up:
    then it stays as it was given, and the gateway judges it. Raises NotFound."""
    if name is None:
        return None
    try:
        return user_named(name, client).id
    except Forbidden:
        return name
