"""Orders of top-ups: placed after the claim's commit, asked about until they are settled, and heard of by notices.

What was perhaps sent is asked about before it is ever sent again, and then under the same number. Each look begins by
moving the next one on, so that two workers, or a job and the poll, do not speak about one order at the same time.
"""

import asyncio
import logging
from collections.abc import Mapping, Sequence
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from handlers.actors import Person
from handlers.errors import NoticeForged, NoticeUnreadable
from handlers.fulfillment.settling import Settled, move, note, settle
from handlers.identity.proofs import bound_to
from handlers.key_rotation import RECHARGE_TO, SUPPLIER_SECRET
from handlers.ports import Clock, Supplier, SupplierAccess, SupplierSays, TopUpOrder, Vault
from handlers.retrying import again, refusing
from handlers.rules.fulfillment_states import Act, may_send_again, next_act, pause_after
from handlers.rules.phones import masked, normalise
from handlers.standing import canonical
from models.database import atomic, row, rows
from models.fulfillments import Supplier as SupplierRow
from models.identity import Identifier
from models.sql import as_uuid
from models.statements import fulfillments as statements
from models.words import FulfillmentAct, FulfillmentState, IdentifierStatus, Namespace

AT_ONCE = 10  # orders that one poll asks about at the same time
BATCH = 200
HINDRANCE = "top_up.under_way"
HOME = "86"

log = logging.getLogger(__name__)


@dataclass(frozen=True, slots=True)
class TopUpTold:
    """What a member is told about: the benefit, and the last four digits of the number."""

    benefit: str
    tail: str


@dataclass(frozen=True, slots=True)
class OwnNumber:
    """A number that is charged without being asked for, and how it is said back."""

    number: str = field(repr=False)
    masked: str


@dataclass(frozen=True, slots=True)
class NoticeTaken:
    """A notice was understood; the order stands there now, by it or by an earlier one."""

    state: FulfillmentState


@refusing
class TopUpOrders:
    """Speaks with suppliers about the orders of claims."""

    def __init__(self, clock: Clock, vault: Vault, supplier: Supplier) -> None:
        self._clock = clock
        self._vault = vault
        self._supplier = supplier

    async def look(self, fulfillment_id: UUID) -> None:
        """Place the order, or ask what became of it, and take in the answer. Doing it again does no harm.

        Raises VaultError (a key is missing: nothing was sent).
        """
        found, act = await again(lambda: self._begin(fulfillment_id))
        if act is Act.LEAVE:
            return
        if act is Act.ASK:
            says = await self._supplier.query(self._access(found), found["order_no"])
            await self._take_in(found, says, FulfillmentAct.QUERY)
            if not may_send_again(says.heard, is_paused=bool(found["is_paused"])):
                return
            if not await again(lambda: self._begin_again(found)):
                return
        says = await self._supplier.order(self._access(found), self._order(found))
        await self._take_in(found, says, FulfillmentAct.ORDER)

    async def poll(self) -> int:
        """Look at every order whose time has come; how many there were. One that fails keeps none of the others."""
        due = [as_uuid(each["id"]) for each in await rows(statements.DUE, self._clock.now(), BATCH)]
        gate = asyncio.Semaphore(AT_ONCE)

        async def one(order_id: UUID) -> None:
            async with gate:
                try:
                    await self.look(order_id)
                except Exception as error:
                    facts = {"fulfillment_id": str(order_id), "error": type(error).__name__}
                    log.exception("top_up_not_looked_at", extra=facts)

        await asyncio.gather(*map(one, due))
        return len(due)

    async def hear(self, code: str, headers: Mapping[str, str], body: bytes) -> NoticeTaken:
        """A supplier's notice; the same one again changes nothing and is answered alike.

        Raises NoticeForged (also for a supplier that we do not have), NoticeUnreadable (no order of theirs, or not its
        amount).
        """
        now = self._clock.now()
        supplier = await SupplierRow.get_or_none(code=code)
        if supplier is None:
            raise NoticeForged
        says = self._supplier.notice(self._opened(supplier), headers, body, now=now)

        async def attempt() -> Settled | None:
            async with atomic():
                return await settle(says.order_no or "", says, FulfillmentAct.NOTICE, at=now, supplier_id=supplier.id)

        settled = await again(attempt)
        if settled is None or not settled.is_believed:
            raise NoticeUnreadable
        return NoticeTaken(settled.state)

    async def told(self, fulfillment_id: UUID) -> TopUpTold | None:
        """What to say to the member about an order; None when it is not there."""
        found = await row(statements.ONE, fulfillment_id)
        return TopUpTold(found["benefit_name"], found["recharge_to_tail"]) if found else None

    async def login_phone(self, person: Person) -> OwnNumber | None:
        """The person's own verified mainland number, to charge in chat; None where there is none."""
        phone = await Identifier.get_or_none(
            member_id=await canonical(person.member_id),
            namespace=Namespace.PHONE,
            scope=HOME,
            status=IdentifierStatus.ACTIVE,
        )
        if phone is None:
            return None
        number = normalise(self._vault.decrypt(phone.value_cipher, bound_to=bound_to(phone.id)), HOME)
        return OwnNumber(number, masked(number)) if number else None

    async def hinders_leaving(self, member_ids: Sequence[UUID]) -> str | None:
        """Why somebody cannot leave yet: what their supplier may have must first be known.

        Inside the transaction in which they leave. What was not sent is withdrawn first, and rolled back with them
        where they stay after all; so nothing can be sent between this look and their end.
        """
        ids = list(member_ids)
        await rows(statements.CANCEL_WAITING, ids, self._clock.now())
        return HINDRANCE if await rows(statements.UNDER_WAY, ids) else None

    async def _begin(self, fulfillment_id: UUID) -> tuple[Mapping[str, Any], Act]:
        """Whose look this is, and what is to be done; what is to be sent counts as sent from here on."""
        async with atomic():
            now = self._clock.now()
            found = await row(statements.ONE, fulfillment_id)
            if found is None:
                return {}, Act.LEAVE
            following = now + pause_after(int(found["look_count"]) + 1)
            if not await rows(statements.TAKE_LOOK, fulfillment_id, now, following):
                return found, Act.LEAVE
            state = FulfillmentState(found["state"])
            act = next_act(state, is_paused=bool(found["is_paused"]))
            if act is Act.SEND:
                self._order(found)  # a number that cannot be read must not leave an order that seems sent
                self._access(found)
                if not await move(found, state, FulfillmentState.SENT, at=now):
                    return found, Act.LEAVE
                await note(fulfillment_id, FulfillmentAct.ORDER, "begun", at=now)
            return found, act

    async def _begin_again(self, found: Mapping[str, Any]) -> bool:
        """Before the same number is sent once more: whether it is still open, and nobody has paused its supplier."""
        async with atomic():
            fresh = await row(statements.LOCKED, found["order_no"])
            if fresh is None or fresh["is_paused"] or fresh["state"] != FulfillmentState.SENT:
                return False
            await note(as_uuid(found["id"]), FulfillmentAct.ORDER, "begun", at=self._clock.now())
            return True

    async def _take_in(self, found: Mapping[str, Any], says: SupplierSays, act: FulfillmentAct) -> None:
        async def attempt() -> None:
            async with atomic():
                await settle(
                    *(found["order_no"], says, act), at=self._clock.now(), supplier_id=as_uuid(found["supplier_id"])
                )

        await again(attempt)

    def _order(self, found: Mapping[str, Any]) -> TopUpOrder:
        bound = RECHARGE_TO.bound_to(as_uuid(found["claim_id"]))
        number = self._vault.decrypt(found["recharge_to_cipher"], bound_to=bound)
        return TopUpOrder(found["order_no"], found["product"], int(found["face_value_fen"]), number)

    def _access(self, found: Mapping[str, Any]) -> SupplierAccess:
        bound = SUPPLIER_SECRET.bound_to(as_uuid(found["supplier_id"]))
        secret = self._vault.decrypt(found["secret_cipher"], bound_to=bound)
        return SupplierAccess(found["supplier"], found["api_url"], secret)

    def _opened(self, supplier: SupplierRow) -> SupplierAccess:
        bound = SUPPLIER_SECRET.bound_to(supplier.id)
        return SupplierAccess(
            supplier.code, supplier.api_url, self._vault.decrypt(supplier.secret_cipher, bound_to=bound)
        )
