"""Money taken out: set aside, looked at, sent under one number, arrived or back; to the fen in the ledger."""

from datetime import timedelta

import pytest

from handlers.distribution.money import taken_back
from handlers.errors import (
    ApprovalOwn,
    BalanceShort,
    DepartureHindered,
    KeyReused,
    MoneyShort,
    PayNoticeUnreadable,
    RoleMissing,
    WithdrawalClosed,
    WithdrawalCooling,
    WithdrawalMoving,
    WithdrawalNameless,
    WithdrawalNotOpen,
    WithdrawalNotReviewed,
    WithdrawalOpen,
    WithdrawalTermsWrong,
    WithdrawalTooLarge,
    WithdrawalTooMuch,
    WithdrawalTooOften,
    WithdrawalTooSmall,
    WithdrawalUnknown,
)
from handlers.privacy.departures import GivenUp
from handlers.rules.withdrawals import WithdrawalRules
from models.database import atomic
from models.identity import Identifier, IdentityEvent
from models.ids import new_id
from models.ledger import LedgerAccount, LedgerHold, Transfer
from models.operators import AuditEntry
from models.outbox import Job
from models.withdrawals import Withdrawal, WithdrawalEvent
from models.words import IdentityAct, Namespace, OperatorRole, TransferHeard, WithdrawalState
from tests.handlers.withdrawing import DAY, HAS, RULES, a_payee, an_operator, breaches, given, publish, stands

MINUTES = timedelta(minutes=1)


@pytest.fixture
async def bank(rooms):
    await publish(rooms)
    rooms.ming = await a_payee(rooms)
    return rooms


async def test_it_is_set_aside_sent_confirmed_and_arrives_and_each_is_booked_once(bank):
    ming = bank.ming
    seen = await ming.sent(4_000)
    assert (await stands(seen), await ming.money()) == ("confirm", (6_000, 4_000))
    again, page = await bank.handlers.withdrawals.asking.one(ming.person, seen.id)
    assert (page.mch_id, page.package) == ("1900009191", f"package-{seen.number}")
    assert again.confirm_by == bank.clock.now() + DAY
    assert await breaches() == []
    assert await ming.heard(seen, TransferHeard.MOVING) is WithdrawalState.MOVING
    assert await ming.heard(seen, TransferHeard.DONE) is WithdrawalState.ARRIVED
    assert await ming.heard(seen, TransferHeard.DONE) is WithdrawalState.ARRIVED
    assert await ming.money() == (6_000, 0)
    assert (await bank.handlers.withdrawals.asking.one(ming.person, seen.id))[1] is None
    row = await Withdrawal.get()
    assert (row.package, row.look_at, row.number) == ("", None, row.id.hex)
    told = [job.payload["state"] for job in await Job.filter(kind="say_withdrawal").order_by("id")]
    assert told == ["confirm", "arrived"]
    assert await breaches() == []


async def test_the_same_key_is_the_same_withdrawal_and_other_facts_are_refused(bank):
    first, again = await bank.ming.ask(4_000), await bank.ming.ask(4_000)
    assert (again.value.id, again.replayed) == (first.value.id, True)
    with pytest.raises(KeyReused):
        await bank.ming.ask(4_001)
    assert await Withdrawal.all().count() == 1


async def test_one_at_a_time_and_never_more_than_there_is(bank):
    with pytest.raises(MoneyShort) as short:
        await bank.ming.ask(HAS + 1)
    assert (short.value.code, short.value.facts["needed"]) == ("ledger.short", HAS + 1)
    assert short.value.sentence == "余额不足，需要100.01元，可用100元。"
    seen = await bank.ming.ask(4_000)
    with pytest.raises(WithdrawalOpen) as refused:
        await bank.ming.ask(1_000, "more")
    assert refused.value.facts["withdrawal_id"] == str(seen.value.id)


async def test_what_somebody_owes_goes_before_what_they_take_out(bank):
    ming, now = bank.ming, bank.clock.now()
    async with atomic():
        await taken_back(new_id(), ming.person.member_id, HAS + 2_000, is_released=True, at=now)
    await given(bank, ming.person.member_id, 3_000)
    with pytest.raises(BalanceShort) as refused:
        await ming.ask(1_001)
    assert refused.value.facts["available"] == 1_000
    await ming.ask(1_000, "what is left")
    assert await ming.money() == (0, 1_000)


async def test_limits_of_size_and_day_are_those_that_were_published(rooms):
    ming = await a_payee(rooms, has=100_000)
    with pytest.raises(WithdrawalClosed):
        await ming.ask(1_000)
    await publish(rooms, least_fen=500, most_fen=3_000, daily_count=3, daily_fen=5_000)
    with pytest.raises(WithdrawalTooSmall):
        await ming.ask(499)
    with pytest.raises(WithdrawalTooLarge):
        await ming.ask(3_001)
    first = await ming.sent(3_000, "a")
    await ming.heard(first, TransferHeard.DONE)
    with pytest.raises(WithdrawalTooMuch) as refused:
        await ming.ask(2_001, "b")
    assert refused.value.facts["left_fen"] == 2_000
    back = await ming.sent(2_000, "b")
    await ming.heard(back, TransferHeard.FAILED)  # what came back does not count as taken out, but as one of the day
    third = await ming.sent(2_000, "c")
    await ming.heard(third, TransferHeard.DONE)
    with pytest.raises(WithdrawalTooOften):
        await ming.ask(500, "d")
    rooms.clock.advance(DAY)
    assert (await ming.ask(3_000, "e")).value.state is WithdrawalState.WAITING
    await publish(rooms, is_open=False)
    assert not (await rooms.handlers.withdrawals.asking.balance(ming.person)).is_open
    assert await breaches() == []


async def test_from_two_thousand_yuan_on_a_name_is_needed_and_it_is_kept_only_on_the_way(rooms):
    await publish(rooms, most_fen=500_000, daily_fen=500_000, review_from_fen=900_000, second_from_fen=900_000)
    ming = await a_payee(rooms, has=300_000)
    with pytest.raises(WithdrawalNameless):
        await ming.ask(200_000)
    seen = await ming.sent(200_000, name="王小明")
    assert rooms.payments.transfers[seen.number].name == "王小明"
    assert "王小明" not in (await Withdrawal.get()).name_cipher != ""
    data = await rooms.handlers.personal_data.export(ming.person)
    assert [(each.amount_fen, each.name) for each in data.withdrawals] == [(200_000, "王小明")]
    await ming.heard(seen, TransferHeard.DONE)
    assert (await Withdrawal.get()).name_cipher == ""


async def test_after_the_phone_or_the_wechat_became_another_one_nothing_goes_out_for_a_day(bank):
    ming = bank.ming
    known = await Identifier.get(member_id=ming.person.member_id, namespace=Namespace.WX_OPENID)
    facts = {"member_id": ming.person.member_id, "namespace": Namespace.WX_OPENID, "scope": known.scope}
    await IdentityEvent.create(act=IdentityAct.BIND, value_mark="other", happened_at=bank.clock.now(), **facts)
    bank.clock.advance(timedelta(hours=23))
    with pytest.raises(WithdrawalCooling) as refused:
        await ming.ask(1_000)
    assert refused.value.facts["until"] == (bank.clock.now() + timedelta(hours=1)).isoformat()
    bank.clock.advance(timedelta(hours=1))
    assert (await ming.ask(1_000)).value.state is WithdrawalState.WAITING


async def test_the_first_phone_is_no_change(bank):
    now, member_id = bank.clock.now(), bank.ming.person.member_id
    facts = {"member_id": member_id, "namespace": Namespace.PHONE, "scope": "86", "happened_at": now}
    await IdentityEvent.create(act=IdentityAct.BIND, value_mark="first", **facts)
    assert (await bank.ming.ask(1_000)).value
    await bank.handlers.withdrawals.asking.cancel(bank.ming.person, (await Withdrawal.get()).id, request_id="no")
    await IdentityEvent.create(act=IdentityAct.UNBIND, value_mark="first", **facts)
    with pytest.raises(WithdrawalCooling):
        await bank.ming.ask(1_000, "again")


# --- between us and the payment service


async def test_whatever_is_unclear_is_asked_about_and_never_sent_under_another_number(bank):
    ming, pay = bank.ming, bank.payments
    pay.does_silently = True
    seen = await ming.sent(4_000)
    pay.does_silently = False
    assert await stands(seen) == "sent"
    bank.clock.advance(MINUTES)
    assert await bank.handlers.withdrawals.sending.poll() == 1
    # It was done and its answer lost: the question finds it, and the same number tells its package.
    assert [act for act, _ in pay.calls] == ["transfer", "query_transfer", "transfer"]
    assert {number for _, number in pay.calls} == {seen.number}
    assert (await stands(seen), (await Withdrawal.get()).package) == ("confirm", f"package-{seen.number}")
    assert await breaches() == []


async def test_what_never_arrived_is_sent_again_under_its_number(bank):
    ming, pay = bank.ming, bank.payments
    pay.is_deaf = True
    seen = await ming.sent(4_000)
    bank.clock.advance(MINUTES)
    await bank.handlers.withdrawals.sending.poll()
    pay.is_deaf = False
    bank.clock.advance(MINUTES)
    await bank.handlers.withdrawals.sending.poll()
    assert [act for act, _ in pay.calls] == ["transfer", "query_transfer", "query_transfer", "transfer"]
    assert (len(pay.transfers), await stands(seen)) == (1, "confirm")


async def test_what_sticks_at_the_payment_service_is_asked_about_until_it_can_be_taken(bank):
    ming, pay = bank.ming, bank.payments
    seen = (await ming.ask(4_000)).value
    pay.transfers_become[seen.number] = TransferHeard.UNDER_WAY
    real, pay.transfer = pay.transfer, without_package(pay)
    await ming.look(seen)
    bank.clock.advance(timedelta(hours=30))  # however long: they have it
    await bank.handlers.withdrawals.sending.poll()
    assert (await stands(seen), await ming.money()) == ("sent", (6_000, 4_000))
    pay.transfer, pay.transfers_become[seen.number] = real, TransferHeard.TO_CONFIRM
    bank.clock.advance(MINUTES)
    await bank.handlers.withdrawals.sending.poll()
    assert (await stands(seen), (await Withdrawal.get()).package) == ("confirm", f"package-{seen.number}")
    assert [act for act, _ in pay.calls] == ["query_transfer", "query_transfer", "transfer"]
    assert {number for _, number in pay.calls} == {seen.number}
    assert await breaches() == []


def without_package(pay):
    async def transfer(wanted):
        pay.transfers[wanted.number] = wanted
        return pay.transfer_of(wanted.number)

    return transfer


async def test_what_is_refused_comes_back_once_no_call_of_ours_can_be_on_its_way(bank):
    ming, pay = bank.ming, bank.payments
    pay.refuses = "param_error"
    seen = await ming.sent(4_000)
    for _ in range(2):
        bank.clock.advance(4 * MINUTES)
        await bank.handlers.withdrawals.sending.poll()
    assert (await stands(seen), await ming.money()) == ("sent", (6_000, 4_000))
    bank.clock.advance(4 * MINUTES)
    await bank.handlers.withdrawals.sending.poll()
    assert (await stands(seen), await ming.money()) == ("returned", (10_000, 0))
    assert [act for act, _ in pay.calls].count("transfer") == 1
    assert (await Withdrawal.get()).said == "param_error"
    assert await breaches() == []


async def test_what_nobody_takes_for_a_day_is_given_up(bank):
    ming, pay = bank.ming, bank.payments
    real, pay.transfer = pay.transfer, None

    async def too_little_money(wanted):
        pay.is_deaf = True
        says = await real(wanted)
        pay.is_deaf = False
        return says

    pay.transfer = too_little_money
    seen = await ming.sent(4_000)
    bank.clock.advance(timedelta(hours=23))
    await bank.handlers.withdrawals.sending.poll()
    assert await stands(seen) == "sent"
    bank.clock.advance(timedelta(hours=2))
    await bank.handlers.withdrawals.sending.poll()
    assert (await stands(seen), await ming.money()) == ("returned", (10_000, 0))


async def test_nobody_confirms_and_the_money_is_there_again(bank):
    seen = await bank.ming.sent(4_000)
    bank.clock.advance(DAY)
    assert (await bank.handlers.withdrawals.asking.one(bank.ming.person, seen.id))[1] is None
    bank.payments.transfers_become[seen.number] = TransferHeard.FAILED
    await bank.handlers.withdrawals.sending.poll()
    assert (await stands(seen), await bank.ming.money()) == ("returned", (10_000, 0))
    with pytest.raises(WithdrawalNotOpen):
        await bank.handlers.withdrawals.asking.cancel(bank.ming.person, seen.id, request_id="no")
    assert (await bank.ming.ask(4_000, "again")).value.number != seen.number
    assert await breaches() == []


async def test_what_is_said_late_or_in_another_order_changes_nothing(bank):
    seen = await bank.ming.sent(4_000)
    await bank.ming.heard(seen, TransferHeard.MOVING)
    assert await bank.ming.heard(seen, TransferHeard.TO_CONFIRM) is WithdrawalState.MOVING
    await bank.ming.heard(seen, TransferHeard.DONE)
    for late in (TransferHeard.MOVING, TransferHeard.TO_CONFIRM, TransferHeard.FAILED, TransferHeard.UNDER_WAY):
        assert await bank.ming.heard(seen, late) is WithdrawalState.ARRIVED
    assert (await bank.ming.money(), await WithdrawalEvent.all().count()) == ((6_000, 0), 5)
    assert await breaches() == []


@pytest.mark.parametrize(
    "bent",
    [{"amount_fen": 3_999}, {"mch_id": "1900000000"}, {"openid": "o-hong"}, {"number": "0" * 32}, {"openid": ""}],
)
async def test_a_notice_of_other_facts_than_ours_is_not_believed(bank, bent):
    seen = await bank.ming.sent(4_000)
    with pytest.raises(PayNoticeUnreadable):
        await bank.ming.heard(seen, TransferHeard.DONE, **bent)
    assert (await stands(seen), await bank.ming.money()) == ("confirm", (6_000, 4_000))


async def test_whoever_wants_it_back_gets_it_when_the_payment_service_gives_it_up(bank):
    asking, ming = bank.handlers.withdrawals.asking, bank.ming
    first = (await ming.ask(4_000)).value
    assert (await asking.cancel(ming.person, first.id, request_id="1")).value.state is WithdrawalState.RETURNED
    assert (await ming.money(), bank.payments.calls) == ((10_000, 0), [])
    seen = await ming.sent(4_000, "again")
    assert (await asking.cancel(ming.person, seen.id, request_id="2")).value.state is WithdrawalState.CONFIRM
    assert (await asking.one(ming.person, seen.id))[1] is None
    await bank.handlers.withdrawals.sending.poll()
    assert (await stands(seen), await ming.money()) == ("returned", (10_000, 0))
    third = await ming.sent(4_000, "third")
    await ming.heard(third, TransferHeard.MOVING)
    with pytest.raises(WithdrawalMoving):
        await asking.cancel(ming.person, third.id, request_id="3")
    with pytest.raises(WithdrawalUnknown):
        await asking.one((await a_payee(bank, "o-hong")).person, third.id)
    assert await breaches() == []


async def test_money_for_somebody_whose_wechat_is_another_one_is_not_sent(bank):
    seen = (await bank.ming.ask(4_000)).value
    await Withdrawal.filter(id=seen.id).update(payee_hash="somebody else")
    await bank.ming.look(seen)
    assert (await stands(seen), await bank.ming.money(), bank.payments.calls) == ("returned", (10_000, 0), [])
    assert (await Withdrawal.get()).said == "payee_changed"


# --- operators


async def much(rooms, amount_fen: int):
    await publish(rooms, most_fen=90_000, review_from_fen=20_000, second_from_fen=50_000)
    rooms.ming = await a_payee(rooms, has=90_000)
    return (await rooms.ming.ask(amount_fen)).value


async def test_from_an_amount_on_an_operator_agrees_first_and_twice_is_once(rooms):
    seen, reviews, fin = await much(rooms, 20_000), rooms.handlers.withdrawals.reviews, await an_operator()
    assert seen.state is WithdrawalState.REVIEW
    await rooms.ming.look(seen)
    assert rooms.payments.calls == []
    (listed,) = await reviews.page(fin, state=WithdrawalState.REVIEW, after=None, limit=5)
    assert (listed.withdrawal.id, listed.eyes) == (seen.id, 1)
    done = await reviews.approve(fin, seen.id, request_id="click")
    assert done.value.withdrawal.state is WithdrawalState.WAITING
    assert (await reviews.approve(fin, seen.id, request_id="click")).replayed
    with pytest.raises(WithdrawalNotReviewed):
        await reviews.approve(fin, seen.id, request_id="click again")
    await rooms.ming.look(seen)
    assert (await stands(seen), len(rooms.payments.transfers)) == ("confirm", 1)
    assert await AuditEntry.filter(action="withdrawal.approved").count() == 1
    assert await breaches() == []


async def test_from_a_larger_one_on_it_takes_two_and_nobody_is_both(rooms):
    seen, reviews = await much(rooms, 50_000), rooms.handlers.withdrawals.reviews
    one, two = await an_operator(), await an_operator()
    first = await reviews.approve(one, seen.id, request_id="1")
    assert (first.value.withdrawal.state, first.value.proposed_by) == (WithdrawalState.REVIEW, one.id)
    with pytest.raises(ApprovalOwn):
        await reviews.approve(one, seen.id, request_id="2")
    assert (await reviews.approve(two, seen.id, request_id="1")).value.withdrawal.state is WithdrawalState.WAITING
    assert await breaches() == []


async def test_refused_it_is_on_the_balance_again_and_support_may_not_decide(rooms):
    seen, reviews = await much(rooms, 50_000), rooms.handlers.withdrawals.reviews
    one, two = await an_operator(), await an_operator()
    with pytest.raises(RoleMissing):
        await reviews.approve(await an_operator(OperatorRole.SUPPORT), seen.id, request_id="s")
    await reviews.approve(one, seen.id, request_id="1")
    assert (await reviews.refuse(two, seen.id, reason="资料不符", request_id="2")).value.proposed_by is None
    assert (await stands(seen), await rooms.ming.money()) == ("refused", (90_000, 0))
    with pytest.raises(WithdrawalUnknown):
        await reviews.approve(two, new_id(), request_id="3")
    assert await breaches() == []


async def test_an_operator_takes_back_what_hangs(bank):
    seen, fin = await bank.ming.sent(4_000), await an_operator()
    await bank.handlers.withdrawals.reviews.take_back(fin, seen.id, reason="会员来电", request_id="1")
    await bank.handlers.withdrawals.sending.poll()
    assert (await stands(seen), await bank.ming.money()) == ("returned", (10_000, 0))


async def test_terms_that_cannot_be_are_refused(rooms):
    admin = await an_operator(OperatorRole.ADMIN)
    with pytest.raises(WithdrawalTermsWrong) as refused:
        wrong = WithdrawalRules(least_fen=1, most_fen=0, reports=())
        await rooms.handlers.withdrawals.terms.publish(admin, wrong, request_id="1")
    assert {each["field"] for each in refused.value.facts["problems"]} == {"least_fen", "most_fen", "reports"}
    with pytest.raises(RoleMissing):
        await rooms.handlers.withdrawals.terms.publish(await an_operator(), RULES, request_id="1")


# --- people


async def test_who_has_money_here_or_on_its_way_cannot_leave_and_is_told_why(bank):
    seen = await bank.ming.sent(HAS)
    with pytest.raises(DepartureHindered) as refused:
        await bank.handlers.departures.leave(bank.ming.person)
    assert refused.value.facts["reasons"] == ["withdrawal.open"]
    await bank.ming.heard(seen, TransferHeard.DONE)
    await given(bank, bank.ming.person.member_id, 1)
    with pytest.raises(DepartureHindered) as refused:
        await bank.handlers.departures.leave(bank.ming.person)
    assert refused.value.facts["reasons"] == ["balance.left"]
    last = await a_payee(bank, "o-hong", has=HAS)
    await last.heard(await last.sent(HAS), TransferHeard.DONE)
    await bank.handlers.departures.leave(last.person)
    assert (await Withdrawal.get(member_id=last.person.member_id)).payee_hash == ""
    assert await breaches() == []


async def test_who_cannot_take_out_what_is_left_may_give_it_up_by_its_amount(bank):
    await given(bank, bank.ming.person.member_id, 1)  # which no withdrawal takes
    leave = bank.handlers.departures.leave
    for named in (0, HAS, HAS + 2):
        with pytest.raises(DepartureHindered) as refused:
            await leave(bank.ming.person, GivenUp(named))
        assert refused.value.facts == {"reasons": ["balance.left"], "left_fen": HAS + 1, "paid_claims": 0}
    await leave(bank.ming.person, GivenUp(HAS + 1))
    assert (await LedgerAccount.get(member_id=bank.ming.person.member_id, unit="fen", kind="member")).posted == 0
    assert [each.amount for each in await Transfer.filter(cause_kind="departed", unit="fen")] == [HAS + 1]
    assert await breaches() == []


async def test_money_under_way_is_not_given_up(bank):
    seen = await bank.ming.sent(HAS)
    await given(bank, bank.ming.person.member_id, 1)
    for named in (1, HAS + 1):
        with pytest.raises(DepartureHindered) as refused:
            await bank.handlers.departures.leave(bank.ming.person, GivenUp(named))
        assert "withdrawal.open" in refused.value.facts["reasons"]
    await bank.ming.heard(seen, TransferHeard.DONE)
    await bank.handlers.departures.leave(bank.ming.person, GivenUp(1))
    assert await breaches() == []


async def test_the_clock_ends_no_hold_of_a_withdrawal(bank):
    seen = await bank.ming.sent(4_000)
    bank.clock.advance(timedelta(days=3_650))
    assert await bank.handlers.hold_expiry.sweep() == 0
    assert (await LedgerHold.get()).state.value == "open"
    assert await stands(seen) == "confirm"
