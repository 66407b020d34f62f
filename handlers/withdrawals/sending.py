"""Withdrawals between us and the payment service: sent, heard of by notices, and asked about until they end.

It counts as sent in the database before anything leaves the house. Whatever is not a clear answer is asked about, under
the number that the row has had from the beginning; only a service that has none of it is sent it again.
"""

import logging
from collections.abc import Mapping
from datetime import datetime
from typing import Any
from uuid import UUID

from handlers.claims.claims import SYSTEM
from handlers.errors import NotSignedIn, PaymentNotOpen, PayNoticeUnreadable
from handlers.key_rotation import WITHDRAWAL_NAME
from handlers.orders.in_time import ANSWER_WITHIN, InTime
from handlers.orders.ordering import openid_of
from handlers.orders.watching import BATCH, each_of
from handlers.ports import Clock, Payments, ToTransfer, TransferSays, Vault
from handlers.retrying import again, refusing
from handlers.rules.withdrawal_states import Next, look_pause, next_act
from handlers.withdrawals.moving import go, note
from handlers.withdrawals.settling import Settled, payee_hash, settle
from handlers.withdrawals.withdrawal_terms import TERMS
from models.database import atomic, row, rows
from models.sql import as_instant, as_uuid
from models.statements import withdrawals as statements
from models.words import TransferHeard, WithdrawalState

PAYEE_CHANGED = "payee_changed"

log = logging.getLogger(__name__)


@refusing
class WithdrawalSending:
    """Sends, hears and asks."""

    def __init__(self, clock: Clock, vault: Vault, payments: Payments, *, answer_within: float = ANSWER_WITHIN) -> None:
        self._clock = clock
        self._vault = vault
        self._payments = payments
        self._in_time = InTime(answer_within)

    async def hear(self, headers: Mapping[str, str], body: bytes) -> WithdrawalState:
        """A notice about a transfer; the same one again changes nothing and is answered alike.

        Raises PayNoticeForged, PayNoticeUnreadable (none of ours, or other facts than ours), PaymentUnavailable (not
        done in time; it goes on behind the answer).
        """
        says = self._payments.transfer_notice(headers, body, now=self._clock.now())
        settled = await self._in_time.done(self._settle(says.number or "", says, is_notice=True))
        if settled is None or not settled.is_believed:
            raise PayNoticeUnreadable
        return settled.state

    async def look(self, withdrawal_id: UUID) -> None:
        """Send it if nobody did; otherwise ask what became of it, and do what follows."""
        found = await again(lambda: self._begin(withdrawal_id))
        if found is None:
            return
        if found["state"] == WithdrawalState.WAITING:
            await self._send(found)
            return
        if found["ending_at"] and found["state"] != WithdrawalState.MOVING:
            await self._payments.cancel_transfer(found["number"])
        says = await self._payments.query_transfer(found["number"])
        settled = await self._settle(found["number"], says)
        if settled is None or not settled.is_believed:
            return
        act = next_act(
            settled.state,
            says.heard,
            has_package=settled.has_package,
            is_ending=bool(found["ending_at"]),
            first_sent_at=as_instant(found["first_sent_at"]),
            sent_at=as_instant(found["sent_at"]),
            now=self._clock.now(),
        )
        if act is Next.GIVE_BACK:
            await again(lambda: self._give_back(withdrawal_id, as_instant(found["sent_at"])))
        elif act is Next.SEND and await again(lambda: self._send_again(found, settled.state)):
            await self._send(found)

    async def poll(self) -> int:
        """Look at every withdrawal whose time has come; how many there were."""
        due = [as_uuid(each["id"]) for each in await rows(statements.DUE, self._clock.now(), BATCH)]
        await each_of(due, self.look, "withdrawal_not_looked_at")
        return len(due)

    async def close(self) -> None:
        """Let what goes on behind an answer end."""
        await self._in_time.close()

    async def _send(self, found: Mapping[str, Any]) -> None:
        wanted = await self._wanted(found)
        if wanted is None:
            await again(lambda: self._end(as_uuid(found["id"]), PAYEE_CHANGED))
            return
        says = await self._payments.transfer(wanted)
        await self._settle(found["number"], says)
        if says.heard is TransferHeard.REFUSED:
            await again(lambda: self._end(as_uuid(found["id"]), says.reason))

    async def _wanted(self, found: Mapping[str, Any]) -> ToTransfer | None:
        """None: whoever asked is not known by that WeChat any more."""
        try:
            openid = await openid_of(self._vault, as_uuid(found["member_id"]), found["app_id"])
        except (NotSignedIn, PaymentNotOpen):
            return None
        if payee_hash(self._vault, found["app_id"], openid) != found["payee_hash"]:
            return None
        rules, cipher = TERMS.read(found["terms"]), found["name_cipher"]
        name = WITHDRAWAL_NAME.bound_to(as_uuid(found["id"]))
        return ToTransfer(
            number=found["number"],
            app_id=found["app_id"],
            amount_fen=int(found["amount_fen"]),
            remark=rules.remark,
            scene_id=rules.scene_id,
            reports=tuple((each.what, each.content) for each in rules.reports),
            openid=openid,
            name=self._vault.decrypt(cipher, bound_to=name) if cipher else "",
        )

    async def _begin(self, withdrawal_id: UUID) -> Mapping[str, Any] | None:
        """Whose look this is; what is to be sent counts as sent from here on. None: there is nothing to do."""
        async with atomic():
            now = self._clock.now()
            found = await row(statements.LOCKED_BY_ID, withdrawal_id)
            if found is None:
                return None
            following = now + look_pause(int(found["look_count"]) + 1)
            if not await rows(statements.TAKE_LOOK, withdrawal_id, now, following):
                return None
            if found["state"] != WithdrawalState.WAITING:
                return found
            if await self._wanted(found) is None:
                await go(found, WithdrawalState.RETURNED, PAYEE_CHANGED, SYSTEM, at=now)
                return None
            if not await rows(statements.SEND, withdrawal_id, now):
                return None
            await note(withdrawal_id, WithdrawalState.WAITING, WithdrawalState.SENT, "sent", SYSTEM, at=now)
            return found

    async def _send_again(self, found: Mapping[str, Any], state: WithdrawalState) -> bool:
        async with atomic():
            now, before = self._clock.now(), as_instant(found["sent_at"])
            return bool(await rows(statements.SEND_AGAIN, as_uuid(found["id"]), now, state.value, before))

    async def _give_back(self, withdrawal_id: UUID, sent_at: datetime) -> None:
        """What they said they never had. Unless it was sent again since we asked: that call may still arrive."""
        async with atomic():
            found = await row(statements.LOCKED_BY_ID, withdrawal_id)
            if found is None or as_instant(found["sent_at"]) != sent_at:
                return
            if found["state"] == WithdrawalState.SENT:
                await go(found, WithdrawalState.RETURNED, found["said"] or "not_taken", SYSTEM, at=self._clock.now())

    async def _end(self, withdrawal_id: UUID, reason: str) -> None:
        """It is not sent any more, and comes back once it is certain that nobody has it."""
        async with atomic():
            await rows(statements.SAID, withdrawal_id, reason[:64])
            await rows(statements.END, withdrawal_id, self._clock.now())

    async def _settle(self, number: str, says: TransferSays, *, is_notice: bool = False) -> Settled | None:
        async def attempt() -> Settled | None:
            async with atomic():
                return await settle(number, says, at=self._clock.now(), vault=self._vault, is_notice=is_notice)

        return await again(attempt)
