"""Money that members take out: what there is, `GET/POST /me/withdrawals`, and the page on which they take it."""

from datetime import datetime
from typing import Annotated

from aiohttp import web
from pydantic import Field, StringConstraints

from handlers.errors import (
    MemberFrozen,
    MoneyShort,
    Overloaded,
    WithdrawalClosed,
    WithdrawalCooling,
    WithdrawalMoving,
    WithdrawalNameless,
    WithdrawalNotOpen,
    WithdrawalOpen,
    WithdrawalTooLarge,
    WithdrawalTooMuch,
    WithdrawalTooOften,
    WithdrawalTooSmall,
    WithdrawalUnknown,
)
from handlers.withdrawals.withdrawal_views import Confirmation, WithdrawalSeen
from miniapp_api.auth import person
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.member.order_shapes import MostFen
from miniapp_api.operator.shapes import after
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.shapes import Body, Cursor, Id, Limit, Out, Page, encode_cursor
from models.words import WithdrawalState

Name = Annotated[str, StringConstraints(strip_whitespace=True, max_length=32)]


class WithdrawalBody(Body):
    """`name`: as WeChat knows them; needed from `name_from_fen` of the balance on, kept only until it has arrived."""

    amount_fen: MostFen
    name: Name = ""


class WithdrawalOut(Out):
    """One withdrawal. `confirm`: it has to be taken on the page that `confirmation` opens, until `confirm_by`."""

    id: Id
    number: str = Field(description="what stands on the bill of WeChat Pay")
    amount_fen: int
    state: WithdrawalState
    reason: str
    asked_at: datetime
    confirm_by: datetime | None
    closed_at: datetime | None

    @classmethod
    def of(cls, seen: WithdrawalSeen) -> "WithdrawalOut":
        """In its outer shape."""
        return cls.model_validate(seen)


class ConfirmationOut(Out):
    """What `wx.requestMerchantTransfer` takes, as often as the page is opened. That it says "ok" proves nothing."""

    mch_id: str
    app_id: str
    package: str


class WithdrawalWithPage(Out):
    withdrawal: WithdrawalOut
    confirmation: ConfirmationOut | None

    @classmethod
    def of(cls, seen: WithdrawalSeen, confirmation: Confirmation | None) -> "WithdrawalWithPage":
        """In its outer shape."""
        page = ConfirmationOut.model_validate(confirmation) if confirmation else None
        return cls(withdrawal=WithdrawalOut.of(seen), confirmation=page)


class BalanceOut(Out):
    """What there is of money, and by which limits it is taken out; `held_fen` is on its way."""

    available_fen: int
    held_fen: int
    is_open: bool
    least_fen: int
    most_fen: int
    name_from_fen: int
    under_way: WithdrawalOut | None


@endpoint(tags=["withdrawal"], auth="person")
async def my_balance(request: web.Request) -> Ok[BalanceOut]:
    """What there is of money."""
    return Ok(BalanceOut.model_validate(await handlers(request).withdrawals.asking.balance(person(request))))


@endpoint(tags=["withdrawal"], auth="person")
async def my_withdrawals(
    request: web.Request, limit: Limit = 20, cursor: Cursor | None = None
) -> Ok[Page[WithdrawalOut]]:
    """The person's withdrawals, the newest first."""
    found = await handlers(request).withdrawals.asking.mine(person(request), after=after(cursor), limit=limit + 1)
    more = encode_cursor([str(found[limit - 1].id)]) if len(found) > limit else None
    return Ok(Page(items=[WithdrawalOut.of(each) for each in found[:limit]], next_cursor=more))


@endpoint(
    tags=["withdrawal"],
    auth="person",
    refuses=[
        WithdrawalClosed,
        WithdrawalOpen,
        WithdrawalTooSmall,
        WithdrawalTooLarge,
        WithdrawalTooOften,
        WithdrawalTooMuch,
        WithdrawalCooling,
        WithdrawalNameless,
        MoneyShort,
        MemberFrozen,
        Overloaded,
    ],
)
async def withdraw(request: web.Request, body: WithdrawalBody, *, idempotency_key: str) -> Created[WithdrawalOut]:
    """Set so much aside and send it to their WeChat wallet; `review`: operators look at it first."""
    asking = handlers(request).withdrawals.asking
    answer = await asking.ask(person(request), amount_fen=body.amount_fen, name=body.name, request_id=idempotency_key)
    return reply(answer, WithdrawalOut.of, status=201)


@endpoint(tags=["withdrawal"], auth="person", refuses=[WithdrawalUnknown])
async def one_withdrawal(request: web.Request, withdrawal_id: Id, /) -> Ok[WithdrawalWithPage]:
    """One withdrawal, and how to take it while it waits for that."""
    seen, confirmation = await handlers(request).withdrawals.asking.one(person(request), withdrawal_id)
    return Ok(WithdrawalWithPage.of(seen, confirmation))


@endpoint(
    tags=["withdrawal"],
    auth="person",
    refuses=[WithdrawalUnknown, WithdrawalNotOpen, WithdrawalMoving, MemberFrozen],
)
async def cancel_withdrawal(request: web.Request, withdrawal_id: Id, /, *, idempotency_key: str) -> Ok[WithdrawalOut]:
    """Have it back: at once, or once WeChat Pay has given it up."""
    asking = handlers(request).withdrawals.asking
    answer = await asking.cancel(person(request), withdrawal_id, request_id=idempotency_key)
    return reply(answer, WithdrawalOut.of, status=200)


ROUTES = [
    web.get("/me/balance", my_balance),
    web.get("/me/withdrawals", my_withdrawals),
    web.post("/me/withdrawals", withdraw),
    web.get("/me/withdrawals/{withdrawal_id}", one_withdrawal),
    web.post("/me/withdrawals/{withdrawal_id}/cancel", cancel_withdrawal),
]
