"""Who holds some identifiers, with all that they hold: read under locks, for a decision about them."""

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from handlers.identity.identity_events import note
from handlers.ports import Vault
from handlers.rules.identity import Candidate, Key
from handlers.rules.namespaces import REGISTRY, Registry
from handlers.standing import canonical
from models.database import dialect, rows
from models.identity import Identifier, IdentityEvent, Member
from models.sql import as_instant, as_uuid
from models.statements import identity as statements
from models.words import IdentifierStatus, IdentityAct, Namespace

BUDGET_WINDOW = timedelta(days=1)


@dataclass(frozen=True, slots=True)
class Held:
    """The members that hold any of some keys, with all that each holds, and when each identifier was last seen."""

    candidates: tuple[Candidate, ...]
    last_seen_at: Mapping[Key, datetime]


async def locked_people(
    keys: Iterable[Key], asking: UUID | None, now: datetime, registry: Registry = REGISTRY
) -> list[Candidate]:
    """Those who hold any of these keys, and the asking one, with what a decision about them needs; all are locked.

    Locks: the identifiers' keys in sorted order, then the members that hold them in id order.
    """
    return list((await locked_held(keys, asking, now, registry)).candidates)


async def locked_held(keys: Iterable[Key], asking: UUID | None, now: datetime, registry: Registry = REGISTRY) -> Held:
    """The same, with when each identifier was last seen."""
    await lock_identifiers(keys)
    held = await _locked(keys, asking)
    if len(held.candidates) < 2:  # nobody to merge with, so nothing to weigh: the usual case costs no read
        return held
    return replace(held, candidates=tuple(await weighed(held.candidates, now, registry)))


async def without_expired(
    held: Held, *, now: datetime, vault: Vault, registry: Registry = REGISTRY
) -> tuple[Candidate, ...]:
    """The candidates without what was not seen for longer than its namespace lasts; those rows are history now."""
    expired = {
        key
        for key, seen_at in held.last_seen_at.items()
        if (lasts := registry[key.namespace].expires_after) is not None and seen_at < now - lasts
    }
    if not expired:  # what WeChat proves never expires: the usual case costs nothing
        return held.candidates
    for candidate in held.candidates:
        for key in sorted(expired & candidate.held):
            theirs = Identifier.filter(member_id=candidate.member_id, namespace=key.namespace, scope=key.scope)
            active = theirs.filter(value_hash=key.value_hash, status=IdentifierStatus.ACTIVE)
            await active.update(status=IdentifierStatus.REVOKED)
            await note(IdentityAct.UNBIND, candidate.member_id, key, at=now, vault=vault, reason="expired")
    return tuple(replace(candidate, held=candidate.held - expired) for candidate in held.candidates)


async def locked_pair(
    one_id: UUID, other_id: UUID, now: datetime, registry: Registry = REGISTRY
) -> tuple[Candidate, Candidate]:
    """Today's members behind two ids, locked in id order; one candidate twice when they are the same person."""
    wanted: set[UUID] = set()
    while True:
        one, other = await canonical(one_id), await canonical(other_id)
        if {one, other} <= wanted or dialect() == "sqlite":
            break
        await rows(statements.LOCK_MEMBERS, sorted({one, other}))
        wanted |= {one, other}
    found = {candidate.member_id: candidate for candidate in await weighed(await _held_by({one, other}), now, registry)}
    return found[one], found[other]


async def weighed(candidates: Sequence[Candidate], now: datetime, registry: Registry = REGISTRY) -> list[Candidate]:
    """The same, with how many merges each had today and whether they were seen lately."""
    ids = [candidate.member_id for candidate in candidates]
    merges = IdentityEvent.filter(member_id__in=ids, act=IdentityAct.MERGE, happened_at__gt=now - BUDGET_WINDOW)
    merged = Counter([merge.member_id for merge in await merges.only("id", "member_id")])  # type: ignore[attr-defined]
    seen = Identifier.filter(member_id__in=ids, status=IdentifierStatus.ACTIVE)
    if (asleep_after := registry[Namespace.PHONE].dormant_after) is not None:
        seen = seen.filter(last_seen_at__gte=now - asleep_after)
    awake = {identifier.member_id for identifier in await seen.only("id", "member_id")}  # type: ignore[attr-defined]
    return [
        replace(candidate, merged_today=merged[candidate.member_id], is_dormant=candidate.member_id not in awake)
        for candidate in candidates
    ]


async def lock_identifiers(keys: Iterable[Key]) -> None:
    """Wait until nobody else decides about any of these, whoever holds them; before locks on members are taken."""
    if dialect() == "postgres":
        numbers = sorted(int(key.value_hash[:16], 16) - (1 << 63) for key in keys)
        await rows(statements.LOCK_IDENTIFIERS, numbers)


async def _locked(keys: Iterable[Key], asking: UUID | None) -> Held:
    """The candidates, their rows locked in id order; read again until what was locked is what is meant.

    Somebody else may merge one of them while we wait for the lock: then the survivor must be locked as well.
    """
    locked: set[UUID] = set()
    while True:
        held = await _holders(keys, asking)
        wanted = {candidate.member_id for candidate in held.candidates}
        if wanted <= locked or dialect() == "sqlite":
            return held
        await rows(statements.LOCK_MEMBERS, sorted(wanted))
        locked |= wanted


async def _holders(keys: Iterable[Key], asking: UUID | None) -> Held:
    wanted = set(keys)
    joined: dict[UUID, bool] = {}
    held: dict[UUID, set[Key]] = {}
    last_seen_at: dict[Key, datetime] = {}
    for found in await rows(statements.HELD, [key.value_hash for key in wanted], asking):
        member_id = as_uuid(found["member_id"])
        joined[member_id] = found["joined_at"] is not None
        keys_held = held.setdefault(member_id, set())
        if found["value_hash"] is not None:
            key = identifier_key(found)
            keys_held.add(key)
            last_seen_at[key] = as_instant(found["last_seen_at"])
    candidates = (
        Candidate(member_id, joined[member_id], frozenset(keys_held)) for member_id, keys_held in held.items()
    )
    return Held(tuple(candidates), last_seen_at)


async def _held_by(member_ids: Iterable[UUID]) -> list[Candidate]:
    owners = list(member_ids)
    members = await Member.filter(id__in=owners).only("id", "joined_at")
    held: dict[UUID, set[Key]] = {member.id: set() for member in members}
    for identifier in await Identifier.filter(status=IdentifierStatus.ACTIVE, member_id__in=owners).all():
        key = Key(identifier.namespace, identifier.scope, identifier.value_hash)
        held[identifier.member_id].add(key)  # type: ignore[attr-defined]
    return [Candidate(member.id, member.joined_at is not None, frozenset(held[member.id])) for member in members]


def identifier_key(found: Mapping[str, Any]) -> Key:
    """The key of a row with namespace, scope and value_hash."""
    return Key(Namespace(found["namespace"]), found["scope"], found["value_hash"])
