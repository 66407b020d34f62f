"""A plan is bought as an offer is: an order at the price of the published version, paid within 15 minutes.

Nothing is locked for it: nothing of it can run out. What it becomes is settled where every order is
(`handlers/orders/settling.py`).
"""

from dataclasses import dataclass, replace
from uuid import UUID

from handlers.accounts.accounts import Accounts
from handlers.actors import Person
from handlers.distribution.attributing import attribute_order
from handlers.errors import PaymentNotOpen, PlanNotAbove, PlanUnknown, PriceChanged
from handlers.orders.moving import note
from handlers.orders.order_views import OrderSeen, order_seen
from handlers.orders.ordering import Ordering, openid_of
from handlers.orders.wishes import Ordered, payer_hash
from handlers.paid_terms.having import published_plan
from handlers.plans.catalogue import priced, stands
from handlers.plans.members import joined
from handlers.ports import Clock, Payments, Vault
from handlers.requests import Answer, once
from handlers.retrying import refusing
from handlers.rules.order_states import LOCKED_FOR, next_look
from models.database import row
from models.ids import new_id
from models.orders import Order
from models.plans import PlanOrder
from models.statements import orders as order_statements
from models.words import OrderState, PaymentMethod, PlanState, PlanWay


@dataclass(frozen=True, slots=True)
class PlanWanted:
    """`expected_fen`: what they were shown that it costs them; None: not said."""

    plan_id: UUID
    expected_fen: int | None = None


@refusing
class PlanBuying:
    """Takes orders of plans, each at most once per key."""

    def __init__(self, clock: Clock, vault: Vault, accounts: Accounts, payments: Payments, ordering: Ordering) -> None:
        self._clock = clock
        self._vault = vault
        self._accounts = accounts
        self._payments = payments
        self._ordering = ordering

    async def order(self, person: Person, wanted: PlanWanted, *, request_id: str) -> Answer[Ordered]:
        """Whoever has nothing or the same level buys its time; of a higher level, the difference for what is left.

        Raises PaymentNotOpen, PlanUnknown, PlanNotAbove, PriceChanged, NotAMember, NotSignedIn, MemberFrozen,
        KeyReused; with the order kept, PaymentUnavailable (the same key goes on), PaymentRefused.
        """
        if not self._payments.mch_id:
            raise PaymentNotOpen
        app_id = (await self._accounts.get(person.account)).app.app_id
        openid = await openid_of(self._vault, person.member_id, app_id)

        async def effect() -> Ordered:
            return Ordered(await self._write(person, wanted, app_id, openid))

        answer = await once(person, "plan.order", request_id, facts=wanted, result=Ordered, effect=effect)
        payment = await self._ordering.payment(answer.value.order.id, openid)
        return Answer(replace(answer.value, payment=payment), answer.replayed)

    async def _write(self, person: Person, wanted: PlanWanted, app_id: str, openid: str) -> OrderSeen:
        now, member_id = self._clock.now(), await joined(person.member_id)
        plan = await published_plan(wanted.plan_id)
        if plan is None or plan.state is not PlanState.PUBLISHED:
            raise PlanUnknown
        theirs = await stands(member_id, now)
        price, terms, running = priced(plan, theirs, now), plan.terms, theirs.running
        if price.way is None:
            level = theirs.held.ladder.level(running.level) if running else None
            raise PlanNotAbove(level=level.name if level else "")
        if wanted.expected_fen not in {None, price.amount_fen}:
            raise PriceChanged(amount_fen=price.amount_fen)
        order_id, payer = new_id(), payer_hash(self._vault, app_id, openid)
        await Order.create(
            id=order_id,
            member_id=member_id,
            offer_version=0,
            title=terms.name,
            quantity=1,
            price_fen=price.amount_fen,
            amount_fen=price.amount_fen,
            method=PaymentMethod.WECHAT,
            number=order_id.hex,
            app_id=app_id,
            mch_id=self._payments.mch_id,
            payer_hash=payer,
            ordered_at=now,
            expires_at=now + LOCKED_FOR,
            look_at=next_look(now, 0, now),
        )
        await PlanOrder.create(
            order_id=order_id,
            plan_id=plan.id,
            plan_version=plan.version,
            way=price.way,
            level=terms.level,
            day_count=terms.day_count,
            expected_sequence=running.sequence if running and price.way is PlanWay.UPGRADE else 0,
        )
        await attribute_order(order_id, member_id, payer_hash=payer, at=now)
        await note(order_id, None, OrderState.WAITING, "ordered", person, at=now)
        found = await row(order_statements.ONE, order_id)
        assert found is not None  # noqa: S101 - written a moment ago
        return order_seen(found, now)
