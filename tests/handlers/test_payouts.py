"""付款: what merchants confirm is paid once, by two people, and the ledger says the same."""

import asyncio
from uuid import UUID

import pytest
from tortoise.exceptions import IntegrityError, OperationalError

from handlers.errors import (
    ApprovalOwn,
    PayoutEmpty,
    PayoutStateWrong,
    PayoutUnknown,
    RoleMissing,
    StatementConfirmed,
    StatementsForManagers,
    StatementUnknown,
)
from handlers.retrying import DatabaseBusy
from handlers.rules.payout_states import EDGES, Due, Line, lines_of
from models.database import script
from models.ids import new_id
from models.ledger import Transfer
from models.operators import AuditEntry
from models.organizations import Organization
from models.payouts import PayoutBatch, PayoutLine, PayoutStatement, StatementReply
from models.settlement import SettlementStatement
from models.statements import payouts as statements
from models.words import OperatorRole, PayoutState, StatementReplyKind
from tests.handlers.counter import open_counter
from tests.handlers.offering import key, operator_at
from tests.handlers.settling import Books, breaches
from tests.operating import city

ONE, TWO, THREE = (UUID(int=number) for number in (1, 2, 3))


class Ledgers(Books):
    """The books of one merchant, and two of finance who pay it."""

    async def open(self):
        root = await Organization.get(parent=None)
        self.first, self.second = [await operator_at(root, OperatorRole.FINANCE) for _ in range(2)]
        return self

    async def day(self, person, *fens: int, taken_back: object = None) -> SettlementStatement:
        """A day on which so much was redeemed (and this row taken back), closed; its statement."""
        made = [await self.redeemed(person, price_fen=each, share_bp=10_000) for each in fens]
        if taken_back is not None:
            await self.counter.reverse(taken_back, by=self.counter.manager)
        self.last = made[-1] if made else None
        assert await self.close(self.next_day()) == 1
        return await SettlementStatement.all().order_by("-id").first()

    async def confirm(self, statement, *, by=None, request_id=None):
        replies = self.counter.handlers.statement_replies
        return await replies.confirm(by or self.counter.manager, statement.id, request_id=request_id or key())

    async def dispute(self, statement, note: str = "少了一笔"):
        replies = self.counter.handlers.statement_replies
        return await replies.dispute(self.counter.manager, statement.id, note=note, request_id=key())

    async def propose(self, by=None):
        payouts = self.counter.handlers.payouts
        return (await payouts.propose(by or self.first, until_on=self.today, request_id=key())).value

    async def approve(self, batch, by=None):
        payouts = self.counter.handlers.payouts
        return (await payouts.approve(by or self.second, batch.head.id, request_id=key())).value

    async def pay(self, batch, reference="B-1", *, request_id=None):
        payouts = self.counter.handlers.payouts
        answer = await payouts.paid(self.first, batch.head.id, reference=reference, request_id=request_id or key())
        return answer.value

    async def cancel(self, batch):
        return (await self.counter.handlers.payouts.cancel(self.first, batch.head.id, request_id=key())).value


@pytest.fixture
async def books(rooms, clock):
    """Whatever a test does, `doctor` has nothing to say in the end."""
    books = await Ledgers(await open_counter(rooms), clock).open()
    yield books
    assert await breaches() == []


@pytest.fixture
async def ming(rooms):
    return await rooms.member("o-ming")


async def booked() -> dict[str, int]:
    """What was booked of each kind of cause, in fen."""
    found: dict[str, int] = {}
    for each in await Transfer.filter(unit="fen"):
        found[each.cause_kind] = found.get(each.cause_kind, 0) + each.amount
    return found


# --- the merchant's word


async def test_a_statement_is_disputed_until_it_is_confirmed_and_then_nothing_more_is_said(books, ming):
    statement = await books.day(ming, 1000, 500)
    said = (await books.dispute(statement)).value
    assert (said.kind, said.note, said.payable_fen) == (StatementReplyKind.DISPUTED, "少了一笔", 1500)
    with pytest.raises(PayoutEmpty):
        await books.propose()
    assert (await books.confirm(statement, request_id="tap")).value.payable_fen == 1500
    assert (await books.confirm(statement, request_id="tap")).replayed
    for again in (books.confirm, books.dispute):
        with pytest.raises(StatementConfirmed):
            await again(statement)
    (seen,) = await books.counter.handlers.statements.own_listing(books.counter.manager, before=None, limit=9)
    assert (seen.reply, seen.reply_note, seen.payout) == (StatementReplyKind.CONFIRMED, "", None)
    assert await booked() == {"statement": 1500}
    entries = await AuditEntry.filter(action__startswith="statement.").order_by("id").values_list("action", flat=True)
    assert list(entries) == ["statement.closed", "statement.disputed", "statement.confirmed"]


async def test_only_managers_of_the_merchant_speak_for_it(books, ming, rooms):
    statement = await books.day(ming, 100)
    with pytest.raises(StatementsForManagers):
        await books.confirm(statement, by=books.counter.clerk)
    with pytest.raises(StatementUnknown):
        await books.counter.handlers.statement_replies.confirm(books.counter.manager, new_id(), request_id=key())
    assert not await StatementReply.exists()


async def test_what_was_said_is_not_changed_by_anybody(books, ming):
    statement = await books.day(ming, 100)
    await books.dispute(statement)
    with pytest.raises((IntegrityError, OperationalError)):
        await StatementReply.all().update(note="")


async def test_confirmed_by_twenty_at_once_it_is_owed_once(books, ming):
    statement = await books.day(ming, 100)
    done = await asyncio.gather(*(books.confirm(statement) for _ in range(20)), return_exceptions=True)
    assert [type(each) for each in done].count(StatementConfirmed) == 19
    assert await booked() == {"statement": 100}


async def test_confirming_blindly_is_stopped_by_the_index_and_without_it_a_statement_is_confirmed_twice(
    books, ming, monkeypatch
):
    """The negative control: first what a reply looks at is taken away, then what the database looks at."""
    statement = await books.day(ming, 100)
    seen = statements.LOCK_STATEMENT.sqlite
    blind = f"SELECT x.id, x.merchant_id, x.organization_id, x.payable_fen, NULL AS reply FROM ({seen}) AS x"
    monkeypatch.setattr(statements, "LOCK_STATEMENT", blind)
    await books.confirm(statement)
    with pytest.raises(IntegrityError):
        await books.confirm(statement)
    await script("DROP INDEX statement_reply_confirmed")
    await books.confirm(statement)
    assert await StatementReply.filter(kind=StatementReplyKind.CONFIRMED).count() == 2
    with pytest.raises(DatabaseBusy):  # and the batch's own index would still not pay it twice
        await books.propose()


# --- batches


async def test_what_is_confirmed_is_proposed_approved_by_another_and_paid(books, ming):
    statement = await books.day(ming, 1000, 500)
    await books.confirm(statement)
    batch = await books.propose()
    assert (batch.head.state, batch.head.amount_fen) == (PayoutState.PROPOSED, 1500)
    (line,) = batch.lines
    assert (line.merchant, line.amount_fen, line.statements) == ("books", 1500, 1)
    with pytest.raises(ApprovalOwn):
        await books.approve(batch, by=books.first)
    with pytest.raises(PayoutStateWrong):
        await books.pay(batch)
    assert (await books.approve(batch)).head.approved_by == books.second.login
    paid = await books.pay(batch, "ICBC-7", request_id="tap")
    assert (paid.head.state, paid.head.reference) == (PayoutState.PAID, "ICBC-7")
    assert await books.pay(batch, "ICBC-7", request_id="tap") == paid
    for act in (books.pay, books.cancel, books.approve):
        with pytest.raises(PayoutStateWrong):
            await act(batch)
    assert await booked() == {"statement": 1500, "payout": 1500}
    (seen,) = await books.counter.handlers.statements.own_listing(books.counter.manager, before=None, limit=9)
    assert seen.payout == batch.head.number
    with pytest.raises(PayoutEmpty):
        await books.propose()


async def test_a_batch_that_is_let_go_leaves_its_statements_to_the_next(books, ming):
    await books.confirm(await books.day(ming, 700))
    first = await books.propose()
    with pytest.raises(PayoutEmpty):
        await books.propose()
    await books.approve(first)
    await books.cancel(first)
    second = await books.propose()
    assert (second.head.amount_fen, second.head.id != first.head.id) == (700, True)


async def test_what_a_merchant_owes_is_netted_and_waits_where_nothing_is_left(books, ming, clock):
    await books.confirm(await books.day(ming, 300))
    first = await books.pay(await books.approve(await books.propose()))
    later = await books.redeemed(ming, price_fen=50, share_bp=10_000)
    refunded = await SettlementStatement.get()
    assert (refunded.redeemed_fen, first.head.amount_fen) == (300, 300)
    await books.counter.reverse(later)
    owing = await books.day(ming)  # as much was given as taken back
    await books.confirm(owing)
    with pytest.raises(PayoutEmpty):
        await books.propose()
    await books.confirm(await books.day(ming, 80))
    batch = await books.propose()
    assert (batch.head.amount_fen, batch.lines[0].statements) == (80, 2)


async def test_two_batches_at_once_share_no_statement(books, ming):
    for _ in range(3):
        await books.confirm(await books.day(ming, 100))
    done = await asyncio.gather(*(books.propose() for _ in range(6)), return_exceptions=True)
    assert sorted(type(each).__name__ for each in done) == ["PayoutEmpty"] * 5 + ["PayoutView"]
    assert await PayoutStatement.all().count() == 3


async def test_batches_that_do_not_look_are_stopped_by_the_index_and_without_it_pay_twice(books, ming, monkeypatch):
    """The negative control: first what a batch looks at is taken away, then what the database looks at."""
    await books.confirm(await books.day(ming, 100))
    blind = "AND NOT EXISTS (SELECT 1 FROM payout_statement p WHERE p.statement_id = s.id AND p.released_at IS NULL)"
    for name, piece in (
        ("DUE", blind),
        ("ADD_STATEMENTS", "ON CONFLICT (statement_id) WHERE released_at IS NULL DO NOTHING"),
    ):
        statement = getattr(statements, name)
        assert piece in statement.postgres
        assert piece in statement.sqlite
        taken_away = type(statement)(statement.postgres.replace(piece, ""), statement.sqlite.replace(piece, ""))
        monkeypatch.setattr(statements, name, taken_away)
    first = await books.propose()
    with pytest.raises(IntegrityError):  # the database's own index, which nobody can look past
        await books.propose()
    assert await PayoutBatch.all().count() == 1
    await script("DROP INDEX payout_statement_held")
    second = await books.propose()
    assert [each.head.amount_fen for each in (first, second)] == [100, 100]
    for each in (first, second):
        await books.cancel(each)


async def test_approved_by_twenty_at_once_it_is_approved_once(books, ming):
    await books.confirm(await books.day(ming, 100))
    batch = await books.propose()
    done = await asyncio.gather(*(books.approve(batch) for _ in range(20)), return_exceptions=True)
    assert [type(each) for each in done].count(PayoutStateWrong) == 19
    assert await AuditEntry.filter(action="payout.approved").count() == 1


async def test_paid_and_let_go_at_once_only_one_of_them_happens(books, ming):
    await books.confirm(await books.day(ming, 100))
    batch = await books.approve(await books.propose())
    done = await asyncio.gather(books.pay(batch), books.cancel(batch), return_exceptions=True)
    assert [type(each) for each in done].count(PayoutStateWrong) == 1


async def test_who_may_not_pay_and_what_is_out_of_sight(books, ming, rooms):
    await books.confirm(await books.day(ming, 100))
    batch = await books.propose()
    root = await Organization.get(parent=None)
    with pytest.raises(RoleMissing):
        await books.propose(by=await operator_at(root, OperatorRole.OPERATOR))
    elsewhere = await operator_at(await city("临江"), OperatorRole.FINANCE)
    with pytest.raises(PayoutUnknown):
        await books.approve(batch, by=elsewhere)
    payouts = books.counter.handlers.payouts
    assert await payouts.listing(elsewhere, before=None, limit=9) == ()
    assert [each.id for each in await payouts.listing(books.second, before=None, limit=9)] == [batch.head.id]
    assert await payouts.view(books.second, batch.head.id) == batch
    assert await PayoutLine.all().count() == 1


# --- rules


def test_lines_are_by_merchant_and_of_more_than_nothing():
    due = [Due(ONE, TWO, 50), Due(TWO, TWO, -20), Due(THREE, ONE, -5), Due(new_id(), THREE, 0)]
    assert lines_of(due) == (Line(TWO, 30, (ONE, TWO)),)
    assert lines_of([]) == ()


def test_what_is_over_stays_over():
    assert {state for state, after in EDGES.items() if not after} == {PayoutState.PAID, PayoutState.CANCELLED}
