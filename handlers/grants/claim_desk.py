"""Claims at the service desk: what a member got, how each came and went; and one taken back.

Support may look. Whoever sees the member or the offer sees the claim; acting on it takes the offer's organization.
"""

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.actors import Operator
from handlers.audit import record
from handlers.errors import ClaimStateWrong, ClaimUnknown, MemberUnknown, RoleMissing
from handlers.grants.taking_back import take_back
from handlers.ports import Clock
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.claim_states import stands
from handlers.rules.organization_scope import Scope
from handlers.rules.roles import Capability
from handlers.scopes import allowed
from handlers.standing import ids_of
from models.claims import ClaimEvent
from models.database import row, rows
from models.identity import Member
from models.sql import as_instant, as_uuid
from models.statements import grants as statements
from models.words import BenefitKind, ClaimSource, ClaimState, MemberStatus


@dataclass(frozen=True, slots=True)
class SeenClaim:
    """One claim. `state` is by the clock; `regranted_as` was given for it, `regrant_of` is what it was given for."""

    id: UUID
    member_id: UUID
    offer_id: UUID
    offer: str
    offer_version: int
    organization_id: UUID
    name: str
    kind: BenefitKind
    state: ClaimState
    source: ClaimSource
    uses_total: int
    uses_left: int
    claimed_at: datetime
    expires_at: datetime | None
    is_paused: bool
    is_returned: bool
    package_id: UUID | None
    grant_id: UUID | None
    regranted_as: UUID | None
    regrant_of: UUID | None
    is_code_spoilt: bool


@dataclass(frozen=True, slots=True)
class SeenEvent:
    """One edge that it went along, and on whose word."""

    from_state: str
    to_state: str
    reason: str
    actor_kind: str
    actor_id: str
    happened_at: datetime


@dataclass(frozen=True, slots=True)
class ClaimFile:
    """One claim with its history."""

    claim: SeenClaim
    events: tuple[SeenEvent, ...]


@dataclass(frozen=True, slots=True)
class Revoked:
    """The claim is the member's no more; `is_returned`: its unit went back to the stock."""

    claim_id: UUID
    state: ClaimState
    is_returned: bool


@refusing
class ClaimDesk:
    """Looks at claims, and takes one back."""

    def __init__(self, clock: Clock) -> None:
        self._clock = clock

    async def of_member(
        self, operator: Operator, member_id: UUID, *, before: UUID | None, limit: int
    ) -> tuple[SeenClaim, ...]:
        """What a member of the subtree got, merges followed, the newest first. Raises RoleMissing, MemberUnknown."""
        scope = await allowed(operator, Capability.CLAIMS_SEEN)
        member = await Member.get_or_none(id=member_id)
        canonical_id: UUID | None = member.canonical_id if member else None  # type: ignore[attr-defined]
        member = await Member.get(id=canonical_id) if canonical_id else member
        if member is None or member.status is MemberStatus.ERASED or not scope.sees(member.organization_id):  # type: ignore[attr-defined]
            raise MemberUnknown
        found = await rows(statements.OF_MEMBER, await ids_of(member.id), before, limit)
        now = self._clock.now()
        return tuple(_seen(each, now) for each in found)

    async def one(self, operator: Operator, claim_id: UUID) -> ClaimFile:
        """One claim with its events. Raises RoleMissing, ClaimUnknown."""
        scope = await allowed(operator, Capability.CLAIMS_SEEN)
        found = await visible(scope, claim_id)
        events = await ClaimEvent.filter(claim_id=claim_id).order_by("happened_at", "id")
        return ClaimFile(
            _seen(found, self._clock.now()),
            tuple(
                SeenEvent(each.from_state, each.to_state, each.reason, each.actor_kind, each.actor_id, each.happened_at)
                for each in events
            ),
        )

    async def revoke(
        self,
        operator: Operator,
        claim_id: UUID,
        *,
        reason: str,
        to_stock: bool = False,
        is_told: bool = True,
        request_id: str,
    ) -> Answer[Revoked]:
        """Take a claim back, a package with its parts that still stand. Its unit goes back where the offer says so, or
        where `to_stock` does and nothing of it was used.

        Raises RoleMissing, ClaimUnknown, ClaimStateWrong (used, over, or being fulfilled), KeyReused.
        """
        scope = await allowed(operator, Capability.GRANTS)

        async def effect() -> Revoked:
            now, found = self._clock.now(), await actable(scope, claim_id)
            taken = await take_back([claim_id], actor=operator, at=now, to_stock=to_stock, is_told=is_told)
            if claim_id not in taken.claim_ids:
                after = await visible(scope, claim_id)
                raise ClaimStateWrong(state=_state(after, now).value)
            told = {"reason": reason, "returned": bool(taken.returned), "offer": found["offer"]}
            place = as_uuid(found["organization_id"])
            await record(operator, "claim.revoked", "claim", claim_id, at=now, organization_id=place, **told)
            return Revoked(claim_id, ClaimState.REVOKED, bool(taken.returned))

        facts = {"id": claim_id, "reason": reason, "to_stock": to_stock, "is_told": is_told}
        return await once(operator, "claim.revoke", request_id, facts=facts, result=Revoked, effect=effect)


async def visible(scope: Scope, claim_id: UUID) -> Mapping[str, Any]:
    """A claim of an offer or of a member within the scope. Raises ClaimUnknown."""
    found = await row(statements.SEEN, claim_id)
    if found is None:
        raise ClaimUnknown
    place = as_uuid(found["owner_place"]) if found["owner_place"] else None
    if not (scope.sees(as_uuid(found["organization_id"])) or scope.sees(place)):
        raise ClaimUnknown
    return found


async def actable(scope: Scope, claim_id: UUID) -> Mapping[str, Any]:
    """A claim of an offer within the scope. Raises ClaimUnknown; RoleMissing where only the member is."""
    found = await visible(scope, claim_id)
    if not scope.sees(as_uuid(found["organization_id"])):
        raise RoleMissing
    return found


def _state(found: Mapping[str, Any], now: datetime) -> ClaimState:
    return stands(ClaimState(found["state"]), as_instant(found["expires_at"]) if found["expires_at"] else None, now)


def _seen(found: Mapping[str, Any], now: datetime) -> SeenClaim:
    def maybe(name: str) -> UUID | None:
        return as_uuid(found[name]) if found[name] else None

    return SeenClaim(
        id=as_uuid(found["id"]),
        member_id=as_uuid(found["owner_id"]),
        offer_id=as_uuid(found["offer_id"]),
        offer=found["offer"],
        offer_version=int(found["offer_version"]),
        organization_id=as_uuid(found["organization_id"]),
        name=found["name"],
        kind=BenefitKind(found["kind"]),
        state=_state(found, now),
        source=ClaimSource(found["source"]),
        uses_total=int(found["uses_total"]),
        uses_left=int(found["uses_left"]),
        claimed_at=as_instant(found["claimed_at"]),
        expires_at=as_instant(found["expires_at"]) if found["expires_at"] else None,
        is_paused=bool(found["is_paused"]),
        is_returned=bool(found["is_returned"]),
        package_id=maybe("package_id"),
        grant_id=maybe("grant_id"),
        regranted_as=maybe("regranted_as"),
        regrant_of=maybe("regrant_of"),
        is_code_spoilt=found["spoilt_code_id"] is not None,
    )
