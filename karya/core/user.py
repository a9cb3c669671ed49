"""Who owns jobs, what they may do, and how they prove who they are."""

import hashlib
import secrets
from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict, Field, StringConstraints

from karya.core.ids import new_id
from karya.core.text import one_line
from karya.core.times import Instant

_MARK = "karya_"  # so that scanners for leaked secrets can find it
_TOKEN_BYTES = 32


class Role(StrEnum):
    """What somebody may do: a viewer reads what is theirs, a user also changes it, an admin does all of it
    with everybody's."""

    VIEWER = "viewer"
    USER = "user"
    ADMIN = "admin"


_RANK: Mapping[Role, int] = {role: rank for rank, role in enumerate(Role)}

UserName = Annotated[
    str, StringConstraints(strip_whitespace=True, min_length=1, max_length=100), AfterValidator(one_line)
]


Weight = Annotated[int, Field(ge=1, le=100)]
"""How many tasks of this user start for one of a user of weight 1, when more are due than can start."""


class UserSpec(BaseModel):
    """A user as a client writes it."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    name: UserName
    role: Role = Role.USER
    weight: Weight = 1


class UserChange(BaseModel):
    """What may be changed of a user."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    weight: Weight


class User(BaseModel):
    """A stored user; names are unique."""

    model_config = ConfigDict(frozen=True)

    id: str
    name: str
    role: Role = Role.USER
    weight: int = 1
    created_at: Instant


class TokenSpec(BaseModel):
    """A token as a client asks for it: whose, what for, and until when it holds (null: until revoked)."""

    model_config = ConfigDict(frozen=True, extra="forbid")

    user_id: Annotated[str, Field(max_length=100)]
    label: Annotated[str, Field(max_length=100), AfterValidator(one_line)] = ""
    expires_at: Instant | None = None


class Token(BaseModel):
    """A stored bearer token: its hash, never itself."""

    model_config = ConfigDict(frozen=True)

    id: str
    user_id: str
    label: str
    digest: str
    created_at: Instant
    expires_at: Instant | None = None


def new_token(spec: TokenSpec, now: datetime) -> tuple[Token, str]:
    """A token and the secret that stands for it, which is shown once and kept nowhere."""
    secret = _MARK + secrets.token_urlsafe(_TOKEN_BYTES)
    token = Token(id=new_id(now), digest=digest_of(secret), created_at=now, **dict(spec))
    return token, secret


def digest_of(secret: str) -> str:
    """SHA-256 in hex. A plain hash is enough for a secret of 256 random bits: there is nothing to guess."""
    return hashlib.sha256(secret.encode("utf-8", "replace")).hexdigest()


@dataclass(frozen=True, slots=True)
class Principal:
    """Who asks. Without a user it is whoever reaches a gateway that serves loopback only."""

    user_id: str | None
    role: Role

    @property
    def sees_all(self) -> bool:
        """Whether everybody's jobs are its own."""
        return self.role is Role.ADMIN

    @property
    def sees_only(self) -> str | None:
        """The user whose jobs are all that it sees; None for who sees everybody's."""
        return None if self.sees_all else self.user_id

    def may(self, role: Role) -> bool:
        """Whether it may do what takes this role."""
        return _RANK[self.role] >= _RANK[role]

    def owns(self, user_id: str | None) -> bool:
        """Whether what this user owns is its own to see."""
        return self.sees_all or (user_id is not None and user_id == self.user_id)


LOCAL = Principal(None, Role.ADMIN)
"""Somebody on this machine, where nobody is asked for a token."""
