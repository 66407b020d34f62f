"""Purchases of people who were not known: credited once they have joined or bound, given up when the window is over.

And what members owe after refunds, taken as soon as there is something. A recurring job; two at once share the work.
"""

from collections.abc import Sequence
from datetime import datetime, timedelta
from functools import partial
from uuid import UUID

from handlers.ports import Clock
from handlers.purchases.buyers import EVER, locked_buyers
from handlers.purchases.crediting import Crediting, collect, credit
from handlers.purchases.told import Buyer
from handlers.retrying import again
from handlers.rules.purchases import Line
from models.database import atomic, rows
from models.sql import as_instant, as_uuid, dump_rows
from models.statements import purchases as statements
from models.words import BuyerKind

CHUNK = 100  # purchases, or members, per transaction


class WaitingPurchases:
    """`phone_dormant_after`: a phone that was silent for so long is nobody's."""

    def __init__(self, clock: Clock, phone_dormant_after: timedelta | None) -> None:
        self._clock = clock
        self._phone_dormant_after = phone_dormant_after

    async def look(self) -> int:
        """Credit what has become somebody's, forget whose it was where nobody came; how many were credited."""
        credited = 0
        while True:
            now = self._clock.now()
            since = now - self._phone_dormant_after if self._phone_dormant_after else EVER
            found = [as_uuid(each["id"]) for each in await rows(statements.KNOWN_BY_NOW, now, since, CHUNK)]
            done = await again(partial(self._credit, found, now)) if found else 0
            credited += done
            if len(found) < CHUNK or not done:  # whoever cannot be credited is looked at again next time
                break
        async with atomic():
            await rows(statements.LAPSE, self._clock.now())
        return credited

    async def collect(self) -> int:
        """Take what is owed, as far as there is something; how much it was."""
        collected, after = 0, None
        while True:
            found = [as_uuid(each["id"]) for each in await rows(statements.OWING, after, CHUNK)]
            for member_id in found:
                collected += await again(partial(self._collect, member_id))
            if len(found) < CHUNK:
                return collected
            after = found[-1]

    async def _credit(self, purchase_ids: Sequence[UUID], now: datetime) -> int:
        async with atomic():
            found = {as_uuid(each["id"]): each for each in await rows(statements.LOCKED, list(purchase_ids))}
            open_ = [key for key, each in found.items() if each["credited_at"] is None and each["buyer_hash"]]
            asked = {
                as_uuid(each["id"]): Buyer(BuyerKind(each["buyer_kind"]), each["buyer_hash"])
                for each in await rows(statements.BOUGHT_BY, open_)
            }
            known = await locked_buyers(asked.values(), at=now, dormant_after=self._phone_dormant_after)
            lines: dict[UUID, list[Line]] = {}
            for each in await rows(statements.LINES, open_):
                line = Line(each["category"], int(each["amount_fen"]))
                lines.setdefault(as_uuid(each["purchase_id"]), []).append(line)
            wanted = [
                Crediting(
                    purchase_id=key,
                    member_id=known[buyer],
                    amount_fen=int(found[key]["amount_fen"]),
                    refunded_fen=int(found[key]["refunded_fen"]),
                    paid_at=as_instant(found[key]["paid_at"]),
                    lines=tuple(lines.get(key, ())),
                )
                for key, buyer in asked.items()
                if buyer in known
            ]
            if wanted:
                text = dump_rows([{"id": each.purchase_id, "member_id": each.member_id} for each in wanted])
                await rows(statements.CREDIT, text, now)
                await credit(wanted, at=now)
                await collect({each.member_id for each in wanted}, at=now)
            return len(wanted)

    async def _collect(self, member_id: UUID) -> int:
        async with atomic():
            if not await rows(statements.LOCK_BUYERS, [member_id]):
                return 0
            return await collect([member_id], at=self._clock.now())
