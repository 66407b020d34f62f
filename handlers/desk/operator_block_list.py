"""The block-list as operators keep it: what a store's phone is, nobody is recognised by.

A value is on the list of the organization that put it there and holds for everybody. Whoever had it as an identifier
loses it at that moment, keeps everything else, and is told.
"""

from dataclasses import dataclass
from datetime import datetime
from uuid import UUID

from tortoise.queryset import QuerySet

from handlers.actors import Operator
from handlers.audit import record
from handlers.errors import (
    BlockedAlready,
    BlockedIdentifierUnknown,
    IdentifierNotBlockable,
    OrganizationUnknown,
)
from handlers.identity.holders import locked_people
from handlers.identity.identity_events import note
from handlers.identity.numbers import number_key
from handlers.identity.proofs import key_of
from handlers.identity.transfers import tell
from handlers.ports import Clock, Vault
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.namespaces import REGISTRY, Key, is_nobodys
from handlers.rules.organization_scope import Scope
from handlers.rules.phones import normalise
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from models.identity import Identifier, Member
from models.ids import new_id
from models.linking import BlockedIdentifier, BoundNumber
from models.words import IdentifierStatus, IdentityAct, Namespace

RELEASED_TEXT = (
    "尾号{tail}的号码是门店或客服电话，不再用于识别您的会员账号。您的会员卡和权益都还在。"
    "请在小程序里换成您本人的手机号，有疑问请回复“人工”。"
)


@dataclass(frozen=True, slots=True)
class BlockedView:
    """One entry. The value itself is not kept: `tail` is its last characters."""

    id: UUID
    organization_id: UUID
    namespace: Namespace
    scope: str
    tail: str
    reason: str
    added_by: UUID
    added_at: datetime


@dataclass(frozen=True, slots=True)
class BlockLifted:
    """The value may identify somebody again; who had it has to prove it anew."""

    id: UUID


@refusing
class OperatorBlockList:
    """Lists, adds and lifts within the operator's subtree."""

    def __init__(self, clock: Clock, vault: Vault) -> None:
        self._clock = clock
        self._vault = vault

    async def listing(self, operator: Operator, *, after: UUID | None, limit: int) -> tuple[BlockedView, ...]:
        """Entries of the subtree, in the order they were added. Raises RoleMissing."""
        scope = await allowed(operator, Capability.BLOCK_LIST)
        found = _within(scope).order_by("id").limit(limit)
        return tuple(_view(each) for each in await (found.filter(id__gt=after) if after else found))

    async def add(
        self,
        operator: Operator,
        *,
        namespace: Namespace,
        scope: str,
        value: str,
        reason: str,
        organization_id: UUID | None,
        request_id: str,
    ) -> Answer[BlockedView]:
        """Put a value on the list. For a phone `scope` is the country's calling code, elsewhere app, shop or system.

        The answer does not tell whether somebody had it: that may be a member whom this operator must not see.
        Raises RoleMissing, OrganizationUnknown, IdentifierNotBlockable, BlockedAlready, KeyReused.
        """
        within = await allowed(operator, Capability.BLOCK_LIST)
        place = organization_id or operator.organization_id
        if not within.sees(place):
            raise OrganizationUnknown
        written = _written(namespace, scope, value)
        key = key_of(namespace, scope, written, self._vault)

        async def effect() -> BlockedView:
            return await self._add(operator, within, key, written, reason, place)

        facts = {"key": tuple(key), "reason": reason, "organization_id": place}
        return await once(operator, "block_list.add", request_id, facts=facts, result=BlockedView, effect=effect)

    async def lift(self, operator: Operator, blocked_id: UUID, *, request_id: str | None = None) -> Answer[BlockLifted]:
        """Take an entry off the list. Raises RoleMissing, BlockedIdentifierUnknown, KeyReused."""
        within = await allowed(operator, Capability.BLOCK_LIST)

        async def effect() -> BlockLifted:
            entry = await _within(within).get_or_none(id=blocked_id)
            if entry is None or not await BlockedIdentifier.filter(id=blocked_id).delete():
                raise BlockedIdentifierUnknown
            place: UUID = entry.organization_id  # type: ignore[attr-defined]
            facts = {"namespace": entry.namespace, "tail": entry.tail}
            now = self._clock.now()
            await record(operator, "block_list.lifted", "blocked", blocked_id, at=now, organization_id=place, **facts)
            return BlockLifted(blocked_id)

        return await once(
            operator, "block_list.lift", request_id, facts={"id": blocked_id}, result=BlockLifted, effect=effect
        )

    async def _add(
        self, operator: Operator, within: Scope, key: Key, value: str, reason: str, place: UUID
    ) -> BlockedView:
        now = self._clock.now()
        # The same lock that resolving takes: whoever is being recognised by this now is done before we look.
        holders = await locked_people(_keys(key, value, self._vault), None, now)
        if await BlockedIdentifier.filter(organization_id=place, **key._asdict()).exists():
            raise BlockedAlready
        entry = BlockedIdentifier(
            id=new_id(),
            organization_id=place,
            **key._asdict(),
            tail=value[-4:],
            reason=reason,
            added_by_id=operator.id,
            added_at=now,
        )
        await entry.save(force_create=True)
        losers = {person.member_id for person in holders if key in person.held}
        for member_id in losers:
            await self._release(member_id, key, value, now)
        losers |= await self._release_numbers(key, value, now)
        seen = await Member.filter(id__in=list(losers), organization_id__in=list(within.organization_ids)).count()
        facts = {"namespace": key.namespace, "tail": entry.tail, "reason": reason, "released": seen}
        await record(operator, "block_list.added", "blocked", entry.id, at=now, organization_id=place, **facts)
        return _view(entry)

    async def _release(self, member_id: UUID, key: Key, value: str, now: datetime) -> None:
        theirs = Identifier.filter(member_id=member_id, status=IdentifierStatus.ACTIVE)
        await theirs.filter(**key._asdict()).update(status=IdentifierStatus.REVOKED)
        await note(IdentityAct.BLOCK, member_id, key, at=now, vault=self._vault, reason="block_list")
        if key.namespace is Namespace.PHONE and not await theirs.filter(namespace=Namespace.PHONE).exists():
            await Member.filter(id=member_id).update(phone_tail="")
            text = RELEASED_TEXT.format(tail=value[-4:])
            await tell(member_id, text, key=f"released:{new_id()}", at=now)

    async def _release_numbers(self, key: Key, value: str, now: datetime) -> set[UUID]:
        if key.namespace is not Namespace.PHONE:
            return set()
        hashed = number_key(value, key.scope, self._vault).value_hash
        bound = await BoundNumber.filter(number_hash=hashed, status=IdentifierStatus.ACTIVE)
        for number in bound:
            await BoundNumber.filter(id=number.id).update(status=IdentifierStatus.REVOKED, revoked_at=now)
            holder: UUID = number.member_id  # type: ignore[attr-defined]
            await note(IdentityAct.BLOCK, holder, key, at=now, vault=self._vault, what="bound_number")
        return {number.member_id for number in bound}  # type: ignore[attr-defined]


def _keys(key: Key, value: str, vault: Vault) -> set[Key]:
    return {key, number_key(value, key.scope, vault)} if key.namespace is Namespace.PHONE else {key}


def _written(namespace: Namespace, scope: str, value: str) -> str:
    """The one way the value is written. Raises IdentifierNotBlockable: never an identifier, so there is no need."""
    written = normalise(value, scope) if namespace is Namespace.PHONE else value.strip()
    if written is None or not REGISTRY[namespace].has_block_list or is_nobodys(written):
        raise IdentifierNotBlockable
    return written


def _within(scope: Scope) -> QuerySet[BlockedIdentifier]:
    return BlockedIdentifier.filter(organization_id__in=list(scope.organization_ids))


def _view(entry: BlockedIdentifier) -> BlockedView:
    return BlockedView(
        id=entry.id,
        organization_id=entry.organization_id,  # type: ignore[attr-defined]
        namespace=entry.namespace,
        scope=entry.scope,
        tail=entry.tail,
        reason=entry.reason,
        added_by=entry.added_by_id,  # type: ignore[attr-defined]
        added_at=entry.added_at,
    )
