"""Users and their tokens."""

from datetime import datetime
from typing import Protocol

from karya.core.ports.store import Page
from karya.core.user import Principal, Token, TokenSpec, User, UserChange, UserSpec
from karya.core.views import IssuedToken, TokenList, UserList


class UserRepository(Protocol):
    """The stored users."""

    async def add(self, user: User) -> None:
        """Stores a user; raises Conflict when the name is taken."""

    async def get(self, user_id: str) -> User | None:
        """The user with this id."""

    async def change(self, user_id: str, change: UserChange) -> User | None:
        """Changes a user and returns it; None when there is none."""

    async def named(self, name: str) -> User | None:
        """The user with this name."""

    async def list(self, *, cursor: str | None, limit: int) -> Page[User]:
        """The users, the newest first. A foreign cursor raises InvalidInput."""


class TokenRepository(Protocol):
    """The stored tokens."""

    async def add(self, token: Token) -> None:
        """Stores a token."""

    async def find(self, digest: str, now: datetime) -> Token | None:
        """The token with this digest, unless it has expired."""

    async def of_user(self, user_id: str, *, cursor: str | None, limit: int) -> Page[Token]:
        """The tokens of a user, the newest first. A foreign cursor raises InvalidInput."""

    async def revoke(self, token_id: str) -> bool:
        """Removes a token; False when there is none."""

    async def any(self) -> bool:
        """Whether any token is stored."""


class AccountService(Protocol):
    """Who may use Karya. Raises InvalidInput, NotFound, Conflict and Unavailable."""

    async def add_user(self, spec: UserSpec) -> User:
        """Makes a user."""

    async def change_user(self, user_id: str, change: UserChange) -> User:
        """Changes a user. The scheduler follows with its next sweep."""

    async def user(self, user_id: str) -> User:
        """One user."""

    async def user_named(self, name: str) -> User:
        """The user with this name."""

    async def users(self, *, cursor: str | None, limit: int) -> UserList:
        """One page of the users, the newest first."""

    async def issue_token(self, spec: TokenSpec) -> IssuedToken:
        """Makes a token; the answer is the only place where its secret ever stands."""

    async def tokens(self, user_id: str, *, cursor: str | None, limit: int) -> TokenList:
        """One page of the tokens of a user, without their secrets, the newest first."""

    async def revoke_token(self, token_id: str) -> None:
        """Ends a token: within seconds every gateway refuses it."""

    async def identify(self, secret: str) -> Principal | None:
        """Whose token this is; None when it is nobody's."""
