"""Offers in operators' hands: drafted, published in versions that never change, paused, ended; whose they are."""

import asyncio
from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest

from handlers.benefits.kinds import KINDS
from handlers.errors import (
    BenefitUnknown,
    KeyReused,
    OfferCodeTaken,
    OfferNotPublishable,
    OfferStateWrong,
    OfferUnknown,
    OrganizationUnknown,
    QuotaTooSmall,
    RoleMissing,
)
from handlers.offers.offer_editing import OfferChange, OfferDraft
from handlers.offers.offers import askers, published, terms_of
from handlers.rules.offer_terms import (
    Audience,
    AudiencePrice,
    EarlyOpening,
    Limit,
    OfferTerms,
    Period,
    Price,
    Validity,
    ValidityKind,
    Wave,
)
from models.benefits import Benefit, BenefitQuota, Offer, OfferStock, OfferVersion, StockChange
from models.database import atomic, rows
from models.ids import new_id
from models.operators import AuditEntry
from models.programmes import Merchant
from models.words import BenefitKind, BenefitState, OfferState, OperatorRole
from tests.handlers.offering import Stall, benefit_of, key, lives_in, operator_at, stall_of
from tests.operating import city

LATER = datetime(2026, 4, 1, tzinfo=UTC)


@pytest.fixture
async def stall(rooms) -> Stall:
    return await stall_of(rooms)


async def acts_on(offer_id):
    entries = await AuditEntry.filter(subject_kind="offer", subject_id=str(offer_id)).order_by("id")
    return [each.action for each in entries]


async def test_an_offer_is_drafted_edited_published_and_on_record(stall):
    drafted = await stall.draft(OfferTerms(stock=10))
    assert (drafted.state, drafted.version) == (OfferState.DRAFT, 0)
    assert await published([drafted.id]) == {}
    edited = await stall.editing.edit(stall.operator, drafted.id, OfferChange(keyword="洗车"), request_id=key())
    assert (edited.value.keyword, edited.value.terms) == ("洗车", OfferTerms(stock=10))
    done = (await stall.editing.publish(stall.operator, drafted.id, request_id=key())).value
    assert (done.state, done.version) == (OfferState.PUBLISHED, 1)
    assert await acts_on(drafted.id) == ["offer.drafted", "offer.edited", "offer.published"]
    stock = await OfferStock.get(offer_id=drafted.id)
    assert (stock.bucket, stock.added_count, stock.left_count, stock.taken_count) == ("total", 10, 10, 0)
    assert [each.delta for each in await StockChange.filter(offer_id=drafted.id)] == [10]


async def test_all_that_terms_can_say_survives_the_database(stall):
    terms = OfferTerms(
        title="周末洗车",
        original_price_fen=3_000,
        prices=(AudiencePrice(Audience(joined_within_days=7), Price()),),
        audience=Audience(organizations=(stall.root.id,), member_list=(new_id(),)),
        opens_at=stall.rooms.clock.now(),
        closes_at=LATER,
        stock=100,
        daily_stock=10,
        waves=(Wave("10:00", 3), Wave("15:00", 4)),
        limits=(Limit(Period.DAY, 1), Limit(Period.MONTH, 2)),
        validity=Validity(ValidityKind.NATURAL, period=Period.MONTH),
        is_flash_sale=True,
        shows_typed_code=False,
        returns_to_stock=True,
    )
    offer = await stall.publish(terms)
    assert offer.terms == terms
    found = (await published([offer.id]))[offer.id]
    assert (found.terms, found.version, found.state) == (terms, 1, OfferState.PUBLISHED)
    assert found.benefit.code == "wash"


async def test_a_claim_keeps_the_version_it_was_made_under(stall):
    offer = await stall.publish(OfferTerms(title="一"))
    change = OfferChange(terms=OfferTerms(title="二"))
    await stall.editing.edit(stall.operator, offer.id, change, request_id=key())
    assert (await published([offer.id]))[offer.id].title == "一"
    await stall.editing.publish(stall.operator, offer.id, request_id=key())
    assert (await published([offer.id]))[offer.id].title == "二"
    known = await terms_of([(offer.id, 1), (offer.id, 2)])
    assert [known[offer.id, number].title for number in (1, 2)] == ["一", "二"]
    listed = await stall.editing.versions(stall.operator, offer.id, before=None, limit=10)
    assert [(each.number, each.terms.title, each.published_by) for each in listed] == [
        (2, "二", stall.operator.id),
        (1, "一", stall.operator.id),
    ]
    assert [each.number for each in await stall.editing.versions(stall.operator, offer.id, before=2, limit=10)] == [1]


async def test_a_published_version_cannot_be_changed_in_the_database(stall):
    offer = await stall.publish()
    for statement in ("UPDATE offer_version SET number = 9", "DELETE FROM offer_version"):
        with pytest.raises(Exception, match="append-only"):
            await rows(statement)
    assert await OfferVersion.filter(offer_id=offer.id, number=1).exists()


async def test_publishing_again_never_resets_the_stock(stall):
    offer = await stall.publish(OfferTerms(stock=10))
    await OfferStock.filter(offer_id=offer.id).update(left_count=4, taken_count=6)
    for stock in (50, None):
        change = OfferChange(terms=OfferTerms(stock=stock))
        await stall.editing.edit(stall.operator, offer.id, change, request_id=key())
        with pytest.raises(OfferNotPublishable) as refused:
            await stall.editing.publish(stall.operator, offer.id, request_id=key())
        assert {"field": "stock", "problem": "fixed"} in refused.value.facts["problems"]
    change = OfferChange(terms=OfferTerms(stock=10, title="新"))
    await stall.editing.edit(stall.operator, offer.id, change, request_id=key())
    await stall.editing.publish(stall.operator, offer.id, request_id=key())
    stock = await OfferStock.get(offer_id=offer.id)
    assert (stock.added_count, stock.left_count, stock.taken_count) == (10, 4, 6)


async def test_what_had_no_limit_can_be_given_one(stall):
    offer = await stall.publish()
    await stall.editing.edit(stall.operator, offer.id, OfferChange(terms=OfferTerms(stock=3)), request_id=key())
    await stall.editing.publish(stall.operator, offer.id, request_id=key())
    assert (await OfferStock.get(offer_id=offer.id)).left_count == 3


@pytest.mark.parametrize(
    ("terms", "problem"),
    [
        (OfferTerms(price=Price(fen=10**9)), ("price.fen", "out_of_range")),
        (OfferTerms(price=Price(points=2**31)), ("price.points", "out_of_range")),
        (OfferTerms(price=Price(carrier_fen=10_000_001)), ("price.carrier_fen", "out_of_range")),
        (
            OfferTerms(price=Price(fen=1, outside_points=1, outside_account="a")),
            ("price.outside_points", "with_money"),
        ),
        (OfferTerms(audience=Audience(level_at_least="gold")), ("levels", "unknown")),
        (OfferTerms(opens_at=LATER, closes_at=LATER), ("closes_at", "before_start")),
        (OfferTerms(stock=-1), ("stock", "out_of_range")),
        (OfferTerms(limits=(Limit(Period.DAY, 2), Limit(Period.EVER, 1))), ("limits", "impossible")),
        (OfferTerms(audience=Audience(card_kinds=("nobody-has-it",))), ("card_kinds", "unknown")),
        (OfferTerms(opens_at=LATER, early=(EarlyOpening("nobody-has-it", 5),)), ("card_kinds", "unknown")),
        (OfferTerms(audience=Audience(organizations=(new_id(),))), ("audience.organizations", "unknown")),
    ],
)
async def test_what_cannot_be_is_refused_at_publish_with_its_reason(stall, terms, problem):
    drafted = await stall.draft(terms)
    with pytest.raises(OfferNotPublishable) as refused:
        await stall.editing.publish(stall.operator, drafted.id, request_id=key())
    field, word = problem
    assert {"field": field, "problem": word} in refused.value.facts["problems"]
    assert refused.value.sentence.startswith("还不能发布：")
    assert (await Offer.get(id=drafted.id)).version == 0
    assert not await OfferVersion.exists()


async def test_a_benefit_outside_of_the_pool_or_without_fulfiller_cannot_be_offered(stall, monkeypatch):
    monkeypatch.delitem(KINDS, BenefitKind.TOP_UP)
    for state, kind, problem in (
        (BenefitState.DRAFT, "voucher", "not_in_pool"),
        (BenefitState.REVIEW, "voucher", "not_in_pool"),
        (BenefitState.RETIRED, "voucher", "not_in_pool"),
        (BenefitState.POOL, "top_up", "kind_unsupported"),
    ):
        await Benefit.filter(id=stall.benefit.id).update(state=state, kind=kind)
        drafted = await stall.draft()
        with pytest.raises(OfferNotPublishable) as refused:
            await stall.editing.publish(stall.operator, drafted.id, request_id=key())
        assert refused.value.facts["problems"] == [{"field": "benefit", "problem": problem}]


# --- whose


async def test_what_is_not_theirs_is_as_good_as_not_there(rooms, stall):
    north, south = await city("north"), await city("south")
    northern, southern = await operator_at(north), await operator_at(south)
    own = await benefit_of(north, "tea")
    offer = await stall.publish(by=northern, benefit_id=own.id)
    assert offer.organization_id == north.id
    edit = stall.editing
    for stranger_acts in (
        edit.one(southern, offer.id),
        edit.versions(southern, offer.id, before=None, limit=10),
        edit.edit(southern, offer.id, OfferChange(keyword="x")),
        edit.publish(southern, offer.id, request_id=key()),
        edit.pause(southern, offer.id, reason="x", request_id=key()),
        edit.resume(southern, offer.id, reason="x", request_id=key()),
        edit.end(southern, offer.id, reason="x", request_id=key()),
        stall.stocks.view(southern, offer.id),
        stall.stocks.changes(southern, offer.id, before=None, limit=10),
        stall.stocks.change(southern, offer.id, bucket="total", delta=1, reason="x", request_id=key()),
    ):
        with pytest.raises(OfferUnknown):
            await stranger_acts
    assert await edit.listing(southern, after=None, limit=10) == ()
    assert [each.id for each in await edit.listing(stall.operator, after=None, limit=10)] == [offer.id]
    with pytest.raises(BenefitUnknown):
        await stall.draft(by=southern, benefit_id=own.id)
    with pytest.raises(BenefitUnknown):
        await stall.draft(benefit_id=new_id())
    with pytest.raises(OrganizationUnknown):
        await stall.draft(by=southern, organization_id=north.id)
    assert (await Offer.get(id=offer.id)).state is OfferState.PUBLISHED


@pytest.mark.parametrize("role", [OperatorRole.SUPPORT, OperatorRole.FINANCE])
async def test_other_roles_have_no_hand_in_offers(stall, role):
    other, offer = await operator_at(stall.root, role), await stall.publish(OfferTerms(stock=1))
    for act in (
        stall.editing.listing(other, after=None, limit=1),
        stall.editing.publish(other, offer.id, request_id=key()),
        stall.stocks.change(other, offer.id, bucket="total", delta=1, reason="x", request_id=key()),
        stall.stocks.pending(other, after=None, limit=1),
        stall.stocks.approve(other, new_id(), request_id=key()),
    ):
        with pytest.raises(RoleMissing):
            await act


async def test_a_city_gives_out_a_provinces_benefit_within_its_quota(stall):
    north = await city("north")
    northern = await operator_at(north)
    drafted = await stall.draft(OfferTerms(), by=northern)
    with pytest.raises(OfferNotPublishable) as refused:
        await stall.editing.publish(northern, drafted.id, request_id=key())
    assert refused.value.facts["problems"] == [{"field": "stock", "problem": "quota_needs_stock"}]
    for count, error in ((5, OfferNotPublishable), (11, QuotaTooSmall)):
        await stall.editing.edit(northern, drafted.id, OfferChange(terms=OfferTerms(stock=count)))
        with pytest.raises(error):
            await stall.editing.publish(northern, drafted.id, request_id=key())
        if count == 5:
            quota = await stall.quota(north, 10)
    await stall.editing.edit(northern, drafted.id, OfferChange(terms=OfferTerms(stock=8)))
    await stall.editing.publish(northern, drafted.id, request_id=key())
    assert (await BenefitQuota.get(id=quota.id)).left_count == 2
    await stall.change(drafted.id, -3, by=northern)
    assert (await BenefitQuota.get(id=quota.id)).left_count == 5
    with pytest.raises(QuotaTooSmall):
        await stall.editing.publish(
            northern, (await stall.draft(OfferTerms(stock=6), by=northern)).id, request_id=key()
        )
    assert await OfferStock.all().count() == 1


async def test_a_benefit_from_above_is_not_seen_before_it_is_in_the_pool(stall):
    northern = await operator_at(await city("north"))
    await Benefit.filter(id=stall.benefit.id).update(state=BenefitState.REVIEW)
    with pytest.raises(BenefitUnknown):
        await stall.draft(by=northern)


# --- asking again, codes, states


async def test_asking_again_gets_the_first_answer(stall):
    draft = OfferDraft(stall.benefit.id, "once", OfferTerms(stock=3))
    first = await stall.editing.draft(stall.operator, draft, request_id="k")
    again = await stall.editing.draft(stall.operator, draft, request_id="k")
    assert (again.replayed, again.value) == (True, first.value)
    with pytest.raises(KeyReused):
        await stall.editing.draft(stall.operator, replace(draft, keyword="y"), request_id="k")
    with pytest.raises(OfferCodeTaken):
        await stall.editing.draft(stall.operator, draft, request_id="l")
    for _ in range(2):
        done = await stall.editing.publish(stall.operator, first.value.id, request_id="p")
        assert done.value.version == 1
    assert await OfferVersion.all().count() == 1


async def test_pausing_holds_with_the_next_read_and_states_move_only_along_their_graph(stall):
    offer, edit, me = await stall.publish(), stall.editing, stall.operator
    with pytest.raises(OfferStateWrong):
        await edit.resume(me, offer.id, reason="x", request_id=key())
    await edit.pause(me, offer.id, reason="核对库存", request_id=key())
    async with atomic():
        assert (await published([offer.id]))[offer.id].state is OfferState.PAUSED
    with pytest.raises(OfferStateWrong) as refused:
        await edit.pause(me, offer.id, reason="x", request_id=key())
    assert refused.value.facts == {"state": "paused"}
    republished = await edit.publish(me, offer.id, request_id=key())
    assert (republished.value.state, republished.value.version) == (OfferState.PAUSED, 2)
    await edit.resume(me, offer.id, reason="好了", request_id=key())
    await edit.end(me, offer.id, reason="结束", request_id=key())
    for act in (
        edit.resume(me, offer.id, reason="x", request_id=key()),
        edit.pause(me, offer.id, reason="x", request_id=key()),
        edit.end(me, offer.id, reason="x", request_id=key()),
        edit.publish(me, offer.id, request_id=key()),
        edit.edit(me, offer.id, OfferChange(keyword="x")),
    ):
        with pytest.raises(OfferStateWrong):
            await act
    acts = ["offer.drafted", "offer.published", "offer.paused", "offer.published", "offer.resumed", "offer.ended"]
    assert await acts_on(offer.id) == acts


async def test_publishing_at_once_makes_versions_one_after_the_other(stall):
    drafted = await stall.draft(OfferTerms(stock=5))
    tries = (stall.editing.publish(stall.operator, drafted.id, request_id=key()) for _ in range(8))
    answers = await asyncio.gather(*tries)
    assert sorted(each.value.version for each in answers) == list(range(1, 9))
    assert await OfferVersion.all().count() == 8
    assert (await OfferStock.get(offer_id=drafted.id)).added_count == 5


# --- who asks


async def test_askers_are_read_together_with_their_city_and_everything_above(rooms, stall):
    province = await city("province")
    north = await city("north", below=province.id)
    ming, hong = await rooms.member("o-ming"), await rooms.person("o-hong")
    await lives_in(ming, north)
    found = await askers([ming.member_id, hong.member_id, new_id()])
    assert found.keys() == {ming.member_id, hong.member_id}
    one, other = found[ming.member_id], found[hong.member_id]
    assert one.organization_path == {north.id, province.id, stall.root.id}
    assert (one.is_member, other.is_member) == (True, False)
    assert one.joined_at == rooms.clock.now()
    assert (one.card_kinds, other.card_kinds) == ({"member"}, set())
    assert other.organization_path == {stall.root.id}
    assert one.ids == {ming.member_id}


async def test_a_merchant_that_is_switched_off_pauses_what_it_gives(stall):
    merchant = await Merchant.create(organization=stall.root, code="shop", name="店")
    benefit = await benefit_of(stall.root, "tea", merchant=merchant)
    offer = await stall.publish(benefit_id=benefit.id)
    assert not (await published([offer.id]))[offer.id].benefit.is_paused
    await Merchant.filter(id=merchant.id).update(is_active=False)
    assert (await published([offer.id]))[offer.id].benefit.is_paused


async def test_clock_is_the_houses(stall):
    offer = await stall.publish(OfferTerms(closes_at=stall.rooms.clock.now() + timedelta(hours=1)))
    stall.rooms.clock.advance(timedelta(hours=1))
    with pytest.raises(OfferNotPublishable) as refused:
        await stall.editing.publish(stall.operator, offer.id, request_id=key())
    assert refused.value.facts["problems"] == [{"field": "closes_at", "problem": "in_past"}]
