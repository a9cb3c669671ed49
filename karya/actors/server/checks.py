"""What must hold of a spec beyond its own form: its owner exists, and its actions can be run here."""

from collections.abc import Sequence

from karya.core.action import Action
from karya.core.chaining import SpecRules
from karya.core.errors import FieldError, InvalidInput
from karya.core.ports import UserRepository
from karya.core.spec import JobSpec


class Checks:
    """Asks the users and the connectors."""

    def __init__(self, users: UserRepository, rules: SpecRules) -> None:
        self._users = users
        self._rules = rules

    async def check(self, spec: JobSpec[Action], known: set[str]) -> None:
        """Raises InvalidInput, which tells everything that is wrong with the spec. Who is among `known` users
        is not looked up; who is found joins them."""
        errors = list(self.refused(spec))
        user_id = spec.user_id
        if user_id is not None and user_id not in known:
            if await self._users.get(user_id) is None:
                message = f"there is no user {user_id!r}: make one with POST /v1/users"
                errors.append(FieldError("user_id", message))
            else:
                known.add(user_id)
        if errors:
            raise InvalidInput(errors)

    def refused(self, spec: JobSpec[Action]) -> Sequence[FieldError]:
        """The actions that would not run here, those of chained jobs included, each at its field."""
        return self._rules.errors(spec)
