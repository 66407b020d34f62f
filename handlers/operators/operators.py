"""Who runs this: the first operator, further ones, and what becomes of them."""

import hmac
from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from uuid import UUID

from tortoise.exceptions import IntegrityError

from handlers.actors import Operator
from handlers.audit import record
from handlers.errors import (
    BootstrapRefused,
    LastAdmin,
    OperatorLoginTaken,
    OperatorUnknown,
    OrganizationUnknown,
    PasswordTooWeak,
)
from handlers.operators.operator_sessions import normal_form, totp_bound_to
from handlers.operators.sign_in_tries import let_strangers_try
from handlers.ports import Clock, Passwords, SecondFactor, Vault
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.passwords import is_acceptable
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.database import atomic, row, rows
from models.ids import new_id
from models.operators import Operator as OperatorRow
from models.operators import OperatorSession
from models.organizations import Organization
from models.statements import operators as statements
from models.words import OperatorRole


@dataclass(frozen=True, slots=True)
class OperatorView:
    """One operator as others see them. `is_enrolled`: the second factor was used at least once.

    `locked_until`: strangers tried too often, and wait; wherever this operator signed in before, nobody waits for them.
    """

    id: UUID
    organization_id: UUID
    login: str
    role: OperatorRole
    is_active: bool
    is_enrolled: bool
    locked_until: datetime | None
    created_at: datetime


@dataclass(frozen=True, slots=True)
class OperatorKept:
    """An operator as stored now; `otpauth_uri` as long as the second factor waits to be scanned and used."""

    operator: OperatorView
    otpauth_uri: str | None = field(repr=False)


@dataclass(frozen=True, slots=True)
class OperatorChange:
    """What to change; None leaves it."""

    role: OperatorRole | None = None
    is_active: bool | None = None
    organization_id: UUID | None = None
    password: str | None = field(default=None, repr=False)
    reset_factor: bool = False

    @property
    def named(self) -> Mapping[str, object]:
        """What an audit entry may hold of it."""
        told = {"role": self.role, "is_active": self.is_active, "organization_id": self.organization_id}
        changed = {name: value for name, value in told.items() if value is not None}
        if self.password is not None:
            changed["password"] = True
        return changed | ({"factor": True} if self.reset_factor else {})


@dataclass(frozen=True, slots=True)
class _Bootstrap:
    """Whoever holds the installation's bootstrap token."""

    kind: str = "bootstrap"
    actor_id: str = "1"


@refusing
class Operators:
    """Creates and changes operators."""

    def __init__(
        self, clock: Clock, vault: Vault, passwords: Passwords, second_factor: SecondFactor, bootstrap_token: str
    ) -> None:
        self._clock = clock
        self._vault = vault
        self._passwords = passwords
        self._second_factor = second_factor
        self._bootstrap_token = bootstrap_token

    async def bootstrap(self, *, token: str, login: str, password: str, request_id: str) -> Answer[OperatorKept]:
        """The first operator: admin of the root.

        Raises BootstrapRefused (wrong or no token, or somebody exists already), PasswordTooWeak, KeyReused.
        """
        fits = hmac.compare_digest(token.encode(), self._bootstrap_token.encode())
        if not (fits and self._bootstrap_token):
            raise BootstrapRefused
        actor, (password_hash, mark) = _Bootstrap(), await self._hashed(password, login)

        async def effect() -> OperatorView:
            await rows(statements.LOCK_ROOT)
            if await OperatorRow.exists():
                raise BootstrapRefused
            root = await Organization.get(parent=None)
            view = await self._create(login, password_hash, OperatorRole.ADMIN, root.id)
            facts = {"login": login, "role": OperatorRole.ADMIN}
            now = self._clock.now()
            await record(actor, "operator.added", "operator", view.id, at=now, organization_id=root.id, **facts)
            return view

        facts = {"login": login, "password": mark}
        answer = await once(actor, "bootstrap", request_id, facts=facts, result=OperatorView, effect=effect)
        return await self._kept(answer)

    async def me(self, operator: Operator) -> OperatorView:
        """The operator who asks."""
        return _view(await OperatorRow.get(id=operator.id))

    async def listing(self, operator: Operator, *, after: UUID | None, limit: int) -> tuple[OperatorView, ...]:
        """Operators of the subtree, in the order they were added. Raises RoleMissing."""
        scope = await allowed(operator, Capability.OPERATORS)
        found = OperatorRow.filter(organization_id__in=list(scope.organization_ids)).order_by("id").limit(limit)
        return tuple(_view(each) for each in await (found.filter(id__gt=after) if after else found))

    async def add(
        self,
        operator: Operator,
        *,
        login: str,
        password: str,
        role: OperatorRole,
        organization_id: UUID | None,
        request_id: str,
    ) -> Answer[OperatorKept]:
        """One more operator, of the own organization unless another one below is named.

        Raises RoleMissing, OrganizationUnknown, OperatorLoginTaken, PasswordTooWeak, KeyReused.
        """
        scope = await allowed(operator, Capability.OPERATORS)
        place = organization_id or operator.organization_id
        if not scope.sees(place):
            raise OrganizationUnknown
        password_hash, mark = await self._hashed(password, login)

        async def effect() -> OperatorView:
            view = await self._create(login, password_hash, role, place)
            now, facts = self._clock.now(), {"login": login, "role": role}
            await record(operator, "operator.added", "operator", view.id, at=now, organization_id=place, **facts)
            return view

        facts = {"login": login, "password": mark, "role": role, "organization_id": place}
        answer = await once(operator, "operator.add", request_id, facts=facts, result=OperatorView, effect=effect)
        return await self._kept(answer)

    async def change(
        self, operator: Operator, operator_id: UUID, change: OperatorChange, *, request_id: str | None
    ) -> Answer[OperatorKept]:
        """Change role, place, password or factor, or switch somebody off or on; their sessions end at once.

        Raises RoleMissing, OperatorUnknown, OrganizationUnknown, LastAdmin, PasswordTooWeak, KeyReused.
        """
        scope = await allowed(operator, Capability.OPERATORS)
        target = await OperatorRow.get_or_none(id=operator_id)
        if target is None or not scope.sees(target.organization_id):  # type: ignore[attr-defined]
            raise OperatorUnknown
        if change.organization_id is not None and not scope.sees(change.organization_id):
            raise OrganizationUnknown
        password_hash, mark = None, None
        if change.password is not None:
            password_hash, mark = await self._hashed(change.password, target.login)

        async def effect() -> OperatorView:
            await rows(statements.LOCK_ROOT)
            return await self._change(operator, operator_id, target.login, change, password_hash)

        facts = {"id": operator_id, **change.named, "password": mark}
        answer = await once(operator, "operator.change", request_id, facts=facts, result=OperatorView, effect=effect)
        return await self._kept(answer)

    async def _change(
        self, operator: Operator, operator_id: UUID, login: str, change: OperatorChange, password_hash: str | None
    ) -> OperatorView:
        now = self._clock.now()
        told = {"role": change.role, "is_active": change.is_active, "organization_id": change.organization_id}
        values: dict[str, object] = {name: value for name, value in told.items() if value is not None}
        if password_hash is not None:
            values |= {"password_hash": password_hash}
        if change.reset_factor:
            values |= {"totp_cipher": self._new_factor(operator_id), "last_totp_step": 0}
        if password_hash is not None or change.reset_factor or change.is_active:
            values |= {"locked_until": None}
            await let_strangers_try(self._vault, login)
        if values:
            await OperatorRow.filter(id=operator_id).update(**values)
            await OperatorSession.filter(operator_id=operator_id, revoked_at=None).update(revoked_at=now)
        found = await row(statements.ROOT_ADMINS)
        if found is None or not found["admins"]:
            raise LastAdmin
        target = await OperatorRow.get(id=operator_id)
        place: UUID = target.organization_id  # type: ignore[attr-defined]
        await record(
            operator, "operator.changed", "operator", operator_id, at=now, organization_id=place, **change.named
        )
        return _view(target)

    async def _create(self, login: str, password_hash: str, role: OperatorRole, organization_id: UUID) -> OperatorView:
        operator_id = new_id()
        try:
            async with atomic():  # a savepoint: PostgreSQL gives up the whole transaction otherwise
                created = await OperatorRow.create(
                    id=operator_id,
                    organization_id=organization_id,
                    login=login,
                    role=role,
                    password_hash=password_hash,
                    totp_cipher=self._new_factor(operator_id),
                )
        except IntegrityError as error:
            if await OperatorRow.exists(login=login):
                raise OperatorLoginTaken from error
            raise
        return _view(created)

    def _new_factor(self, operator_id: UUID) -> str:
        return self._vault.encrypt(self._second_factor.new_secret(), bound_to=totp_bound_to(operator_id))

    async def _hashed(self, password: str, login: str) -> tuple[str, str]:
        """The hash to store, and a keyed mark by which a repeated request is recognised."""
        plain = normal_form(password)
        if not is_acceptable(plain, login=login):
            raise PasswordTooWeak
        return await self._passwords.hash(plain), self._vault.blind_index("operator_password", plain)

    async def _kept(self, answer: Answer[OperatorView]) -> Answer[OperatorKept]:
        """The secret is read from its encrypted column, so that no stored answer holds it."""
        stored = await OperatorRow.get(id=answer.value.id)
        uri = None
        if not stored.last_totp_step:
            secret = self._vault.decrypt(stored.totp_cipher, bound_to=totp_bound_to(stored.id))
            uri = self._second_factor.uri(secret, login=stored.login)
        return Answer(OperatorKept(answer.value, uri), answer.replayed)


def _view(stored: OperatorRow) -> OperatorView:
    return OperatorView(
        id=stored.id,
        organization_id=stored.organization_id,  # type: ignore[attr-defined]
        login=stored.login,
        role=stored.role,
        is_active=stored.is_active,
        is_enrolled=stored.last_totp_step > 0,
        locked_until=stored.locked_until,
        created_at=stored.created_at,
    )
