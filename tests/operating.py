"""Operators for tests: the first one, further ones, their authenticators, and signed-in actors."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import pyotp

from handlers.actors import Operator
from handlers.catalogue import Handlers
from models.ids import new_id
from models.organizations import Organization
from models.words import OperatorRole
from tests.fakes import FakeClock
from tests.stories.conftest import BOOTSTRAP_TOKEN

PASSWORD = "Correct-Horse-7-Battery"
OFFICE = "198.51.100.7"  # where operators sign in from
FREE = {
    "fen": 0,
    "points": 0,
    "carrier_fen": 0,
    "outside_points": 0,
    "outside_account": "",
}  # a price, as doors show it


@dataclass
class Worker:
    """Somebody who runs this, with the authenticator on their phone."""

    id: UUID
    login: str
    uri: str
    password: str = PASSWORD

    def code(self, clock: FakeClock) -> str:
        """What the authenticator shows now."""
        totp = pyotp.parse_uri(self.uri)
        assert isinstance(totp, pyotp.TOTP)
        return totp.at(clock.now())


async def first_operator(handlers: Handlers, login: str = "root") -> Worker:
    """The first operator, by the bootstrap token."""
    answer = await handlers.operators.bootstrap(
        token=BOOTSTRAP_TOKEN, login=login, password=PASSWORD, request_id=f"bootstrap-{login}"
    )
    assert answer.value.otpauth_uri
    return Worker(answer.value.operator.id, login, answer.value.otpauth_uri)


async def sign_in(
    handlers: Handlers, clock: FakeClock, worker: Worker, *, address: str = OFFICE
) -> tuple[Operator, str]:
    """A signed-in actor and their token. Takes a step of the clock, because a code works once."""
    clock.advance(timedelta(seconds=30))
    opened = await handlers.operator_sessions.open(
        login=worker.login, password=worker.password, otp=worker.code(clock), address=address
    )
    return opened.operator, opened.token


async def another(
    handlers: Handlers,
    by: Operator,
    login: str,
    *,
    role: OperatorRole = OperatorRole.ADMIN,
    organization_id: UUID | None = None,
) -> Worker:
    """One more operator, added by somebody."""
    answer = await handlers.operators.add(
        by, login=login, password=PASSWORD, role=role, organization_id=organization_id, request_id=str(new_id())
    )
    assert answer.value.otpauth_uri
    return Worker(answer.value.operator.id, login, answer.value.otpauth_uri)


async def city(name: str, *, below: UUID | None = None) -> Organization:
    """A city below the root, or below another organization."""
    parent = await Organization.get(id=below) if below else await Organization.get(parent=None)
    return await Organization.create(code=name, name=name, parent=parent)
