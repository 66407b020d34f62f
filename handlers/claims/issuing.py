"""New claims of an offer with everything that comes with them: their slots, their parts, their first step.

The one way to write claims, for claiming, for a package's later parts, and for grants. Inside an open transaction that
has decided that they may be, with the members' rows locked.
"""

from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

from handlers.benefits.kinds import DuePart, NewClaim, fulfiller
from handlers.claims.claims import Draft, Slot, write
from handlers.claims.paying import Paid, Purses, pay
from handlers.errors import OfferPaused, OfferSoldOut, RechargeToMissing
from handlers.offers.offers import benefit_terms
from handlers.ports import Vault
from handlers.requests import Actor
from handlers.rules.benefit_terms import BenefitTerms
from handlers.rules.eligibility import PublishedOffer
from handlers.rules.offer_terms import Period
from handlers.rules.validity import ends_at, period_ends_at
from models.database import rows
from models.failures import SerializationConflict
from models.ids import new_id
from models.sql import as_uuid
from models.statements import claims as statements
from models.words import BenefitKind, ClaimSource, ClaimState


@dataclass(frozen=True, slots=True)
class Wanted:
    """One claim that is to be: for whom, what they chose, the slots it takes up (period, number), on whose word.

    `recharge_to`: the phone number that a top-up goes to. `price_points`: what the member pays for it; `price_fen`:
    what was paid for it in money before.
    """

    member_id: UUID
    source: ClaimSource
    actor: Actor
    choices: tuple[str, ...] = ()
    slots: tuple[tuple[str, int], ...] = ()
    recharge_to: str = field(default="", repr=False)
    price_points: int = 0
    price_fen: int = 0


@dataclass(frozen=True, slots=True)
class Issued:
    """A claim that was written. `name` is what it is of."""

    id: UUID
    offer_id: UUID
    name: str
    kind: BenefitKind
    state: ClaimState
    uses: int
    claimed_at: datetime
    expires_at: datetime | None
    package_id: UUID | None = None


@dataclass(frozen=True, slots=True)
class _Part:
    id: UUID
    name: str
    kind: BenefitKind
    terms: BenefitTerms


@dataclass(frozen=True, slots=True)
class Lot:
    """Claims of one offer that are to be, their units taken from these counters."""

    offer: PublishedOffer
    wanted: list[Wanted]
    buckets: tuple[str, ...] = ()


async def issue(
    offer: PublishedOffer,
    wanted: Sequence[Wanted],
    *,
    at: datetime,
    zone: ZoneInfo,
    vault: Vault,
    buckets: tuple[str, ...] = (),
    reason: str = "claimed",
) -> list[tuple[Issued, ...]]:
    """`issue_all` for one offer."""
    lot = Lot(offer, list(wanted), buckets)
    return (await issue_all([lot], at=at, zone=zone, vault=vault, reason=reason))[0]


async def issue_all(
    lots: Sequence[Lot],
    *,
    at: datetime,
    zone: ZoneInfo,
    vault: Vault,
    reason: str = "claimed",
    purses: Purses | None = None,
) -> list[list[tuple[Issued, ...]]]:
    """Write the claims, each followed by its parts, in the order asked for. `purses`: those that were looked into.

    Raises SerializationConflict where a slot, points, or what a kind draws on, went to somebody else meanwhile;
    RechargeToMissing for a top-up that goes to no number; OfferPaused and OfferSoldOut of a package's parts.
    """
    drafted = [(lot, _drafts(lot, at, zone)) for lot in lots]
    drafts = [draft for _, theirs in drafted for draft in theirs]
    slots = [
        Slot(draft.id, draft.offer_id, draft.member_id, period, number)
        for lot, theirs in drafted
        for draft, each in zip(theirs, lot.wanted, strict=True)
        for period, number in each.slots
    ]
    await write(drafts, slots, at=at, vault=vault, reason=reason)
    if priced := [Paid(draft.id, draft.member_id, draft.price_points) for draft in drafts if draft.price_points]:
        await pay(priced, at=at, purses=purses)
    return [await _fulfil(lot, theirs, at=at, zone=zone, vault=vault) for lot, theirs in drafted]


def _drafts(lot: Lot, at: datetime, zone: ZoneInfo) -> list[Draft]:
    offer, benefit = lot.offer, lot.offer.benefit
    kind = fulfiller(benefit.kind)
    if kind.takes_number and not all(each.recharge_to for each in lot.wanted):
        raise RechargeToMissing
    first_state = kind.first_state(benefit.terms)
    # What somebody else fulfils is not the member's to use, so no time of theirs can run out over it.
    expires_at = None if first_state is ClaimState.PENDING else ends_at(offer.terms.validity, at, zone)
    return [
        Draft(
            id=new_id(),
            member_id=each.member_id,
            offer_id=offer.id,
            offer_version=offer.version,
            benefit_id=benefit.id,
            source=each.source,
            state=first_state,
            uses=kind.uses(benefit.terms),
            expires_at=expires_at,
            stock_buckets=lot.buckets,
            actor=each.actor,
            recharge_to=each.recharge_to,
            price_points=each.price_points,
            price_fen=each.price_fen,
        )
        for each in lot.wanted
    ]


async def _fulfil(
    lot: Lot, drafts: Sequence[Draft], *, at: datetime, zone: ZoneInfo, vault: Vault
) -> list[tuple[Issued, ...]]:
    benefit = lot.offer.benefit
    fresh = [NewClaim(draft.id, draft.member_id, each.choices) for draft, each in zip(drafts, lot.wanted, strict=True)]
    fulfilled = await fulfiller(benefit.kind).fulfil(benefit.terms, fresh, now=at)
    if fulfilled.lacking:
        raise SerializationConflict(f"{len(fulfilled.lacking)} claims found nothing to be fulfilled with")
    parents = {draft.id: draft for draft in drafts}
    parts = await add_parts(parents, fulfilled.parts, at=at, zone=zone, vault=vault) if fulfilled.parts else {}
    return [(_issued(draft, lot.offer.title, benefit.kind, at), *parts.get(draft.id, ())) for draft in drafts]


async def add_parts(
    packages: Mapping[UUID, Draft], due: Sequence[DuePart], *, at: datetime, zone: ZoneInfo, vault: Vault
) -> dict[UUID, list[Issued]]:
    """The parts that are due of these packages, with their slots and first steps, by package.

    A part of a natural period ends with it, and never later than its package. Raises OfferPaused (a part is, or its
    merchant), OfferSoldOut (a pool of codes is dry), SerializationConflict.
    """
    found = await rows(statements.PARTS, sorted({part.benefit for part in due}))
    if paused := next((each["name"] for each in found if each["is_paused"]), None):
        raise OfferPaused(title=paused)
    benefits = {each["code"]: _part(each) for each in found}
    drafts, slots, by_benefit = [], [], dict[str, list[Draft]]()
    for part in due:
        package, benefit = packages[part.package_id], benefits[part.benefit]
        kind = fulfiller(benefit.kind)
        draft = Draft(
            id=new_id(),
            member_id=package.member_id,
            offer_id=package.offer_id,
            offer_version=package.offer_version,
            benefit_id=benefit.id,
            source=ClaimSource.PACKAGE,
            state=kind.first_state(benefit.terms),
            uses=kind.uses(benefit.terms),
            expires_at=_part_ends_at(package, part, at, zone),
            package_id=package.id,
            actor=package.actor,
        )
        drafts.append(draft)
        slots.append(Slot(draft.id, package.offer_id, package.member_id, part.period, part.number))
        by_benefit.setdefault(part.benefit, []).append(draft)
    for code, theirs in sorted(by_benefit.items()):
        benefit = benefits[code]
        if not all(await fulfiller(benefit.kind).room(benefit.terms, [()] * len(theirs), now=at)):
            raise OfferSoldOut(title=benefit.name, next_at=None, more="暂无下一批")
    await write(drafts, slots, at=at, vault=vault, reason="package_part")
    issued: dict[UUID, list[Issued]] = {}
    for code, theirs in sorted(by_benefit.items()):
        benefit = benefits[code]
        fresh = [NewClaim(draft.id, draft.member_id) for draft in theirs]
        fulfilled = await fulfiller(benefit.kind).fulfil(benefit.terms, fresh, now=at)
        if fulfilled.lacking:
            raise SerializationConflict(f"{len(fulfilled.lacking)} parts found nothing to be fulfilled with")
    for part, draft in zip(due, drafts, strict=True):
        benefit = benefits[part.benefit]
        issued.setdefault(part.package_id, []).append(_issued(draft, benefit.name, benefit.kind, at))
    return issued


def _part_ends_at(package: Draft, part: DuePart, at: datetime, zone: ZoneInfo) -> datetime | None:
    ends = [package.expires_at, period_ends_at(Period(part.per), at, zone) if part.per else None]
    return min((end for end in ends if end is not None), default=None)


def _part(found: Mapping[str, Any]) -> _Part:
    return _Part(
        id=as_uuid(found["id"]),
        name=found["name"],
        kind=BenefitKind(found["kind"]),
        terms=benefit_terms(found["kind"], found["terms"]),
    )


def _issued(draft: Draft, name: str, kind: BenefitKind, at: datetime) -> Issued:
    return Issued(
        id=draft.id,
        offer_id=draft.offer_id,
        name=name,
        kind=kind,
        state=draft.state,
        uses=draft.uses,
        claimed_at=at,
        expires_at=draft.expires_at,
        package_id=draft.package_id,
    )
