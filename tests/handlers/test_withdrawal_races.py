"""Withdrawals under way at the same moment, the order of things forced; and without its guard each race is lost."""

import asyncio
from datetime import timedelta

import pytest

from handlers.errors import ApprovalDecided, ApprovalOwn, WithdrawalNotReviewed, WithdrawalOpen
from handlers.withdrawals import moving, reviewing, sending, settling
from models.database import rows
from models.ledger import LedgerHold, Transfer
from models.sql import Both
from models.statements import approvals
from models.statements import withdrawals as statements
from models.withdrawals import Withdrawal, WithdrawalEvent
from models.words import HoldState, TransferHeard, WithdrawalState
from tests.handlers.test_settlement_races import Held, somebody_waits_for_a_lock
from tests.handlers.withdrawing import HAS, a_payee, an_operator, breaches, publish, stands

ONE_OPEN = "每人同时只有一笔没有结束的提现"
PATH = "提现的变更记录连成合法的一条路，到当前状态为止"
AT_ONCE = 50
BLIND = Both(
    postgres=statements.OPEN.postgres.replace("closed_at IS NULL", "closed_at < asked_at"),
    sqlite=statements.OPEN.sqlite.replace("closed_at IS NULL", "closed_at < asked_at"),
)


@pytest.fixture
async def bank(rooms):
    await publish(rooms, daily_count=100)
    rooms.ming = await a_payee(rooms)
    return rooms


async def asked_at_once(bank, amount_fen: int, times: int) -> list[object]:
    asked = (bank.ming.ask(amount_fen, f"ask-{number}") for number in range(times))
    return await asyncio.gather(*asked, return_exceptions=True)


async def test_of_fifty_that_want_the_whole_balance_at_once_one_gets_it(bank):
    answers = await asked_at_once(bank, HAS, AT_ONCE)
    assert sum(not isinstance(each, BaseException) for each in answers) == 1
    assert {type(each) for each in answers if isinstance(each, BaseException)} == {WithdrawalOpen}
    assert await bank.ming.money() == (0, HAS)
    assert (await Withdrawal.all().count(), await LedgerHold.all().count()) == (1, 1)
    await bank.handlers.withdrawals.sending.poll()
    assert sum(each.amount_fen for each in bank.payments.transfers.values()) == HAS
    assert await breaches() == []


async def test_without_the_guards_several_are_open_at_once(bank, monkeypatch):
    monkeypatch.setattr(statements, "OPEN", BLIND)
    await rows("DROP INDEX withdrawal_open")
    answers = await asked_at_once(bank, HAS // 4, 4)
    assert all(not isinstance(each, BaseException) for each in answers), answers
    assert ONE_OPEN in await breaches()


async def test_the_database_itself_lets_nobody_have_two(bank, monkeypatch):
    monkeypatch.setattr(statements, "OPEN", BLIND)
    answers = await asked_at_once(bank, HAS // 4, 2)
    assert sum(not isinstance(each, BaseException) for each in answers) == 1
    assert (await Withdrawal.all().count(), await LedgerHold.all().count()) == (1, 1)
    assert await breaches() == []


# --- two operators


@pytest.fixture
async def reviewed(rooms):
    await publish(rooms, review_from_fen=HAS)
    rooms.ming = await a_payee(rooms)
    rooms.seen = (await rooms.ming.ask()).value
    return rooms


async def two_clicks(rooms, monkeypatch) -> list[object]:
    """Two operators agree, the second while the first is inside the transaction."""
    held, reviews = Held(monkeypatch, moving, "note"), rooms.handlers.withdrawals.reviews
    one, two = await an_operator(), await an_operator()
    first = asyncio.create_task(reviews.approve(one, rooms.seen.id, request_id="click"))
    await held.reached.wait()
    second = asyncio.create_task(reviews.approve(two, rooms.seen.id, request_id="click"))
    await somebody_waits_for_a_lock()
    held.go.set()
    return list(await asyncio.gather(first, second, return_exceptions=True))


async def test_agreed_to_by_two_at_once_it_is_agreed_to_once(reviewed, monkeypatch):
    done, refused = await two_clicks(reviewed, monkeypatch)
    assert done.value.withdrawal.state is WithdrawalState.WAITING
    assert isinstance(refused, WithdrawalNotReviewed | ApprovalDecided)
    assert await WithdrawalEvent.filter(to_state="waiting").count() == 1
    assert await breaches() == []


async def test_without_the_guards_it_is_agreed_to_twice(reviewed, monkeypatch):
    unguarded = "UPDATE withdrawal SET state = $3, said = $4 WHERE id = $1 AND $2 <> '' RETURNING id"
    monkeypatch.setattr(statements, "MOVE", unguarded)
    monkeypatch.setattr(reviewing, "_require_review", lambda _: None)
    monkeypatch.setattr(moving, "require_edge", lambda *_: None)
    await two_clicks(reviewed, monkeypatch)
    assert await WithdrawalEvent.filter(to_state="waiting").count() == 2
    assert PATH in await breaches()


async def test_agreed_to_and_taken_back_at_once_one_of_them_happens(reviewed, monkeypatch):
    held, room = Held(monkeypatch, moving, "note"), reviewed.handlers.withdrawals
    agreeing = asyncio.create_task(room.reviews.approve(await an_operator(), reviewed.seen.id, request_id="yes"))
    await held.reached.wait()
    taking = asyncio.create_task(room.asking.cancel(reviewed.ming.person, reviewed.seen.id, request_id="no"))
    await somebody_waits_for_a_lock()
    held.go.set()
    await asyncio.gather(agreeing, taking)  # agreed to first, and then it was not sent yet
    await room.sending.poll()
    assert (await stands(reviewed.seen), reviewed.payments.transfers) == ("returned", {})
    assert await breaches() == []


@pytest.fixture
async def weighed(rooms):
    """So much that two operators have to agree."""
    await publish(rooms, review_from_fen=HAS, second_from_fen=HAS)
    rooms.ming = await a_payee(rooms)
    rooms.seen = (await rooms.ming.ask()).value
    return rooms


async def one_person_clicks_twice(rooms, monkeypatch) -> list[object]:
    """The second click, with a key of its own, while the first is inside the transaction."""
    held, one = Held(monkeypatch, reviewing, "propose"), await an_operator()
    approve = rooms.handlers.withdrawals.reviews.approve
    first = asyncio.create_task(approve(one, rooms.seen.id, request_id="click"))
    await held.reached.wait()
    second = asyncio.create_task(approve(one, rooms.seen.id, request_id="click again"))
    await somebody_waits_for_a_lock()
    held.go.set()
    return list(await asyncio.gather(first, second, return_exceptions=True))


async def test_whoever_proposed_is_not_the_second_one_however_quick_they_click(weighed, monkeypatch):
    proposed, refused = await one_person_clicks_twice(weighed, monkeypatch)
    assert proposed.value.withdrawal.state is WithdrawalState.REVIEW
    assert isinstance(refused, ApprovalOwn)
    await weighed.handlers.withdrawals.sending.poll()
    assert (await stands(weighed.seen), weighed.payments.transfers) == ("review", {})
    assert await breaches() == []


async def test_without_the_guard_one_person_is_both(weighed, monkeypatch):
    anybody = approvals.DECIDE.replace("AND proposed_by_id <> $2", "")
    monkeypatch.setattr(approvals, "DECIDE", anybody)
    _, agreed = await one_person_clicks_twice(weighed, monkeypatch)
    assert agreed.value.withdrawal.state is WithdrawalState.WAITING


async def agreed_to_and_refused(rooms, monkeypatch) -> list[object]:
    """One operator refuses while another agrees."""
    held, reviews = Held(monkeypatch, moving, "note"), rooms.handlers.withdrawals.reviews
    one, two = await an_operator(), await an_operator()
    agreeing = asyncio.create_task(reviews.approve(one, rooms.seen.id, request_id="yes"))
    await held.reached.wait()
    refusing = asyncio.create_task(reviews.refuse(two, rooms.seen.id, reason="不符", request_id="no"))
    await somebody_waits_for_a_lock()
    held.go.set()
    return list(await asyncio.gather(agreeing, refusing, return_exceptions=True))


async def test_agreed_to_and_refused_at_once_the_first_word_counts(reviewed, monkeypatch):
    agreed, refused = await agreed_to_and_refused(reviewed, monkeypatch)
    assert agreed.value.withdrawal.state is WithdrawalState.WAITING
    assert isinstance(refused, WithdrawalNotReviewed)
    await reviewed.handlers.withdrawals.sending.poll()
    assert (await stands(reviewed.seen), await reviewed.ming.money()) == ("confirm", (0, HAS))
    assert await breaches() == []


async def test_without_the_guards_what_was_agreed_to_is_on_the_balance_again(reviewed, monkeypatch):
    close = "UPDATE withdrawal SET state = $3, said = $4, closed_at = $5 WHERE id = $1 AND $2 <> '' RETURNING id"
    monkeypatch.setattr(statements, "CLOSE", close)
    monkeypatch.setattr(reviewing, "_require_review", lambda _: None)
    monkeypatch.setattr(moving, "require_edge", lambda *_: None)
    await agreed_to_and_refused(reviewed, monkeypatch)
    assert (await stands(reviewed.seen), await reviewed.ming.money()) == ("refused", (HAS, 0))
    assert PATH in await breaches()


# --- a notice and a question


async def told_and_asked(bank, monkeypatch) -> object:
    """The money arrives; the notice comes while the answer to our question is inside its transaction."""
    seen = await bank.ming.sent()
    held, sending = Held(monkeypatch, moving, "note"), bank.handlers.withdrawals.sending
    bank.payments.transfers_become[seen.number] = TransferHeard.DONE
    await Withdrawal.filter(id=seen.id).update(look_at=bank.clock.now())
    asking = asyncio.create_task(sending.look(seen.id))
    await held.reached.wait()
    hearing = asyncio.create_task(sending.hear({}, seen.number.encode()))
    await somebody_waits_for_a_lock()
    held.go.set()
    await asyncio.gather(asking, hearing)
    return seen


async def test_a_notice_and_the_question_at_once_pay_out_once(bank, monkeypatch):
    seen = await told_and_asked(bank, monkeypatch)
    assert (await stands(seen), await bank.ming.money()) == ("arrived", (0, 0))
    assert await WithdrawalEvent.filter(to_state="arrived").count() == 1
    assert await Transfer.filter(cause_kind="hold").count() == 1
    assert (await LedgerHold.get()).state is HoldState.POSTED
    assert await breaches() == []


async def test_without_the_guards_both_end_it(bank, monkeypatch):
    close = """
        UPDATE withdrawal SET state = $3, said = $4, closed_at = $5 WHERE id = $1 AND $2 <> '' RETURNING id
    """
    monkeypatch.setattr(statements, "CLOSE", close)
    monkeypatch.setattr(settling, "after", lambda *_: WithdrawalState.ARRIVED)
    monkeypatch.setattr(moving, "require_edge", lambda *_: None)
    monkeypatch.setattr(moving, "_TOLD", set())
    await told_and_asked(bank, monkeypatch)
    assert await WithdrawalEvent.filter(to_state="arrived").count() > 1
    assert PATH in await breaches()


async def test_two_workers_at_once_send_it_once(bank):
    seen = (await bank.ming.ask()).value
    await asyncio.gather(*(bank.handlers.withdrawals.sending.look(seen.id) for _ in range(8)))
    assert [act for act, _ in bank.payments.calls] == ["transfer"]


async def while_sent_again(bank, monkeypatch) -> None:
    """The first call was lost. One look sends again, its call on the way; another had asked before, and cancels."""
    pay, seen = bank.payments, None
    pay.is_deaf = True
    seen = (await bank.ming.ask()).value
    await bank.ming.look(seen)
    pay.is_deaf = False
    bank.clock.advance(timedelta(minutes=30))
    real_query, real_transfer = pay.query_transfer, pay.transfer
    asked, answered = [asyncio.Event(), asyncio.Event()], [asyncio.Event(), asyncio.Event()]
    turns, on_its_way, sent = iter((0, 1)), asyncio.Event(), asyncio.Event()

    async def query(number):
        says = await real_query(number)
        if (turn := next(turns, None)) is not None:
            asked[turn].set()
            await answered[turn].wait()
        return says

    async def transfer(wanted):
        on_its_way.set()
        await sent.wait()
        return await real_transfer(wanted)

    monkeypatch.setattr(pay, "query_transfer", query)
    monkeypatch.setattr(pay, "transfer", transfer)
    first = asyncio.create_task(bank.ming.look(seen))
    await asked[0].wait()
    await bank.handlers.withdrawals.asking.cancel(bank.ming.person, seen.id, request_id="no")
    second = asyncio.create_task(bank.ming.look(seen))
    await asked[1].wait()
    answered[0].set()
    await on_its_way.wait()
    answered[1].set()
    await second
    bank.stood = await stands(seen)
    sent.set()
    await first


async def test_what_is_being_sent_again_is_not_given_back_by_an_older_answer(bank, monkeypatch):
    await while_sent_again(bank, monkeypatch)
    assert bank.stood == "sent"
    assert (await bank.ming.money())[1] == HAS  # still set aside


async def test_without_the_comparison_it_is_given_back_while_its_call_is_on_the_way(bank, monkeypatch):
    real = sending.WithdrawalSending._give_back

    async def whatever(self, withdrawal_id, _):
        found = await Withdrawal.get(id=withdrawal_id)
        await real(self, withdrawal_id, found.sent_at)

    monkeypatch.setattr(sending.WithdrawalSending, "_give_back", whatever)
    await while_sent_again(bank, monkeypatch)
    assert bank.stood == "returned"
