"""Who somebody is: from proven identifiers to one member, in one deterministic transaction.

The decision itself is pure (`handlers/rules/identity.py`). This module loads what it needs under locks, writes what
was decided, and leaves an append-only event for every link made, refused or merged.
"""

import asyncio
from collections.abc import Awaitable, Callable, Iterable, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from handlers.actors import Person
from handlers.errors import MemberUnknown, NotSignedIn, OutcomeUnknown
from handlers.identity.block_list import blocked_among
from handlers.identity.holders import identifier_key, locked_held, without_expired
from handlers.identity.identity_events import value_mark
from handlers.identity.merging import absorb
from handlers.identity.newcomers import Newcomers, NotNew
from handlers.identity.proofs import Proof, bind_rows, event_row, identifier_rows
from handlers.identity.reviews import open_review
from handlers.ports import Clock, Vault
from handlers.retrying import again, refusing
from handlers.rules.identity import Decision, Key, decide
from handlers.rules.namespaces import REGISTRY, Registry, is_nobodys
from handlers.standing import by_member, canonical, may_act
from models.database import CommitUnknown, atomic, dialect, require_atomic, rows
from models.gathering import Gathered
from models.identity import Identifier, IdentityEvent
from models.ids import new_id
from models.sql import as_instant, as_uuid
from models.statements import identity as statements
from models.words import IdentifierStatus, IdentityAct, Namespace, ReviewKind, Touchpoint

WORTH_A_REVIEW = frozenset({Namespace.WX_UNIONID, Namespace.PHONE})  # an openid alone is strong evidence of nothing
SEEN_AGAIN_AFTER = timedelta(hours=1)  # last_seen_at is not worth a write per message


@dataclass(frozen=True, slots=True)
class Resolution:
    """Who it is now, whether they were unknown before, what was not added, who turned out to be them.

    Of `refused` some are with another member (`elsewhere`); the others are theirs by proof, but they have one already.
    `blocked` identify nobody.
    """

    member_id: UUID
    is_new: bool
    refused: tuple[Namespace, ...]
    absorbed: tuple[UUID, ...]
    elsewhere: tuple[Namespace, ...] = ()
    blocked: tuple[Namespace, ...] = ()


_by_identifier: Gathered[Key] = Gathered(
    statements.FIND_BY_IDENTIFIERS, value_of=lambda key: key.value_hash, key_of=identifier_key
)


@refusing
class Identity:
    """Recognises people by what WeChat proves of them."""

    def __init__(self, clock: Clock, vault: Vault, registry: Registry = REGISTRY) -> None:
        self._clock = clock
        self._vault = vault
        self._registry = registry
        self._newcomers = Newcomers(clock, vault)

    async def find(self, account: str, app_id: str, openid: str, *, through: Touchpoint) -> Person | None:
        """The person with this openid, or None when nobody is known by it. One read. Raises MemberFrozen."""
        found = await self._find(app_id, openid)
        if found is None:
            return None
        may_act(found)
        return _person(found, account, through)

    async def known(self, account: str, app_id: str, openid: str, *, through: Touchpoint) -> Person | None:
        """Like `find`, whether or not they may act: for what is recorded of them without their asking."""
        found = await self._find(app_id, openid)
        return _person(found, account, through) if found else None

    async def recognise(self, account: str, proofs: Sequence[Proof], *, through: Touchpoint) -> Person:
        """The person these proofs mean, made known when they are new. Raises MemberFrozen, Overloaded.

        Asking again with the same proofs changes nothing.
        """
        person, _ = await self.recognise_or_resolve(proofs, account, through=through)
        return person

    async def recognise_or_resolve(
        self, proofs: Sequence[Proof], account: str, *, through: Touchpoint, even_frozen: bool = False
    ) -> tuple[Person, Resolution | None]:
        """The person these proofs mean, and what was written for it, if anything. Raises MemberFrozen, Overloaded.

        Whom all proofs mean already is found without a transaction; somebody quite new is written in one statement.
        """
        keys = [proof.key(self._vault) for proof in proofs]
        holders = await asyncio.gather(*(_by_identifier.row(key) for key in keys))
        first, since = holders[0], self._clock.now() - SEEN_AGAIN_AFTER
        if first is not None and all(
            holder is not None
            and holder["member_id"] == first["member_id"]
            and as_instant(holder["last_seen_at"]) >= since
            for holder in holders
        ):
            may_act(first, even_frozen=even_frozen)
            return _person(first, account, through), None
        resolution = await (self.resolve(proofs) if any(holders) else self._welcome(proofs))
        if resolution.is_new:
            return Person(resolution.member_id, account, through, is_member=False, number=None), resolution
        person = await self.person(resolution.member_id, account, through=through, even_frozen=even_frozen)
        return person, resolution

    async def resolve(
        self, proofs: Sequence[Proof], *, along: Callable[[Resolution], Awaitable[None]] | None = None
    ) -> Resolution:
        """Decide who the proofs mean and commit it; `along` runs in the same transaction. Raises Overloaded.

        Whether the person may act is asked afterwards: a refusal must not undo what was found out.
        """

        async def attempt() -> Resolution:
            async with atomic():
                now = self._clock.now()
                resolution = await resolve(proofs, now=now, vault=self._vault, registry=self._registry)
                if along is not None:
                    await along(resolution)
                return resolution

        try:
            return await again(attempt)
        except CommitUnknown:
            return await again(attempt)  # asking again finds what was committed

    async def person(self, member_id: UUID, account: str, *, through: Touchpoint, even_frozen: bool = False) -> Person:
        """The acting person behind a member id of any time, merges followed. Raises NotSignedIn, MemberFrozen."""
        found = await by_member.row(member_id)
        if found is None:
            raise NotSignedIn
        may_act(found, even_frozen=even_frozen)
        return _person(found, account, through)

    async def _welcome(self, proofs: Sequence[Proof]) -> Resolution:
        """`resolve` for proofs of which none was known a moment ago: in a batch, unless somebody else was faster."""
        try:
            return Resolution(await self._newcomers.welcome(proofs), is_new=True, refused=(), absorbed=())
        except (NotNew, OutcomeUnknown):  # somebody else wrote one of them, or we did and were not told
            return await self.resolve(proofs)

    async def close(self) -> None:
        """Let newcomers who wait be written."""
        await self._newcomers.close()

    async def _find(self, app_id: str, openid: str) -> Mapping[str, Any] | None:
        return await _by_identifier.row(Proof(Namespace.WX_OPENID, app_id, openid, "wechat").key(self._vault))


def _person(found: Mapping[str, Any], account: str, through: Touchpoint) -> Person:
    number = found["number"]
    return Person(
        member_id=as_uuid(found["member_id"]),
        account=account,
        through=through,
        is_member=found["joined_at"] is not None,
        number=str(number) if number else None,
    )


async def resolve(
    proofs: Sequence[Proof],
    *,
    now: datetime,
    vault: Vault,
    asking: UUID | None = None,
    registry: Registry = REGISTRY,
) -> Resolution:
    """Decide who the proofs mean and write it, inside the open transaction.

    `asking` is the signed-in member, if there is one: they act unless they turn out to be somebody known longer.
    What is on the block-list is kept out: it identifies nobody, is not added, and is named in `blocked`.
    Locks: the identifiers' keys in sorted order, then the members that hold them in id order.
    Raises MemberUnknown when the proofs mean nobody and are of a kind that makes nobody known.
    """
    require_atomic()
    shown = {proof.key(vault): proof for proof in proofs}
    held = await locked_held(shown, asking, now, registry)
    blocked = await blocked_among(shown, vault) | {key for key, proof in shown.items() if _is_nobodys(proof)}
    by_key = {key: proof for key, proof in shown.items() if key not in blocked}
    asking_now = await canonical(asking) if asking else None
    candidates = await without_expired(held, now=now, vault=vault, registry=registry)
    decision = decide(by_key, candidates, asking=asking_now, registry=registry)
    if decision.is_nobody:
        raise MemberUnknown
    member_id = decision.acting or await _create(now)
    for loser_id in decision.absorbed:
        await absorb(winner_id=member_id, loser_id=loser_id, reason="shared_identifier", now=now, vault=vault)
    await _write(member_id, decision, by_key, now=now, vault=vault)
    for other_id in decision.fused:
        await open_review(ReviewKind.FUSE, member_id, other_id, at=now)
    if any(held.last_seen_at.get(key, now) < now - SEEN_AGAIN_AFTER for key in by_key):
        await _mark_seen(by_key, member_id, now)
    theirs = {member_id, *decision.absorbed}
    of_others = {key for each in held.candidates if each.member_id not in theirs for key in each.held}
    return Resolution(
        member_id,
        is_new=decision.acting is None,
        refused=tuple(key.namespace for key in decision.refused),
        absorbed=decision.absorbed,
        elsewhere=tuple(key.namespace for key in decision.refused if key in of_others),
        blocked=tuple(sorted(key.namespace for key in blocked)),
    )


def _is_nobodys(proof: Proof) -> bool:
    return REGISTRY[proof.namespace].has_block_list and is_nobodys(proof.value)


async def _create(now: datetime) -> UUID:
    member_id = new_id()
    await rows(statements.ADD_MEMBERS, [str(member_id)], now)
    if dialect() == "sqlite":
        await rows(statements.TAKE_ORDINALS, 1)
    return member_id


async def _write(member_id: UUID, decision: Decision, proofs: dict[Key, Proof], *, now: datetime, vault: Vault) -> None:
    """Add the identifiers that were decided, and an event for every link made or refused."""
    events = [] if decision.acting else [event_row(member_id, IdentityAct.CREATE)]
    events += bind_rows(member_id, decision, vault)
    for key in decision.refused:
        events += await _conflict(member_id, key, now=now, vault=vault)
    if identifiers := identifier_rows(member_id, decision, proofs, vault):
        await rows(statements.ADD_IDENTIFIERS, identifiers, now)
    if events:
        await rows(statements.ADD_EVENTS, events, now)


async def _conflict(member_id: UUID, key: Key, *, now: datetime, vault: Vault) -> list[dict[str, Any]]:
    """The event of a refused link; nothing when it is on record: a conflict that lasts is one row, not one a login."""
    mark = value_mark(member_id, key.value_hash, vault)
    recorded = IdentityEvent.filter(member_id=member_id, act=IdentityAct.CONFLICT, namespace=key.namespace)
    if await recorded.filter(value_mark=mark).exists():
        return []
    owner = await Identifier.get_or_none(
        namespace=key.namespace, scope=key.scope, value_hash=key.value_hash, status=IdentifierStatus.ACTIVE
    )
    owner_id: UUID | None = owner.member_id if owner else None  # type: ignore[attr-defined]
    if key.namespace in WORTH_A_REVIEW and owner_id is not None:  # a second value of their own is nobody's case
        await open_review(ReviewKind.CONFLICT, member_id, owner_id, at=now, namespace=key.namespace)
    other = str(owner_id) if owner_id else None
    return [event_row(member_id, IdentityAct.CONFLICT, key, value_mark=mark, other_member_id=other)]


async def _mark_seen(keys: Iterable[Key], member_id: UUID, now: datetime) -> None:
    await Identifier.filter(
        member_id=member_id,
        value_hash__in=[key.value_hash for key in keys],
        status=IdentifierStatus.ACTIVE,
        last_seen_at__lt=now - SEEN_AGAIN_AFTER,
    ).update(last_seen_at=now)
