"""`karya user` and `karya token`: who may use the gateway."""

from functools import partial
from typing import Annotated

import typer

from karya.cli.calls import gateway
from karya.cli.completing import user_names
from karya.cli.options import Cursor, DataDir, Json, Limit, Url
from karya.cli.output import note, say, say_json, wire
from karya.cli.sheets import TOKENS, USERS, All, check_all, show_list
from karya.cli.watching import EVERY, Every, Watch
from karya.cli.whose import user_named

users = typer.Typer(help="Users, who own jobs.", no_args_is_help=True)
tokens = typer.Typer(help="Bearer tokens, by which users prove who they are.", no_args_is_help=True)

_Role = Annotated[
    str,
    typer.Option(
        help="viewer (reads), user (owns jobs) or admin (everything).",
        autocompletion=lambda: ["viewer", "user", "admin"],
    ),
]
_Weight = Annotated[
    int, typer.Option(help="1 to 100: its share of the workers when more is due than can start.")
]
_NewName = Annotated[str, typer.Argument(metavar="NAME", help="The name of the user.")]
_Name = Annotated[
    str,
    typer.Argument(metavar="NAME", help="The name of the user, or the id.", autocompletion=user_names),
]


@users.command("add")
def add_user(
    name: _NewName,
    role: _Role = "user",
    weight: _Weight = 1,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Make a user."""
    with gateway(url, data_dir) as client:
        user = wire(client.add_user(name, role, weight=weight))
    if as_json:
        say_json(user)
    else:
        say(f"{user['id']}  {user['role']}  {user['name']}")


@users.command("change")
def change_user(
    name: _Name,
    weight: _Weight,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Give a user another weight."""
    with gateway(url, data_dir) as client:
        user = wire(client.change_user(user_named(name, client).id, weight=weight))
    if as_json:
        say_json(user)
    else:
        note(f"karya: {user['name']} has weight {user['weight']} now")


@users.command("list")
def list_users(
    limit: Limit = 20,
    cursor: Cursor = None,
    everything: All = False,
    watch: Watch = False,
    every: Every = EVERY,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """List users, the newest first."""
    check_all(everything, cursor, watch)
    with gateway(url, data_dir) as client:
        page = partial(client.users, cursor=cursor, limit=limit)
        whole = client.all_users
        show_list(USERS, page, whole, everything=everything, as_json=as_json, watch=watch, every=every)


@tokens.command("create")
def create_token(
    name: _Name,
    label: Annotated[str, typer.Option(help="What it is for.")] = "",
    expires_at: Annotated[
        str | None, typer.Option(help="Until when it holds, such as 2027-01-31T00:00:00Z.")
    ] = None,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Make a token for a user; its secret is shown only now."""
    with gateway(url, data_dir) as client:
        owner = user_named(name, client).id
        issued = wire(client.issue_token(owner, label=label, expires_at=expires_at))
    if as_json:
        say_json(issued)
        return
    note("karya: keep this secret safe, it cannot be shown again; commands read it from KARYA_TOKEN")
    say(issued["secret"])


@tokens.command("list")
def list_tokens(
    name: _Name,
    limit: Limit = 20,
    cursor: Cursor = None,
    everything: All = False,
    watch: Watch = False,
    every: Every = EVERY,
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """List the tokens of a user, without their secrets, the newest first."""
    check_all(everything, cursor, watch)
    with gateway(url, data_dir) as client:
        owner = user_named(name, client).id
        page, whole = (
            partial(client.tokens, owner, cursor=cursor, limit=limit),
            partial(client.all_tokens, owner),
        )
        show_list(TOKENS, page, whole, everything=everything, as_json=as_json, watch=watch, every=every)


@tokens.command("revoke")
def revoke_token(
    token_id: Annotated[str, typer.Argument(metavar="TOKEN", help="Its id, as `karya token list` shows it.")],
    url: Url = None,
    data_dir: DataDir = None,
    as_json: Json = False,
) -> None:
    """Revoke a token: within seconds nobody gets in with it."""
    with gateway(url, data_dir) as client:
        client.revoke_token(token_id)
    if as_json:
        say_json({"revoked": token_id})
    else:
        note(f"karya: token {token_id} is revoked")


def whoami(url: Url = None, data_dir: DataDir = None, as_json: Json = False) -> None:
    """Show who the gateway takes you for."""
    with gateway(url, data_dir) as client:
        found = wire(client.whoami())
    if as_json:
        say_json(found)
    elif found["user"] is None:
        say(f"nobody by name, {found['role']}: this gateway asks for no token")
    else:
        say(f"{found['user']['id']}  {found['role']}  {found['user']['name']}")
