"""What can be had, in one person's eyes: whose city, for whom, when, how many, for what; and at what cost to look."""

import asyncio
import time
from datetime import UTC, datetime, timedelta

import pytest

import models.gathering
from handlers.errors import OfferUnknown
from handlers.offers import catalogue_of_offers, offers, offers_on_show
from handlers.rules.offer_terms import Audience, Limit, OfferTerms, Period, Validity, Wave
from models.benefits import Benefit, Offer, OfferStock, OfferVersion
from models.claims import Claim, ClaimSlot
from models.database import atomic
from models.identity import Member
from models.ids import new_id
from models.words import ClaimSource, ClaimState, MemberStatus
from tests.handlers.offering import Stall, benefit_of, key, lives_in, operator_at, stall_of
from tests.operating import city

EVERY = 100


@pytest.fixture
async def stall(rooms) -> Stall:
    return await stall_of(rooms)


@pytest.fixture
async def ming(rooms):
    return await rooms.member("o-ming")


async def seen(stall, person, offer):
    stall.catalogue.forget()
    return (await stall.catalogue.one(person, offer.id)).items[0]


async def ids(stall, person, **more):
    stall.catalogue.forget()
    page = await stall.catalogue.page(person, limit=EVERY, **more)
    return [each.id for each in page.items]


async def had(member_id, offer, period="ever", number=1):
    """A claim as it is left behind."""
    now = await Claim.all().count()
    claim = await Claim.create(
        member_id=member_id,
        offer_id=offer.id,
        offer_version=1,
        benefit_id=offer.benefit_id,
        source=ClaimSource.MINI_PROGRAM,
        state=ClaimState.ISSUED,
        claimed_at=offer.opens_at or stamp(),
        valid_from=offer.opens_at or stamp(),
        code_hash=f"hash-{now}",
    )
    await ClaimSlot.create(claim=claim, offer_id=offer.id, member_id=member_id, period=period, number=number)


def stamp():
    return datetime(2026, 3, 2, 2, 0, tzinfo=UTC)


async def test_an_offer_says_what_it_is_and_that_it_can_be_had(rooms, stall, ming):
    await Benefit.filter(id=stall.benefit.id).update(category="车", description="洗一次车")
    closes_at = rooms.clock.now() + timedelta(days=1)
    terms = OfferTerms(original_price_fen=3_000, stock=5, closes_at=closes_at, is_flash_sale=True)
    offer = await stall.publish(terms, keyword="洗车")
    stall.catalogue.forget()
    page = await stall.catalogue.one(ming, offer.id)
    one = page.items[0]
    assert page.now == rooms.clock.now()
    assert (one.claimable, one.reason, one.sentence) == (True, None, None)
    assert (one.title, one.category, one.description, one.keyword) == ("wash券", "车", "洗一次车", "洗车")
    assert (one.left, one.price.fen, one.original_price_fen) == (5, 0, 3_000)
    assert (one.opens_at, one.closes_at, one.is_flash_sale) == (None, closes_at, True)


async def test_a_member_sees_the_own_city_and_above_and_nothing_else(stall, ming):
    province = await city("province")
    north, south = await city("north", below=province.id), await city("south", below=province.id)
    made = {}
    for place in (stall.root, province, north, south):
        worker = await operator_at(place)
        benefit = await benefit_of(place, f"of-{place.code}")
        made[place.code] = await stall.publish(by=worker, benefit_id=benefit.id)
    assert await ids(stall, ming) == [made[stall.root.code].id]
    await lives_in(ming, north)
    mine = [made["north"].id, made["province"].id, made[stall.root.code].id]
    assert await ids(stall, ming) == mine
    assert await ids(stall, ming, organization_id=province.id) == [made["province"].id]
    assert await ids(stall, ming, organization_id=south.id) == []
    with pytest.raises(OfferUnknown):
        await seen(stall, ming, made["south"])
    assert (await seen(stall, ming, made["north"])).claimable


async def test_drafts_and_what_is_over_are_not_shown(rooms, stall, ming):
    drafted = await stall.draft()
    ended = await stall.publish()
    await stall.editing.end(stall.operator, ended.id, reason="x", request_id=key())
    closed = await stall.publish(OfferTerms(closes_at=rooms.clock.now() + timedelta(minutes=1)))
    assert await ids(stall, ming) == [closed.id]
    rooms.clock.advance(timedelta(minutes=1))
    assert await ids(stall, ming) == []
    for gone in (drafted, ended):
        with pytest.raises(OfferUnknown):
            await seen(stall, ming, gone)


async def test_why_not_in_a_stable_code_and_a_sentence(rooms, stall, ming):
    now = rooms.clock.now()
    for terms, reason in (
        (OfferTerms(opens_at=now + timedelta(hours=1)), "offer.not_open"),
        (OfferTerms(audience=Audience(member_list=(new_id(),))), "offer.not_for_you"),
        (OfferTerms(stock=0), "offer.sold_out"),
    ):
        one = await seen(stall, ming, await stall.publish(terms))
        assert (one.claimable, one.reason) == (False, reason)
        assert one.title in one.sentence
    paused = await stall.publish()
    await stall.editing.pause(stall.operator, paused.id, reason="x", request_id=key())
    assert (await seen(stall, ming, paused)).reason == "offer.paused"
    hong = await rooms.person("o-hong")
    assert (await seen(stall, hong, await stall.publish())).reason == "offer.not_for_you"
    soon = await stall.publish(OfferTerms(opens_at=now + timedelta(hours=1)))
    assert (await seen(stall, ming, soon)).opens_at == now + timedelta(hours=1)
    rooms.clock.advance(timedelta(hours=1))
    assert (await seen(stall, ming, soon)).claimable


async def test_a_wave_that_is_gone_says_when_the_next_one_comes(rooms, stall, ming):
    # Monday 10:00 in Shanghai.
    now = rooms.clock.now()
    offer = await stall.publish(OfferTerms(waves=(Wave("10:00", 3), Wave("15:00", 4))))
    one = await seen(stall, ming, offer)
    assert (one.left, one.claimable) == (3, True)
    await OfferStock.create(offer_id=offer.id, bucket="wave:2026-03-02T10:00", added_count=3, taken_count=3)
    one = await seen(stall, ming, offer)
    assert (one.left, one.reason, one.opens_at) == (0, "offer.sold_out", now + timedelta(hours=5))
    rooms.clock.advance(timedelta(hours=5))
    assert (await seen(stall, ming, offer)).left == 4


async def test_the_least_of_several_counters_is_what_is_left(stall, ming):
    offer = await stall.publish(OfferTerms(stock=100, daily_stock=7))
    assert (await seen(stall, ming, offer)).left == 7
    await OfferStock.create(offer_id=offer.id, bucket="day:2026-03-02", added_count=7, left_count=2, taken_count=5)
    assert (await seen(stall, ming, offer)).left == 2
    assert (await seen(stall, ming, await stall.publish())).left is None


async def test_whoever_had_theirs_is_told_when_there_is_more(rooms, stall, ming):
    ever = await stall.publish()
    daily = await stall.publish(OfferTerms(limits=(Limit(Period.DAY, 1), Limit(Period.MONTH, 2))))
    await had(ming.member_id, ever)
    await had(ming.member_id, daily, "day:2026-03-02")
    await had(ming.member_id, daily, "month:2026-03")
    one = await seen(stall, ming, ever)
    assert (one.reason, one.claimable, one.opens_at) == ("offer.limit_reached", False, None)
    one = await seen(stall, ming, daily)
    midnight = rooms.clock.now() + timedelta(hours=14)
    assert (one.reason, one.opens_at) == ("offer.limit_reached", midnight)
    rooms.clock.advance(timedelta(hours=14))
    assert (await seen(stall, ming, daily)).claimable
    rooms.clock.advance(-timedelta(hours=1))  # a clock that is set back gives no second day
    assert not (await seen(stall, ming, daily)).claimable


async def test_what_a_merged_member_had_counts_too(rooms, stall, ming):
    offer = await stall.publish()
    other = await rooms.person("o-other")
    await had(other.member_id, offer)
    assert (await seen(stall, ming, offer)).claimable
    await Member.filter(id=other.member_id).update(canonical_id=ming.member_id, status=MemberStatus.MERGED)
    assert (await seen(stall, ming, offer)).reason == "offer.limit_reached"


async def test_pages_follow_each_other_and_categories_narrow_them(stall, ming):
    await Benefit.filter(id=stall.benefit.id).update(category="车")
    tea = await benefit_of(stall.root, "tea", category="茶")
    made = [await stall.publish(benefit_id=(tea if number % 2 else stall.benefit).id) for number in range(7)]
    newest = [each.id for each in reversed(made)]
    stall.catalogue.forget()
    found, after = [], None
    for expected in (3, 3, 1):
        page = await stall.catalogue.page(ming, limit=3, after=after)
        assert len(page.items) == expected
        found += [each.id for each in page.items]
        after = page.last
    assert (found, after) == (newest, None)
    assert await ids(stall, ming, category="茶") == newest[1::2]
    assert await ids(stall, ming, category="无") == []


async def test_a_pause_is_seen_by_every_process_within_a_second(rooms, stall, ming):
    offer = await stall.publish()
    assert offers_on_show.REMEMBERED_SECONDS < 1
    assert (await seen(stall, ming, offer)).claimable
    await stall.editing.pause(stall.operator, offer.id, reason="x", request_id=key())
    until = time.monotonic() + 10  # a second, and what a busy machine adds
    while (await stall.catalogue.one(ming, offer.id)).items[0].claimable:
        assert time.monotonic() < until
        await asyncio.sleep(0.05)


async def test_who_sees_the_same_gets_the_same_object_and_others_their_own(rooms, stall, ming):
    hong, lan = await rooms.member("o-hong"), await rooms.member("o-lan")
    offer = await stall.publish(OfferTerms(stock=5))
    await had(lan.member_id, offer)
    stall.catalogue.forget()
    mings, hongs, lans = [(await stall.catalogue.one(one, offer.id)).items[0] for one in (ming, hong, lan)]
    assert mings is hongs
    assert (mings.claimable, lans.claimable) == (True, False)


async def test_an_opening_is_seen_at_its_very_instant_though_the_offers_are_not_read_again(rooms, stall, ming):
    opens_at = rooms.clock.now() + timedelta(seconds=1)
    offer = await stall.publish(OfferTerms(opens_at=opens_at))
    stall.catalogue.forget()
    told = []
    for step in (0.0, 1 - 1e-6, 1e-6):
        rooms.clock.advance(timedelta(seconds=step))
        told.append((await stall.catalogue.one(ming, offer.id)).items[0].claimable)
    assert told == [False, False, True]


async def test_offers_that_are_read_again_keep_their_looks_but_for_what_has_changed(rooms, stall, ming):
    still, fewer, paused, ends = [await stall.publish(OfferTerms(stock=5)) for _ in range(4)]
    closes_at = rooms.clock.now() + timedelta(days=1)
    closing = await stall.publish(OfferTerms(stock=5, closes_at=closes_at))

    async def looks():
        stall.catalogue.forget()
        page = await stall.catalogue.page(ming, limit=EVERY)
        return {each.id: each for each in page.items}

    before = await looks()
    await stall.change(fewer.id, -1)
    await stall.editing.pause(stall.operator, paused.id, reason="x", request_id=key())
    await stall.editing.end(stall.operator, ends.id, reason="x", request_id=key())
    after = await looks()
    assert [after[each.id] is before[each.id] for each in (still, closing, fewer, paused)] == [True, True, False, False]
    assert (after[fewer.id].left, after[paused.id].claimable, ends.id in after) == (4, False, False)
    assert (await looks())[still.id] is before[still.id]
    rooms.clock.advance(timedelta(days=1))  # something has turned: all is looked at anew
    turned = await looks()
    assert (turned[still.id] is before[still.id], closing.id in turned) == (False, False)


@pytest.fixture
def counted(monkeypatch):
    """Statements that looking takes."""
    asked = []
    for module in (catalogue_of_offers, offers_on_show, offers):
        true = module.rows

        async def count(statement, *values, true=true):
            asked.append(statement)
            return await true(statement, *values)

        monkeypatch.setattr(module, "rows", count)
    true_rows = models.gathering.rows

    async def gathered(statement, *values):
        asked.append(statement)
        return await true_rows(statement, *values)

    monkeypatch.setattr(models.gathering, "rows", gathered)
    return asked


async def test_a_page_takes_two_statements_whatever_is_on_it(stall, ming, counted):
    for number in range(6):
        await stall.publish(OfferTerms(stock=number, limits=(Limit(Period.DAY, 1),)))
    stall.catalogue.forget()
    await stall.catalogue.page(ming, limit=EVERY)
    counted.clear()
    await stall.catalogue.page(ming, limit=EVERY)
    assert len(counted) == 2
    stall.catalogue.forget()
    counted.clear()
    await stall.catalogue.page(ming, limit=EVERY)
    assert len(counted) == 4  # and what is published and what is left of it, once a second for everybody


async def test_five_hundred_offers_are_weighed_quickly(rooms, stall, ming):
    audience, validity = Audience(card_kinds=("member",)), Validity()
    first = await stall.publish(OfferTerms(audience=audience, validity=validity, stock=10))
    await many_like(first, 499)
    stall.catalogue.forget()
    await stall.catalogue.page(ming, limit=EVERY)
    spent = []
    for round_ in range(60):
        if round_ % 20 == 10:
            stall.catalogue.forget()
        began = time.perf_counter()
        page = await stall.catalogue.page(ming, limit=500)
        spent.append(time.perf_counter() - began)
        assert len(page.items) == 500
    assert min(spent) < 0.06  # the quickest: what a busy machine adds is not the question here


async def many_like(first, count):
    """Copies of a published offer, as rows."""
    offer = await Offer.get(id=first.id)
    version = await OfferVersion.get(offer_id=first.id)
    async with atomic():
        copies = [
            Offer(
                benefit_id=offer.benefit_id,
                organization_id=offer.organization_id,
                code=f"copy-{number}",
                state=offer.state,
                version=1,
                terms=offer.terms,
            )
            for number in range(count)
        ]
        await Offer.bulk_create(copies)
        await OfferVersion.bulk_create(
            [
                OfferVersion(offer_id=each.id, number=1, terms=version.terms, published_at=version.published_at)
                for each in copies
            ]
        )
        await OfferStock.bulk_create(
            [OfferStock(offer_id=each.id, bucket="total", added_count=10, left_count=10) for each in copies]
        )
