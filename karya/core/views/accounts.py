"""How users and tokens read on the wire."""

from karya.core.times import Instant
from karya.core.user import Role, Token, User
from karya.core.views.base import View


class TokenView(View):
    """A token, without what is secret of it."""

    id: str
    user_id: str
    label: str
    created_at: Instant
    expires_at: Instant | None

    @classmethod
    def of(cls, token: Token) -> "TokenView":
        """The wire form of a stored token."""
        return cls(**token.model_dump(exclude={"digest"}))


class IssuedToken(View):
    """A new token. `secret` is what a client sends as `Authorization: Bearer …`; it is shown only here."""

    token: TokenView
    secret: str


class TokenList(View):
    """A page of the tokens of a user, the newest first. `next_cursor` is None on the last."""

    tokens: tuple[TokenView, ...]
    next_cursor: str | None


class UserList(View):
    """A page of the users, the newest first. `next_cursor` is None on the last."""

    users: tuple[User, ...]
    next_cursor: str | None


class Whoami(View):
    """Who sent a request; no user is somebody on this machine, who needed no token."""

    user: User | None
    role: Role
