"""What is held about the money of one person: what they ordered with it, and what they took out."""

from collections.abc import Callable
from uuid import UUID

from handlers.key_rotation import ORDER_NUMBER, WITHDRAWAL_NAME
from handlers.privacy.held import HeldOrder, HeldWithdrawal
from models.carrier import CarrierCharge
from models.orders import Order
from models.withdrawals import Withdrawal

Read = Callable[[str, str], str | None]  # opens a cipher that is bound to what comes second


async def orders_of(ids: list[UUID], read: Read) -> tuple[HeldOrder, ...]:
    """All of them, the oldest first."""
    billed = await CarrierCharge.filter(order__member_id__in=ids).values_list("order_id", "billing_month")
    months: dict[UUID, str] = dict(billed)
    return tuple(
        HeldOrder(
            number=each.number,
            title=each.title,
            quantity=each.quantity,
            amount_fen=each.amount_fen,
            refunded_fen=each.refunded_fen,
            state=each.state,
            method=each.method,
            billing_month=months.get(each.id, ""),
            recharge_to=read(each.recharge_to_cipher, ORDER_NUMBER.bound_to(each.id)),
            ordered_at=each.ordered_at,
            paid_at=each.paid_at,
        )
        for each in await Order.filter(member_id__in=ids).order_by("id")
    )


async def withdrawals_of(ids: list[UUID], read: Read) -> tuple[HeldWithdrawal, ...]:
    """All of them, the oldest first."""
    return tuple(
        HeldWithdrawal(
            number=each.number,
            amount_fen=each.amount_fen,
            state=each.state,
            name=read(each.name_cipher, WITHDRAWAL_NAME.bound_to(each.id)),
            asked_at=each.asked_at,
            closed_at=each.closed_at,
        )
        for each in await Withdrawal.filter(member_id__in=ids).order_by("id")
    )
