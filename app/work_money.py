"""The jobs of money: orders and refunds, paid memberships, withdrawals, and the bills of the payment service."""

from datetime import date, datetime, time, timedelta
from uuid import UUID

from app.jobs import JobRegistry
from bot import carrier_texts, plan_texts, texts, withdrawal_texts
from handlers.catalogue import Handlers
from handlers.outbox import JobContext
from handlers.recurring import BUSINESS_ZONE, Daily, Every
from models.words import BillKind, CreditWay, PaymentMethod


def add_money(registry: JobRegistry[Handlers]) -> None:
    """Each kind with who does it."""
    registry.every("remind_memberships", Daily(time(10)), _remind_memberships)
    registry.add("say_membership_ending", _say_membership_ending)
    registry.add("say_membership", _say_membership)
    registry.add("end_co_brand", _end_co_brand, time_limit=timedelta(minutes=10))
    registry.every("poll_orders", Every(timedelta(seconds=15)), _poll_orders)
    registry.add("return_revoked", _return_revoked)
    registry.add("send_refund", _send_refund)
    registry.add("report_shipping", _report_shipping)
    registry.add("say_paid", _say_paid)
    registry.add("say_refunded", _say_refunded)
    registry.add("send_withdrawal", _send_withdrawal)
    registry.every("poll_withdrawals", Every(timedelta(seconds=15)), _poll_withdrawals)
    registry.add("say_withdrawal", _say_withdrawal)
    registry.every("defer_sales", Daily(time(0, 30)), _defer_sales)
    # The bills of a day are there at nine of the next one.
    registry.every("plan_reconciliation", Daily(time(10)), _plan_reconciliation)
    registry.every("forget_billing_months", Daily(time(4)), _forget_billing_months)
    registry.add("reconcile", _reconcile, time_limit=timedelta(minutes=10))


async def _remind_memberships(handlers: Handlers, job: JobContext) -> None:
    await handlers.plans.reminders.plan(datetime.fromisoformat(job.payload["slot"]))


async def _say_membership_ending(handlers: Handlers, job: JobContext) -> None:
    account, member_id = job.payload["account"], job.payload["member_id"]
    soon = await handlers.plans.reminders.due(account=account, member_id=member_id)
    if soon is not None:
        text = plan_texts.ending(soon.level, plan_texts.moment(soon.ends_at, BUSINESS_ZONE))
        await handlers.notices.send_text(account=account, member_id=member_id, text=text)


async def _say_membership(handlers: Handlers, job: JobContext) -> None:
    said = job.payload
    until = plan_texts.moment(datetime.fromisoformat(said["until"]), BUSINESS_ZONE)
    text = plan_texts.begun(said["title"], said["paid_fen"], until)
    await handlers.notices.tell(member_id=said["member_id"], text=text)


async def _end_co_brand(handlers: Handlers, job: JobContext) -> None:
    await handlers.co_brands.ending.end(UUID(job.payload["co_brand_id"]))


async def _poll_orders(handlers: Handlers, _: JobContext) -> None:
    await handlers.order_watch.poll()
    await handlers.order_refunds.return_unfulfilled()
    await handlers.order_refunds.poll()


async def _return_revoked(handlers: Handlers, job: JobContext) -> None:
    await handlers.order_refunds.return_revoked(UUID(job.payload["order_id"]))


async def _send_refund(handlers: Handlers, job: JobContext) -> None:
    await handlers.order_refunds.look(UUID(job.payload["refund_id"]))


async def _report_shipping(handlers: Handlers, job: JobContext) -> None:
    await handlers.order_shipping.report(UUID(job.payload["order_id"]))


async def _say_paid(handlers: Handlers, job: JobContext) -> None:
    said = job.payload
    await handlers.notices.tell(member_id=said["member_id"], text=texts.paid(said["title"], said["amount_fen"]))


async def _say_refunded(handlers: Handlers, job: JobContext) -> None:
    said = job.payload
    text = texts.refunded(said["title"], said["amount_fen"])
    if (way := said.get("credit")) is not None:
        text = carrier_texts.refunded(said["title"], said["amount_fen"], CreditWay(way))
    await handlers.notices.tell(member_id=said["member_id"], text=text)


async def _send_withdrawal(handlers: Handlers, job: JobContext) -> None:
    await handlers.withdrawals.sending.look(UUID(job.payload["withdrawal_id"]))


async def _poll_withdrawals(handlers: Handlers, _: JobContext) -> None:
    await handlers.withdrawals.sending.poll()


async def _say_withdrawal(handlers: Handlers, job: JobContext) -> None:
    said, told = job.payload, withdrawal_texts
    by_state = {"arrived": told.arrived, "returned": told.returned, "refused": told.refused}
    if (text := by_state.get(said["state"])) is not None:
        await handlers.notices.tell(member_id=said["member_id"], text=text(said["amount_fen"]))
    elif (deadline := await handlers.withdrawals.asking.waits_until(UUID(said["withdrawal_id"]))) is not None:
        waits = told.waits(said["amount_fen"], texts.until(deadline, BUSINESS_ZONE))
        await handlers.notices.tell(member_id=said["member_id"], text=waits)


async def _defer_sales(handlers: Handlers, _: JobContext) -> None:
    await handlers.sale_deferring.sweep()


async def _plan_reconciliation(handlers: Handlers, job: JobContext) -> None:
    await handlers.reconciliations.plan(datetime.fromisoformat(job.payload["slot"]))


async def _forget_billing_months(handlers: Handlers, _: JobContext) -> None:
    await handlers.carrier_billing.months.forget()


async def _reconcile(handlers: Handlers, job: JobContext) -> None:
    kind, day = BillKind(job.payload["kind_of_bill"]), date.fromisoformat(job.payload["day"])
    # A job of before there were two ways of paying names none.
    method = PaymentMethod(job.payload.get("method", PaymentMethod.WECHAT))
    await handlers.reconciliations.look(kind, day, method)
