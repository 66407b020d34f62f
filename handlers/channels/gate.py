"""The gate of channels: who signed a call, and whether it is let in.

Two steps, because only the first may happen before the body is understood: `who` reads and compares, `let_in` writes,
inside the transaction of what the call wants. A nonce is a row, so that neither another process nor an emptied cache
takes a call twice; written with the effect, it costs no commit of its own (docs/adr/0023).
"""

from collections import Counter
from collections.abc import Collection, Mapping, Sequence
from dataclasses import dataclass
from datetime import date, datetime, timedelta
from typing import Any
from uuid import UUID

from handlers.actors import Channel
from handlers.errors import (
    ChannelNotSigned,
    ChannelOff,
    ChannelQuotaUsed,
    ChannelReplayed,
    ChannelStale,
    DomainError,
)
from handlers.group_commit import GroupCommit
from handlers.key_rotation import CHANNEL_KEY
from handlers.ports import Clock, Vault
from handlers.recurring import BUSINESS_ZONE
from handlers.retrying import refusing
from handlers.rules.channel_calls import KEPT, is_fresh, is_signed_with, is_well_formed, signed_text
from handlers.rules.validity import begins, day_of
from models.database import atomic, put, require_atomic, rows
from models.gathering import Gathered
from models.ids import new_id
from models.sql import as_instant, as_uuid, dump_rows
from models.statements import channels as statements

BATCH = 1_000

_by_code: Gathered[str] = Gathered(
    statements.BY_CODE, value_of=lambda code: code, key_of=lambda found: str(found["code"])
)


@dataclass(frozen=True, slots=True)
class Heard:
    """A call as it came: the very bytes, and what its headers say."""

    method: str
    target: str  # path and query as they stand in the request
    body: bytes
    code: str
    timestamp: str
    nonce: str
    signature: str


@dataclass(frozen=True, slots=True)
class Signed:
    """A call that its channel has signed just now; `weight` of the day's quota is what it asks for."""

    channel: Channel
    nonce: str
    weight: int = 1


@refusing
class ChannelGate:
    """Knows who speaks, and lets in what is only read."""

    def __init__(self, clock: Clock, vault: Vault) -> None:
        self._clock = clock
        self._vault = vault
        self._lane: GroupCommit[Signed, bool] = GroupCommit("channel_calls", self._decide)

    async def who(self, heard: Heard) -> Signed:
        """Raises ChannelNotSigned, ChannelStale, ChannelOff. Nothing is written: whoever acts on it calls `let_in`."""
        if not is_well_formed(heard.timestamp, heard.nonce, heard.signature):
            raise ChannelNotSigned
        found = await _by_code.row(heard.code)
        now = self._clock.now()
        text = signed_text(heard.method, heard.target, heard.timestamp, heard.nonce, heard.body)
        # Without such a channel something is computed all the same: how long a refusal takes tells nothing.
        keys = self._keys(found, now) if found else (heard.code,)
        if not is_signed_with(keys, text, heard.signature) or found is None:
            raise ChannelNotSigned
        if not is_fresh(heard.timestamp, now):
            raise ChannelStale(now=now.isoformat())
        if not found["is_active"]:
            raise ChannelOff
        merchant_id = as_uuid(found["merchant_id"]) if found["merchant_id"] else None
        channel = Channel(as_uuid(found["id"]), found["code"], as_uuid(found["organization_id"]), merchant_id)
        return Signed(channel, heard.nonce)

    async def let_in(self, signed: Signed) -> None:
        """For a call that only reads: counted, and never taken again.

        Raises ChannelReplayed, ChannelQuotaUsed, ChannelOff, Overloaded, OutcomeUnknown.
        """
        await self._lane.submit(signed.channel.id, signed)

    async def close(self) -> None:
        """Let those who wait be answered."""
        await self._lane.close()

    async def forget(self) -> int:
        """The recurring job: nonces whose signature would be refused as stale anyway; how many there were."""
        gone, before = 0, self._clock.now() - KEPT
        while True:
            async with atomic():
                forgotten = len(await rows(statements.FORGET, before, BATCH))
            gone += forgotten
            if forgotten < BATCH:
                return gone

    async def _decide(self, batch: Sequence[Signed]) -> list[bool | DomainError]:
        return [each or True for each in await let_in(batch, at=self._clock.now())]

    def _keys(self, found: Mapping[str, Any], now: datetime) -> tuple[str, ...]:
        channel_id = as_uuid(found["id"])
        ciphers = [found["key_cipher"]]
        if found["previous_key_cipher"] and found["previous_until"] and now < as_instant(found["previous_until"]):
            ciphers.append(found["previous_key_cipher"])
        return tuple(self._vault.decrypt(each, bound_to=CHANNEL_KEY.bound_to(channel_id)) for each in ciphers)


async def let_in(calls: Sequence[Signed], *, at: datetime) -> list[DomainError | None]:
    """Decide about calls inside the open transaction, each channel's in the order in which they came.

    The channels' rows are locked from here on, in the order of ids: whoever decides about their orders is alone. Raises
    SerializationConflict.
    """
    require_atomic()
    held = await _hold({each.channel.id for each in calls})
    day = day_of(at, BUSINESS_ZONE)
    left = await _left(held, day)
    decided: list[DomainError | None] = []
    hearing: dict[tuple[UUID, str], int] = {}  # the place of the call that brought a nonce first
    for number, each in enumerate(calls):
        channel_id = each.channel.id
        if channel_id not in held:
            decided.append(ChannelOff())
        elif (channel_id, each.nonce) in hearing:
            decided.append(ChannelReplayed())
        elif each.weight > left.get(channel_id, each.weight):
            tomorrow = begins(day + timedelta(days=1), BUSINESS_ZONE)
            wait = max(int((tomorrow - at).total_seconds()), 1)
            decided.append(ChannelQuotaUsed(quota=held[channel_id], retry_after=wait))
        else:
            decided.append(None)
            hearing[channel_id, each.nonce] = number
            if channel_id in left:
                left[channel_id] -= each.weight
    fresh = await _hear(hearing, at)
    used: Counter[UUID] = Counter()
    for key, number in hearing.items():
        if key in fresh:
            used[key[0]] += calls[number].weight
        else:
            decided[number] = ChannelReplayed()
    await _use(used, day, at)
    return decided


async def _hold(channel_ids: set[UUID]) -> dict[UUID, int | None]:
    """The quotas of those that are on, their rows locked."""
    found = await rows(statements.LOCK, sorted(channel_ids))
    return {as_uuid(each["id"]): each["daily_quota"] for each in found if each["is_active"]}


async def _left(held: Mapping[UUID, int | None], day: date) -> dict[UUID, int]:
    """What is left today to those that have a quota."""
    quotas = {channel_id: quota for channel_id, quota in held.items() if quota is not None}
    if not quotas:
        return {}
    found = await rows(statements.USED, sorted(quotas), day.isoformat())
    used = {as_uuid(each["channel_id"]): int(each["used_count"]) for each in found}
    return {channel_id: quota - used.get(channel_id, 0) for channel_id, quota in quotas.items()}


async def _hear(nonces: Collection[tuple[UUID, str]], at: datetime) -> set[tuple[UUID, str]]:
    if not nonces:
        return set()
    text = dump_rows({"id": new_id(), "channel_id": channel_id, "nonce": nonce} for channel_id, nonce in nonces)
    return {(as_uuid(each["channel_id"]), str(each["nonce"])) for each in await rows(statements.HEAR, text, at)}


async def _use(used: Mapping[UUID, int], day: date, at: datetime) -> None:
    if not used:
        return
    text = dump_rows({"id": new_id(), "channel_id": key, "weight": weight} for key, weight in sorted(used.items()))
    moved = "a quota moved while its channel was locked"
    await put(statements.USE, text, at, day.isoformat(), count=len(used), conflict=moved)
