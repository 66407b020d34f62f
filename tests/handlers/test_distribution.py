"""Promoters, whom they bring, and their commissions: who counts, at which rate, until when, and what goes back."""

from datetime import UTC, datetime, timedelta

import pytest

from app.work_distribution import _say_commission_back as say_commission_back
from handlers.actors import Person
from handlers.claims.typed_codes import typed_code
from handlers.errors import (
    CommissionRulesUnpublishable,
    DepartureHindered,
    DistributionClosed,
    NotAPromoter,
    PromoterConditions,
    PromoterStateWrong,
)
from handlers.ledger.holding import hold, post_hold, void_hold
from handlers.ledger.posting import post
from handlers.outbox import JobContext
from handlers.points.points_terms import fen
from handlers.ports import WeChatRetryLater
from handlers.redemptions.counter import Scan
from handlers.rules.ledger import Cause, Move, Side, of_member
from models.claims import Claim
from models.database import atomic
from models.distribution import Commission, OrderPromoter, Promoter, PromoterBinding, PromoterDay
from models.ids import new_id
from models.linking import BoundNumber
from models.orders import Order
from models.outbox import Job
from models.words import Admission, IdentifierStatus, LedgerAccountKind, PromoterState
from tests.handlers.buying import PRICE, Buyer, breaches, for_sale
from tests.handlers.claimable import a_benefit
from tests.handlers.counter import open_counter
from tests.handlers.distributing import (
    DAY,
    Seller,
    a_manager,
    a_seller,
    amounts,
    balance,
    brought,
    comes,
    rules,
    sweep,
)

NOON = datetime(2026, 3, 2, 4, 0, tzinfo=UTC)


@pytest.fixture
async def sold(rooms):
    """Hong brought Ming, who buys for 10 yuan at the counter's merchant; 10 % of that is Hong's."""
    await rules(rooms)
    rooms.counter = await open_counter(rooms)
    rooms.offer = await for_sale(rooms, benefit=await a_benefit(merchant=rooms.counter.merchant), limits=())
    rooms.hong = await a_seller(rooms)
    rooms.ming = await brought(rooms, "o-ming", await rooms.hong.code())
    rooms.order_id = await rooms.ming.buy(rooms.offer)
    return rooms


async def use(rooms, *, key: str = "scan"):
    """The newest claim is redeemed at the counter."""
    claim = await Claim.all().order_by("-id").first()
    scan = Scan(code=typed_code(rooms.vault, claim.id, 0), uses=1)
    return (await rooms.counter.redeem(scan, key=key)).value


async def released(rooms) -> None:
    """Used, and the freeze is over."""
    await use(rooms)
    rooms.clock.advance(timedelta(hours=1))
    await sweep(rooms)
    rooms.clock.advance(7 * DAY)
    assert await sweep(rooms) == 1


async def test_a_sale_gives_its_promoter_a_pending_commission_of_what_was_paid(sold):
    assert await amounts() == [(100, "pending")]
    assert await sold.hong.totals() == (100, 0, 0, 0)
    assert await balance(sold.hong.person.member_id, "pending") == 100
    assert await breaches() == []


async def test_it_is_frozen_from_the_redemption_and_then_available_once(sold):
    await sweep(sold)
    assert await amounts() == [(100, "pending")]  # it can still be given back
    await use(sold)
    sold.clock.advance(timedelta(hours=1))
    await sweep(sold)
    (commission,) = await Commission.all()
    assert (commission.state.value, await sold.hong.totals()) == ("frozen", (0, 100, 0, 0))
    assert commission.frozen_until == sold.clock.now() - timedelta(hours=1) + 7 * DAY
    sold.clock.advance(7 * DAY - timedelta(hours=1, seconds=1))
    assert await sweep(sold) == 0
    sold.clock.advance(timedelta(seconds=1))
    assert [await sweep(sold), await sweep(sold)] == [1, 0]
    assert await sold.hong.totals() == (0, 0, 100, 0)
    assert await balance(sold.hong.person.member_id, "member") == 100
    assert await breaches() == []


async def test_a_redemption_that_is_taken_back_opens_the_commission_again(sold):
    redeemed = await use(sold)
    sold.clock.advance(timedelta(hours=1))
    await sweep(sold)
    await sold.counter.reverse(redeemed.lines[0].id, by=sold.counter.manager)
    sold.clock.advance(8 * DAY)
    assert await sweep(sold) == 0
    assert await amounts() == [(100, "pending")]
    assert await breaches() == []


async def test_what_is_never_used_waits_until_it_cannot_be_given_back(sold):
    sold.clock.advance(364 * DAY)
    assert await sweep(sold) == 0
    sold.clock.advance(2 * DAY)
    assert await sweep(sold) == 1
    assert await breaches() == []


async def test_what_is_given_back_before_it_is_used_leaves_no_commission(sold):
    await sold.ming.refund(sold.order_id, PRICE)
    assert await amounts() == [(100, "void"), (-100, "back")]
    assert await sold.hong.totals() == (0, 0, 0, 0)
    assert await breaches() == []


async def give(rooms, fen_: int, key: str = "give"):
    refunds = rooms.handlers.order_refunds
    return await refunds.give(await a_manager(), rooms.order_id, amount_fen=fen_, reason="送晚了", request_id=key)


async def test_a_part_that_goes_back_takes_its_part_of_the_commission_and_what_is_left_is_released(sold):
    await give(sold, 333)
    assert await amounts() == [(100, "pending"), (-34, "back")]  # what is kept is floored: 66.7
    await give(sold, 333, "again")
    assert await Commission.filter(reverses_id=None).values_list("back_fen", flat=True) == [67]
    await released(sold)
    assert await sold.hong.totals() == (0, 0, 33, 0)
    assert await breaches() == []


async def test_a_refund_after_the_release_takes_it_from_what_they_have(sold):
    await released(sold)
    await give(sold, PRICE)
    assert await amounts() == [(100, "available"), (-100, "back")]
    assert await sold.hong.totals() == (0, 0, 0, 0)
    assert await breaches() == []


async def paid_out(rooms, fen_: int) -> None:
    """As a withdrawal does: held, then gone."""
    async with atomic():
        unit, now = await fen(), rooms.clock.now()
        side = of_member(rooms.hong.person.member_id)
        held = await hold(
            unit,
            side,
            fen_,
            for_=Side(LedgerAccountKind.ADJUSTED),
            cause=Cause("paid_by_hand", str(new_id())),
            expires_at=now + DAY,
            at=now,
        )
        await post_hold(held.id, at=now)


async def test_what_was_withdrawn_before_the_refund_is_owed_and_netted_against_the_next(sold):
    await released(sold)
    await paid_out(sold, 80)
    await give(sold, PRICE)
    assert await sold.hong.totals() == (0, 0, 0, 80)
    assert await balance(sold.hong.person.member_id, "receivable") == -80
    sold.order_id = await sold.ming.buy(sold.offer, "second", quantity=1)
    await use(sold, key="second")
    sold.clock.advance(timedelta(hours=1))
    await sweep(sold)
    sold.clock.advance(7 * DAY)
    assert await sweep(sold) == 1
    assert await sold.hong.totals() == (0, 0, 20, 0)
    assert await balance(sold.hong.person.member_id, "receivable") == 0
    assert await breaches() == []


async def test_what_the_books_refuse_of_one_promoter_holds_up_nobody_else(sold, caplog):
    """Somebody took of what Hong has pending: that is looked at again later, and Lan has hers."""
    lan = await a_seller(sold, "o-lan")
    await (await brought(sold, "o-lu", await lan.code())).buy(sold.offer)
    async with atomic():
        unit, now = await fen(), sold.clock.now()
        pending = Side(LedgerAccountKind.PENDING, sold.hong.person.member_id)
        await post([Move(unit, pending, Side(LedgerAccountKind.ADJUSTED), 1, Cause("lost", "one"))], at=now)
    await use(sold)
    sold.clock.advance(366 * DAY)
    assert await sweep(sold) == 1
    assert await amounts() == [(100, "frozen"), (100, "available")]
    assert [each.message for each in caplog.records if each.levelname == "ERROR"] == ["commissions_not_released"]
    assert await sweep(sold) == 0  # not again at once
    async with atomic():
        found = Move(unit, Side(LedgerAccountKind.ADJUSTED), pending, 1, Cause("found", "one"))
        await post([found], at=sold.clock.now())
    sold.clock.advance(DAY)
    assert await sweep(sold) == 1
    assert (await sold.hong.totals(), await lan.totals()) == ((0, 0, 100, 0), (0, 0, 100, 0))
    assert await breaches() == []


async def test_what_a_withdrawal_gives_back_pays_the_debt_at_once(sold):
    await released(sold)
    async with atomic():
        unit, now = await fen(), sold.clock.now()
        side, nobody = of_member(sold.hong.person.member_id), Side(LedgerAccountKind.ADJUSTED)
        cause = Cause("paid_by_hand", str(new_id()))
        held = await hold(unit, side, 100, for_=nobody, cause=cause, expires_at=now + DAY, at=now)
    await give(sold, PRICE)
    assert await sold.hong.totals() == (0, 0, 0, 100)
    async with atomic():
        await void_hold(held.id, at=sold.clock.now())
    await sweep(sold)
    assert await sold.hong.totals() == (0, 0, 0, 0)
    assert await breaches() == []


# --- who counts


async def test_the_first_touch_counts_until_its_window_ends(rooms):
    await rules(rooms, window_days=30)
    hong, lan = await a_seller(rooms), await a_seller(rooms, "o-lan")
    first, second = await hong.code(), await lan.code()
    ming = await brought(rooms, "o-ming", first)
    rooms.clock.advance(30 * DAY - timedelta(seconds=1))
    await comes(rooms, "o-ming", second)
    assert await bound(ming) == hong.person.member_id
    rooms.clock.advance(timedelta(seconds=1))
    await comes(rooms, "o-ming", second)
    assert await bound(ming) == lan.person.member_id


async def bound(buyer: Buyer):
    binding = await PromoterBinding.get(member_id=buyer.person.member_id).prefetch_related("promoter")
    return binding.promoter.member_id


async def test_a_purchase_protects_the_promoter_beyond_the_window(rooms):
    await rules(rooms, window_days=10, protection_days=60)
    hong, lan = await a_seller(rooms), await a_seller(rooms, "o-lan")
    ming = await brought(rooms, "o-ming", await hong.code())
    await ming.buy(await for_sale(rooms))
    rooms.clock.advance(59 * DAY)
    await comes(rooms, "o-ming", await lan.code())
    assert await bound(ming) == hong.person.member_id


async def test_after_the_window_an_order_is_nobodys(rooms):
    await rules(rooms, window_days=10)
    hong = await a_seller(rooms)
    ming = await brought(rooms, "o-ming", await hong.code())
    rooms.clock.advance(10 * DAY)
    await ming.buy(await for_sale(rooms))
    assert (await OrderPromoter.all().count(), await amounts()) == (0, [])


async def test_the_order_keeps_the_promoter_and_the_rate_of_its_moment(rooms):
    await rules(rooms, window_days=1)
    hong, lan = await a_seller(rooms), await a_seller(rooms, "o-lan")
    ming = await brought(rooms, "o-ming", await hong.code())
    rooms.clock.advance(DAY - timedelta(minutes=5))
    ordered = (await ming.order(await for_sale(rooms))).value.order
    rooms.clock.advance(timedelta(minutes=10))
    await comes(rooms, "o-ming", await lan.code())
    await rules(rooms, rates=(2_000,))
    await ming.told(ordered.number)
    (commission,) = await Commission.all().prefetch_related("promoter", "rule")
    assert (commission.promoter.member_id, commission.amount_fen) == (hong.person.member_id, 100)
    assert commission.rule.number == 1


async def test_nobody_promotes_to_themselves(rooms):
    await rules(rooms)
    hong = await a_seller(rooms)
    await comes(rooms, "o-hong", await hong.code())
    await hong.buy(await for_sale(rooms))
    assert (await PromoterBinding.all().count(), await amounts()) == (0, [])


async def test_another_self_with_the_same_phone_gives_no_commission(rooms):
    await rules(rooms)
    hong = await a_seller(rooms)
    again = await brought(rooms, "o-other-self", await hong.code())
    await same_phone(hong.person, again.person)
    await again.buy(await for_sale(rooms))
    assert (await PromoterBinding.all().count(), await amounts()) == (1, [])


async def same_phone(one: Person, other: Person) -> None:
    """A number that one has now and the other had once."""
    known = {"number_hash": "same", "number_cipher": "", "tail": "1234", "proven_at": NOON}
    await BoundNumber.create(member_id=one.member_id, **known)
    await BoundNumber.create(member_id=other.member_id, status=IdentifierStatus.REVOKED, revoked_at=NOON, **known)


async def test_who_turns_out_to_be_the_buyer_after_the_order_gets_nothing(rooms):
    await rules(rooms)
    hong = await a_seller(rooms)
    again = await brought(rooms, "o-other-self", await hong.code())
    ordered = (await again.order(await for_sale(rooms))).value.order
    await same_phone(hong.person, again.person)
    await again.told(ordered.number)
    assert (await OrderPromoter.all().count(), await amounts()) == (1, [])
    assert await breaches() == []


async def test_a_payer_who_paid_for_the_promoter_gives_no_commission(rooms):
    await rules(rooms)
    hong, offer = await a_seller(rooms), await for_sale(rooms)
    await hong.buy(offer)
    ming = await brought(rooms, "o-ming", await hong.code())
    theirs = (await Order.get()).payer_hash
    ordered = (await ming.order(offer)).value.order
    mine = (await Order.get(number=ordered.number)).payer_hash
    await Order.filter(member_id=hong.person.member_id).update(payer_hash=mine)
    assert theirs != mine
    await ming.told(ordered.number)
    assert await amounts() == []


async def test_a_promoter_who_was_stopped_brings_nobody_and_earns_nothing_more(sold):
    promoter = await Promoter.get(member_id=sold.hong.person.member_id)
    code = await sold.hong.code()
    ordered = (await sold.ming.order(sold.offer, "second")).value.order
    deciding = sold.handlers.operator_promoters
    await deciding.decide(await a_manager(), promoter.id, "stop", reason="违规", request_id="stop")
    await sold.ming.told(ordered.number)
    await comes(sold, "o-new", code)
    assert await amounts() == [(100, "pending")]  # what was earned stays
    assert await PromoterBinding.all().count() == 1
    with pytest.raises(PromoterStateWrong):
        await sold.hong.apply("again")
    with pytest.raises(NotAPromoter):
        await sold.hong.code()


async def test_a_follower_who_scans_a_promoters_code_is_touched(rooms):
    await rules(rooms)
    hong, person = await a_seller(rooms), await rooms.person("o-chat", account="oa")
    account = await rooms.handlers.accounts.get("oa")
    await rooms.handlers.following.follow(person, account)
    await rooms.handlers.following.scan(person, account, scene=await hong.code())
    assert (await PromoterBinding.get()).member_id == person.member_id


async def test_other_scenes_touch_nobody(rooms):
    await rules(rooms)
    for scene in ("store:1", "p_unknown", "inv-0123456789abcdef"):
        await comes(rooms, "o-ming", scene)
    assert await PromoterBinding.all().count() == 0


# --- levels


async def test_two_levels_share_what_was_paid_and_the_cap_is_kept(rooms):
    await rules(rooms, level_count=2, rates=(2_000, 1_000), cap_bp=3_000)
    lan = await a_seller(rooms, "o-lan")
    hong = Seller(rooms, (await brought(rooms, "o-hong", await lan.code())).person)
    await hong.approved()
    ming = await brought(rooms, "o-ming", await hong.code())
    await ming.buy(await for_sale(rooms, fen=999))
    assert await amounts() == [(199, "pending"), (99, "pending")]
    assert (await hong.totals(), await lan.totals()) == ((199, 0, 0, 0), (99, 0, 0, 0))
    assert await breaches() == []


async def test_by_default_the_second_level_gets_nothing(rooms):
    await rules(rooms)
    lan = await a_seller(rooms, "o-lan")
    hong = Seller(rooms, (await brought(rooms, "o-hong", await lan.code())).person)
    await hong.approved()
    ming = await brought(rooms, "o-ming", await hong.code())
    await ming.buy(await for_sale(rooms))
    assert (await amounts(), await lan.totals()) == ([(100, "pending")], (0, 0, 0, 0))


async def test_nobody_stands_on_a_promoter_who_was_stopped_before_the_payment(rooms):
    manager = await rules(rooms, level_count=2, rates=(2_000, 1_000))
    lan = await a_seller(rooms, "o-lan")
    hong = Seller(rooms, (await brought(rooms, "o-hong", await lan.code())).person)
    await hong.approved()
    ming = await brought(rooms, "o-ming", await hong.code())
    ordered = (await ming.order(await for_sale(rooms))).value.order
    promoter, deciding = await Promoter.get(member_id=hong.person.member_id), rooms.handlers.operator_promoters
    await deciding.decide(manager, promoter.id, "stop", reason="违规", request_id="stop")
    await ming.told(ordered.number)
    assert (await OrderPromoter.all().count(), await amounts()) == (2, [])


async def test_a_level_that_is_switched_off_gives_nothing_from_that_moment(rooms):
    manager = await rules(rooms, level_count=2, rates=(2_000, 1_000))
    lan = await a_seller(rooms, "o-lan")
    hong = Seller(rooms, (await brought(rooms, "o-hong", await lan.code())).person)
    await hong.approved()
    ming = await brought(rooms, "o-ming", await hong.code())
    ordered = (await ming.order(await for_sale(rooms))).value.order
    await rooms.handlers.commission_rules.switch(manager, 2, is_off=True, request_id=None)
    await ming.told(ordered.number)
    assert await amounts() == [(200, "pending")]
    switches = await rooms.handlers.commission_rules.switches(manager)
    assert [(each.level, each.is_off) for each in switches] == [(1, False), (2, True)]


# --- becoming one


async def test_nobody_applies_while_no_rules_are_in_force(rooms):
    hong = Seller(rooms, await rooms.member("o-hong"))
    with pytest.raises(DistributionClosed):
        await hong.apply()


async def test_an_application_waits_for_an_operator_and_a_refused_one_may_come_again(rooms):
    manager = await rules(rooms)
    hong = Seller(rooms, await rooms.member("o-hong"))
    assert (await hong.apply()).state is PromoterState.WAITING
    with pytest.raises(NotAPromoter):
        await hong.code()
    promoter, deciding = await Promoter.get(), rooms.handlers.operator_promoters
    await deciding.decide(manager, promoter.id, "refuse", reason="资料不全", request_id="no")
    assert (await rooms.handlers.promoters.view(hong.person)).reason == "资料不全"
    assert (await hong.apply("again")).state is PromoterState.WAITING
    await deciding.decide(manager, promoter.id, "approve", request_id="yes")
    with pytest.raises(PromoterStateWrong):
        await deciding.decide(manager, promoter.id, "refuse", reason="不行", request_id="late")
    assert (await hong.apply("once more")).state is PromoterState.ACTIVE


async def test_where_it_is_open_whoever_meets_the_conditions_is_one_at_once(rooms):
    await rules(rooms, admission=Admission.OPEN, least_member_days=3, needs_phone=True)
    without = Seller(rooms, await rooms.member("o-ming"))
    hong = Seller(rooms, await rooms.member("o-hong", phone="13912345670"))
    with pytest.raises(PromoterConditions) as refused:
        await without.apply()
    assert refused.value.facts["missing"] == ["phone", "member_days"]
    rooms.clock.advance(3 * DAY)
    assert (await hong.apply()).state is PromoterState.ACTIVE


async def test_rules_against_the_law_are_not_published(rooms):
    with pytest.raises(CommissionRulesUnpublishable):
        await rules(rooms, level_count=3)


# --- links


async def test_a_promoter_has_one_opaque_code_per_page_and_its_pictures_are_kept(rooms):
    await rules(rooms)
    hong, offer = await a_seller(rooms), await for_sale(rooms)
    links = rooms.handlers.promoter_links
    first = (await links.make(hong.person, None, request_id="a")).value
    again = (await links.make(hong.person, None, request_id="b")).value
    other = (await links.make(hong.person, offer.id, request_id="c")).value
    assert first == again
    assert len({first.code, other.code}) == 2
    assert len(first.code) <= 32
    assert str(hong.person.member_id) not in first.code
    assert rooms.wechat.calls["mini_program_code"] == rooms.wechat.calls["url_link"] == 2
    assert await links.target(other.code) == offer.id


async def test_what_wechat_did_not_give_is_asked_for_next_time(rooms):
    await rules(rooms)
    hong, links = await a_seller(rooms), rooms.handlers.promoter_links
    rooms.wechat.trouble = WeChatRetryLater(45009, "quota", endpoint="any")
    made = (await links.make(hong.person, None, request_id="a")).value
    assert (made.picture, made.qr_url, made.url) == ("", "", "")
    rooms.wechat.trouble = None
    again = (await links.make(hong.person, None, request_id="a")).value
    assert again.code == made.code
    assert all((again.picture, again.qr_url, again.url))


async def test_a_temporary_code_is_made_anew_a_week_before_it_ends(rooms):
    await rules(rooms)
    hong, links = await a_seller(rooms), rooms.handlers.promoter_links
    rooms.wechat.scene_ends_at = rooms.clock.now() + 30 * DAY
    first = (await links.make(hong.person, None, request_id="a")).value
    rooms.clock.advance(23 * DAY)
    assert (await links.make(hong.person, None, request_id="b")).value == first
    rooms.clock.advance(timedelta(seconds=1))
    anew = (await links.make(hong.person, None, request_id="c")).value
    assert anew.qr_url != first.qr_url
    assert (anew.code, anew.picture) == (first.code, first.picture)


# --- leaving, and days


async def test_whoever_has_money_or_waits_for_some_cannot_leave_yet(sold):
    with pytest.raises(DepartureHindered) as refused:
        await sold.handlers.departures.leave(sold.hong.person)
    assert refused.value.facts["reasons"] == ["commission.pending"]


async def test_whoever_leaves_promotes_nothing_any_more(rooms):
    await rules(rooms)
    hong = await a_seller(rooms)
    code = await hong.code()
    await brought(rooms, "o-ming", code)
    await rooms.handlers.departures.leave(hong.person)
    await comes(rooms, "o-new", code)
    (binding,) = await PromoterBinding.all().prefetch_related("link", "promoter")
    assert code not in (binding.link.code, binding.link.picture, binding.link.url)
    assert binding.promoter.state is PromoterState.STOPPED


async def test_a_refund_after_the_promoter_has_left_is_owed_by_nobody_who_could_be_told(sold):
    await released(sold)
    await paid_out(sold, 100)
    await sold.handlers.departures.leave(sold.hong.person)
    await give(sold, PRICE)
    assert await balance(sold.hong.person.member_id, "receivable") == -100
    await say_commission_back(sold.handlers, await a_job("say_commission_back"))
    assert await breaches() == []


async def a_job(kind: str) -> JobContext:
    job = await Job.get(kind=kind)
    return JobContext(job.id, kind, job.key, job.payload, attempt=1, fence=1, owner="test", now=lambda: NOON)


async def test_promoters_see_what_is_held_about_them_and_buyers_that_they_were_brought(sold):
    rights, code = sold.handlers.personal_data, await sold.hong.code()
    theirs, ours = await rights.export(sold.hong.person), await rights.export(sold.ming.person)
    assert [(each.state.value, each.scenes) for each in theirs.promoting] == [("active", (code,))]
    assert [(each.amount_fen, each.state.value) for each in theirs.commissions] == [(100, "pending")]
    assert [each.scene for each in ours.touches] == [code]
    assert (theirs.touches, ours.promoting, ours.commissions) == ((), (), ())
    assert str(sold.ming.person.member_id) not in str((theirs.promoting, theirs.commissions))


async def test_a_day_is_counted_once_however_often(sold):
    sold.clock.advance(DAY)
    for _ in range(2):
        assert await sold.handlers.promoter_days.count(sold.clock.now()) == 1
    (day,) = await PromoterDay.all()
    assert (day.came_count, day.order_count, day.paid_fen, day.commission_fen) == (1, 1, PRICE, 100)
    today = sold.clock.now().date()
    days = {"since": today - DAY, "until": today + DAY, "limit": 9}
    (ranked,) = await sold.handlers.promoter_days.ranked(await a_manager(), **days)
    assert (ranked.promoter_id, ranked.paid_fen) == (day.promoter_id, PRICE)


async def test_the_ranking_goes_on_behind_the_last_one_also_where_sums_are_equal(sold):
    today, first = sold.clock.now().date(), await Promoter.get(member_id=sold.hong.person.member_id)
    sellers = [await a_seller(sold, f"o-other-{n}") for n in range(2)]
    others = [(await Promoter.get(member_id=each.person.member_id)).id for each in sellers]
    for promoter_id, paid_fen in ((first.id, PRICE), *((each, PRICE // 2) for each in others)):
        await PromoterDay.create(
            promoter_id=promoter_id,
            business_on=today.isoformat(),
            came_count=0,
            order_count=1,
            paid_fen=paid_fen,
            commission_fen=0,
        )
    by, days = await a_manager(), {"since": today, "until": today + DAY}
    whole = await sold.handlers.promoter_days.ranked(by, **days, limit=9)
    assert [each.promoter_id for each in whole] == [first.id, *sorted(others)]
    for place, last in enumerate(whole):
        rest = await sold.handlers.promoter_days.ranked(by, **days, after=(last.paid_fen, last.promoter_id), limit=9)
        assert rest == whole[place + 1 :]


async def test_a_merge_carries_the_pending_money_and_the_survivor_is_released(sold):
    """A promoter turns out to be another member too: what was pending is theirs, and is released to them."""
    other = await sold.member("o-hong-other", unionid="u-hong")
    await sold.person("o-hong", unionid="u-hong")
    merged = await sold.person("o-hong")
    assert merged.member_id in {other.member_id, sold.hong.person.member_id}
    await released(sold)
    assert await balance(merged.member_id, "member") == 100
    assert await breaches() == []


async def test_what_somebody_owes_is_paid_by_the_member_they_turn_out_to_be(sold):
    await released(sold)
    await paid_out(sold, 100)
    await give(sold, PRICE)
    other = await sold.member("o-hong-other", unionid="u-hong")
    await sold.person("o-hong", unionid="u-hong")
    merged = await sold.person("o-hong")
    assert merged.member_id in {other.member_id, sold.hong.person.member_id}
    assert await sold.hong.totals() == (0, 0, 0, 100)
    async with atomic():
        unit, now = await fen(), sold.clock.now()
        gift = Move(unit, Side(LedgerAccountKind.ADJUSTED), of_member(merged.member_id), 130, Cause("gift", "one"))
        await post([gift], at=now)
    await sweep(sold)
    assert await sold.hong.totals() == (0, 0, 30, 0)
    assert await breaches() == []
