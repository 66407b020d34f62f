"""What paid orders become: the claims of an offer, with the money and the word to the member; many orders at once.

Inside the caller's open transaction, the orders' rows locked. Whoever cannot be given anything breaks the whole: the
caller has a savepoint around it, and tries each alone then.
"""

from collections.abc import Iterable, Mapping, Sequence
from dataclasses import replace
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID
from zoneinfo import ZoneInfo

import orjson

from handlers.benefits.kinds import fulfiller
from handlers.claims.claims import SYSTEM
from handlers.claims.issuing import Issued, Lot, Wanted, issue_all
from handlers.distribution.earning import Earns, earn_all
from handlers.errors import OfferPaused, OfferUnknown
from handlers.key_rotation import ORDER_NUMBER
from handlers.offers.offers import published, terms_of
from handlers.orders.locking import Holding, lock, write_slots
from handlers.orders.merchant_parts import sold
from handlers.orders.money import earned
from handlers.orders.points import give_back, require
from handlers.outbox import Later, later_many
from handlers.paid_terms.fee_shares import share_fee
from handlers.ports import Vault
from handlers.rules.eligibility import PublishedOffer
from handlers.standing import canonicals
from models.database import put, rows
from models.failures import SerializationConflict
from models.ids import new_id
from models.sql import as_uuid, dump_rows
from models.statements import claims as claim_statements
from models.statements import orders as statements
from models.words import ClaimSource, MemberStatus, OfferState, PaymentMethod

KNOWN_AFTER = timedelta(seconds=5)  # WeChat's own books are a little later than its notices

Found = Mapping[str, Any]  # an order's row
Became = list[tuple[Issued, ...]]  # of one order: each claim, followed by its parts


async def lock_members(orders: Iterable[Found]) -> dict[UUID, UUID]:
    """Who the members of these orders are today, their rows locked in the order of ids. Those who left are missing.

    Raises SerializationConflict: one was merged while we waited.
    """
    today = await canonicals(as_uuid(each["member_id"]) for each in orders)
    locked = await rows(claim_statements.CLAIMANTS, sorted(set(today.values()))) if today else []
    if any(each["status"] == MemberStatus.MERGED for each in locked):
        raise SerializationConflict("merged while we waited")
    return today


async def fulfil(
    orders: Sequence[Found],
    today: Mapping[UUID, UUID],
    *,
    again: bool = False,
    at: datetime,
    zone: ZoneInfo,
    vault: Vault,
) -> list[Became]:
    """The claims, out of what is locked, or is locked once more (`again`). `today`: the members, locked.

    Raises what stands against any of them: OfferPaused, OfferUnknown, PointsShort, what locking again raises, and what
    issuing raises.
    """
    offers = await _as_ordered(orders)
    names = {as_uuid(each["id"]): tuple(filter(None, each["stock_buckets"].split(","))) for each in orders}
    if again:
        for each in orders:
            order_id, offer, member_id = as_uuid(each["id"]), offers[_version(each)], today[as_uuid(each["member_id"])]
            names[order_id] = await _lock_again(each, offer, member_id, at=at, zone=zone)
    else:
        await _require_room(orders, offers, at)
    await _require_points(orders, today, at)
    lots: dict[tuple[UUID, int, tuple[str, ...]], tuple[Lot, list[UUID]]] = {}
    for each in orders:
        order_id, quantity = as_uuid(each["id"]), int(each["quantity"])
        key = (*_version(each), names[order_id])
        lot, whose = lots.setdefault(key, (Lot(offers[_version(each)], [], names[order_id]), []))
        lot.wanted.extend([_wanted(each, today[as_uuid(each["member_id"])], vault)] * quantity)
        whose.extend([order_id] * quantity)
    issued = await issue_all([lot for lot, _ in lots.values()], at=at, zone=zone, vault=vault, reason="ordered")
    became: dict[UUID, Became] = {as_uuid(each["id"]): [] for each in orders}
    for (_, whose), claims in zip(lots.values(), issued, strict=True):
        for order_id, claim in zip(whose, claims, strict=True):
            became[order_id].append(claim)
    await _take_over(became, {as_uuid(each["id"]): today[as_uuid(each["member_id"])] for each in orders})
    return list(became.values())


async def book(orders: Sequence[tuple[Found, Became]], *, at: datetime) -> None:
    """Which claims the orders became and what each has of the money, the money itself, and the word to the members."""
    parts: list[dict[str, Any]] = []
    sales: dict[UUID, dict[UUID, int]] = {}
    for found, became in orders:
        price = int(found["price_fen"])
        for claim, *_ in became:
            part_id = new_id()
            parts.append({"id": part_id, "order_id": as_uuid(found["id"]), "claim_id": claim.id, "amount_fen": price})
            sales.setdefault(as_uuid(found["offer_id"]), {})[part_id] = price
    if parts:
        await put(statements.ADD_CLAIMS, dump_rows(parts), at)
    await sold(sales, at=at)
    await earned({as_uuid(found["id"]): int(found["amount_fen"]) for found, _ in orders}, at=at)
    await earn_all([_earns(found) for found, _ in orders], at=at)
    for found, _ in orders:
        if found["offer_id"] is None:
            await share_fee(as_uuid(found["id"]), int(found["amount_fen"]), at=at)
    await later_many([job for found, _ in orders for job in _jobs(found, at)])


def _earns(found: Found) -> Earns:
    return Earns(as_uuid(found["id"]), as_uuid(found["member_id"]), int(found["amount_fen"]), found["payer_hash"])


def _jobs(found: Found, at: datetime) -> Iterable[Later]:
    order_id, member_id = str(as_uuid(found["id"])), str(as_uuid(found["member_id"]))
    if found["method"] == PaymentMethod.WECHAT:
        yield Later("report_shipping", f"shipping:{order_id}", at + KNOWN_AFTER, {"order_id": order_id})
    if found["offer_id"] is not None:  # a term of membership says so itself
        told = {"member_id": member_id, "title": found["title"], "amount_fen": int(found["amount_fen"])}
        yield Later("say_paid", f"paid:{order_id}", at, told, f"chat:{member_id}")


def _version(found: Found) -> tuple[UUID, int]:
    return as_uuid(found["offer_id"]), int(found["offer_version"])


async def _as_ordered(orders: Iterable[Found]) -> dict[tuple[UUID, int], PublishedOffer]:
    """Offers as they were ordered: the terms are those of the order's version, whatever was published since."""
    versions = {_version(each) for each in orders}
    offers = await published({offer_id for offer_id, _ in versions})
    terms = await terms_of(versions)
    if any(offer_id not in offers for offer_id, _ in versions):  # published once, or there were no order
        raise OfferUnknown
    return {key: replace(offers[key[0]], version=key[1], terms=terms[key]) for key in versions}


async def _lock_again(
    found: Found, offer: PublishedOffer, member_id: UUID, *, at: datetime, zone: ZoneInfo
) -> tuple[str, ...]:
    """From which counters, of an order whose time was over."""
    if offer.state is not OfferState.PUBLISHED or offer.benefit.is_paused:
        raise OfferPaused(title=offer.title)
    order_id = as_uuid(found["id"])
    locked = await lock(offer, member_id, int(found["quantity"]), _chosen(found), at=at, zone=zone)
    await write_slots([Holding(order_id, offer.id, member_id, locked.slots)], at=at)
    await put(statements.LOCKED_FROM, order_id, ",".join(locked.buckets))
    return locked.buckets


async def _require_room(
    orders: Iterable[Found], offers: Mapping[tuple[UUID, int], PublishedOffer], at: datetime
) -> None:
    """What the benefits themselves draw on, for all who draw on it."""
    wanted: dict[UUID, tuple[PublishedOffer, list[tuple[str, ...]]]] = {}
    for each in orders:
        offer = offers[_version(each)]
        wanted.setdefault(offer.benefit.id, (offer, []))[1].extend([_chosen(each)] * int(each["quantity"]))
    for _, (offer, choices) in sorted(wanted.items()):
        if not all(await fulfiller(offer.benefit.kind).room(offer.benefit.terms, choices, now=at, promised=True)):
            raise OfferPaused(title=offer.title)


async def _require_points(orders: Iterable[Found], today: Mapping[UUID, UUID], at: datetime) -> None:
    """What was set aside is what the claims spend; of an order that is late it was given back before."""
    costly = [each for each in orders if each["price_points"]]
    await give_back([as_uuid(each["id"]) for each in costly], at=at)
    needed: dict[UUID, int] = {}
    for each in costly:
        member_id = today[as_uuid(each["member_id"])]
        needed[member_id] = needed.get(member_id, 0) + int(each["price_points"]) * int(each["quantity"])
    for member_id, points in sorted(needed.items()):
        await require(member_id, points, at=at)


def _wanted(found: Found, member_id: UUID, vault: Vault) -> Wanted:
    cipher = found["recharge_to_cipher"]
    number = vault.decrypt(cipher, bound_to=ORDER_NUMBER.bound_to(as_uuid(found["id"]))) if cipher else ""
    return Wanted(
        member_id=member_id,
        source=ClaimSource.ORDER,
        actor=SYSTEM,
        choices=_chosen(found),
        recharge_to=number,
        price_points=int(found["price_points"]),
        price_fen=int(found["price_fen"]),
    )


async def _take_over(became: Mapping[UUID, Became], today: Mapping[UUID, UUID]) -> None:
    """The orders' slots become those of their claims: of each period one for each claim, in their order.

    Where a member was merged into another one since, they stay the order's: they count for the same person.
    """
    slots: dict[tuple[UUID, str], list[UUID]] = {}
    for each in await rows(statements.SLOTS, list(became)):
        order_id = as_uuid(each["order_id"])
        if as_uuid(each["member_id"]) == today[order_id]:
            slots.setdefault((order_id, each["period"]), []).append(as_uuid(each["id"]))
    taken = [
        {"id": slot_id, "claim_id": claim.id}
        for (order_id, _), theirs in slots.items()
        for slot_id, (claim, *_) in zip(theirs, became[order_id], strict=False)
    ]
    if taken:
        await put(statements.TAKE_OVER, dump_rows(taken))


def _chosen(found: Found) -> tuple[str, ...]:
    """The choices of a package, from the column's text."""
    listed: list[str] = orjson.loads(found["choices"])
    return tuple(listed)
