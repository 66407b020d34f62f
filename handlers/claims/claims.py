"""Claims as rows: written by the batch, moved along the graph with an event per edge, given back to the stock.

Plain functions, called inside an open transaction by whoever owns the act: claiming, grants, redemptions, the sweep.
"""

from collections.abc import Collection, Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.claims.typed_codes import code_hash, typed_code
from handlers.key_rotation import RECHARGE_TO
from handlers.ports import Vault
from handlers.requests import Actor
from handlers.rules.claim_states import FIRST, IllegalEdge, require_edge
from handlers.rules.phones import tail
from models.database import put, require_atomic, rows
from models.ids import new_id
from models.sql import as_uuid, dump_rows, instant_text
from models.statements import claims as statements
from models.words import ClaimSource, ClaimState

FIRST_CODE_VERSION = 0


@dataclass(frozen=True, slots=True)
class System:
    """What the house does by itself: the sweep of expiry."""

    kind: str = "system"
    actor_id: str = ""


SYSTEM = System()


@dataclass(frozen=True, slots=True)
class Draft:
    """A claim before its row is written. `stock_buckets`: which counters it was taken from; `recharge_to`: a top-up's
    phone number, in the clear here and nowhere else."""

    id: UUID
    member_id: UUID
    offer_id: UUID
    offer_version: int
    benefit_id: UUID
    source: ClaimSource
    state: ClaimState
    uses: int
    expires_at: datetime | None
    stock_buckets: tuple[str, ...] = ()
    package_id: UUID | None = None
    actor: Actor = SYSTEM
    recharge_to: str = field(default="", repr=False)
    price_points: int = 0
    price_fen: int = 0


@dataclass(frozen=True, slots=True)
class Slot:
    """The `number`-th claim (1, 2, ...) of a member within a period of an offer."""

    claim_id: UUID
    offer_id: UUID
    member_id: UUID
    period: str
    number: int


async def write(drafts: Sequence[Draft], slots: Sequence[Slot], *, at: datetime, vault: Vault, reason: str) -> None:
    """The rows of new claims, their slots and first events, set-based.

    Raises IllegalEdge. Where somebody else took a slot meanwhile, the transaction ends in SerializationConflict, and
    the batch is decided again.
    """
    require_atomic()
    if not drafts:
        return
    if any(draft.state not in FIRST for draft in drafts):
        raise IllegalEdge("a claim begins pending or issued")
    await put(statements.ADD_CLAIMS, dump_rows(_claim_row(draft, vault) for draft in drafts), at)
    if slots:
        text = dump_rows(map(_slot_row, slots))
        await put(statements.ADD_SLOTS, text, at, count=len(slots), conflict="a slot was taken meanwhile")
    await _note([(draft.id, "", draft.state, reason, draft.actor) for draft in drafts], at)


@dataclass(frozen=True, slots=True)
class Edge:
    """One claim's way from the state in which its caller saw it to another."""

    claim_id: UUID
    before: ClaimState
    after: ClaimState
    actor: Actor


async def transition(
    claims: Mapping[UUID, ClaimState], to: ClaimState, *, reason: str, actor: Actor, at: datetime
) -> frozenset[UUID]:
    """Move claims, each from the state in which its caller saw it, to `to`; as `move` does."""
    edges = [Edge(claim_id, before, to, actor) for claim_id, before in claims.items()]
    return await move(edges, reason=reason, at=at)


async def move(edges: Sequence[Edge], *, reason: str, at: datetime) -> frozenset[UUID]:
    """Move claims, no claim twice; which ones still stood where their caller saw them.

    Those that did not are unchanged, and missing from the answer. An event row per edge. Raises IllegalEdge (a mistake
    of the caller's), NotInTransaction.
    """
    require_atomic()
    _require(edges)
    if not edges:
        return frozenset()
    ordered = sorted(edges, key=lambda edge: edge.claim_id)
    wanted = [{"id": edge.claim_id, "before": edge.before, "after": edge.after} for edge in ordered]
    moved = {as_uuid(each["id"]) for each in await rows(statements.MOVE, dump_rows(wanted))}
    await _note_edges([edge for edge in ordered if edge.claim_id in moved], reason, at)
    return frozenset(moved)


async def went(edges: Sequence[Edge], *, reason: str, at: datetime) -> None:
    """Events of edges that a guarded statement of the caller's has just taken. Raises IllegalEdge, NotInTransaction."""
    require_atomic()
    _require(edges)
    await _note_edges(edges, reason, at)


def _require(edges: Iterable[Edge]) -> None:
    for before, after in {(edge.before, edge.after) for edge in edges}:
        require_edge(before, after)


async def take_units(offer_id: UUID, buckets: Iterable[str], count: int) -> None:
    """Take so many units from each of these counters of an offer, which the caller has locked and found enough in.

    Where a counter moved all the same, the transaction ends in SerializationConflict; decide again.
    """
    await take_all({(offer_id, name): count for name in buckets})


async def lock_units(counters: Collection[tuple[UUID, str]]) -> dict[tuple[UUID, str], int]:
    """What is left in each of these counters (offer, bucket) that are there, locked in the order of ids."""
    if not counters:
        return {}
    found = await rows(statements.LOCK_COUNTERS, _counters(dict.fromkeys(counters, 0)))
    return {(as_uuid(each["offer_id"]), each["bucket"]): int(each["left_count"]) for each in found}


async def take_all(units: Mapping[tuple[UUID, str], int]) -> None:
    """So many units from each of these counters (offer, bucket), locked and counted before; see `take_units`."""
    if units:
        moved = "a counter moved while it was locked"
        await put(statements.TAKE_STOCK, _counters(units), count=len(units), conflict=moved)


async def give_back(claim_ids: Collection[UUID]) -> int:
    """Return the units of unused claims to the counters they came from, each claim's once; how many claims' were.

    A claim that was used, came with a package, or was given a third party's code keeps its unit.
    """
    require_atomic()
    marked = await rows(statements.MARK_RETURNED, sorted(claim_ids)) if claim_ids else []
    if not marked:
        return 0
    units: dict[tuple[UUID, str], int] = {}
    for each in marked:
        for bucket in each["stock_buckets"].split(","):
            key = (as_uuid(each["offer_id"]), bucket)
            units[key] = units.get(key, 0) + 1
    await return_units(units)
    return len(marked)


async def return_units(units: Mapping[tuple[UUID, str], int]) -> None:
    """So many units to each of these counters (offer, bucket), locked in the order in which claiming locks them."""
    if not units:
        return
    await lock_units(units.keys())
    await put(statements.RETURN_STOCK, _counters(units))


def _counters(units: Mapping[tuple[UUID, str], int]) -> str:
    return dump_rows({"offer_id": key[0], "bucket": key[1], "number": number} for key, number in sorted(units.items()))


async def _note_edges(edges: Iterable[Edge], reason: str, at: datetime) -> None:
    await _note([(edge.claim_id, edge.before, edge.after, reason, edge.actor) for edge in edges], at)


async def _note(edges: Iterable[tuple[UUID, str, ClaimState, str, Actor]], at: datetime) -> None:
    events = [
        {
            "id": new_id(),
            "claim_id": claim_id,
            "from_state": before,
            "to_state": after,
            "reason": reason,
            "actor_kind": actor.kind,
            "actor_id": actor.actor_id,
        }
        for claim_id, before, after, reason, actor in edges
    ]
    if events:
        await put(statements.ADD_EVENTS, dump_rows(events), at)


def _claim_row(draft: Draft, vault: Vault) -> dict[str, Any]:
    row = {
        "id": draft.id,
        "member_id": draft.member_id,
        "offer_id": draft.offer_id,
        "offer_version": draft.offer_version,
        "benefit_id": draft.benefit_id,
        "package_id": draft.package_id,
        "source": draft.source,
        "state": draft.state,
        "uses": draft.uses,
        "expires_at": instant_text(draft.expires_at) if draft.expires_at else None,
        "code_hash": code_hash(vault, typed_code(vault, draft.id, FIRST_CODE_VERSION)),
        "stock_buckets": ",".join(draft.stock_buckets),
        "price_points": draft.price_points,
        "price_fen": draft.price_fen,
    }
    if number := draft.recharge_to:
        row["recharge_to_cipher"] = vault.encrypt(number, bound_to=RECHARGE_TO.bound_to(draft.id))
        row["recharge_to_tail"] = tail(number)
    return row


def _slot_row(slot: Slot) -> dict[str, Any]:
    return {
        "id": new_id(),
        "claim_id": slot.claim_id,
        "offer_id": slot.offer_id,
        "member_id": slot.member_id,
        "period": slot.period,
        "number": slot.number,
    }
