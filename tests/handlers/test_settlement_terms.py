"""结算条款: who sets them, from when on they hold, and what a redemption is settled at before and after."""

import asyncio
from datetime import timedelta

import pytest
from tortoise.exceptions import IntegrityError, OperationalError

from handlers.errors import BenefitUnknown, KeyReused, MerchantUnknown, RoleMissing, TermsTooEarly
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.validity import begins
from handlers.settlement.settlement_terms import TermsDraft
from models.benefits import Benefit
from models.ids import new_id
from models.operators import AuditEntry
from models.programmes import Merchant
from models.redemptions import Redemption
from models.settlement import SettlementTerms
from models.words import OperatorRole
from tests.handlers.counter import open_counter
from tests.handlers.scanning import a_device, offline_claim
from tests.handlers.settling import DAY, Books
from tests.operating import city

MINUTE = timedelta(minutes=1)


@pytest.fixture
async def books(rooms, clock):
    return Books(await open_counter(rooms), clock)


@pytest.fixture
async def desk(books):
    return await books.somebody(OperatorRole.OPERATOR, "desk")


@pytest.fixture
async def ming(rooms):
    return await rooms.member("o-ming")


async def add(books, who, **draft):
    """In force in a minute."""
    starts_at = books.clock.now() + MINUTE
    made = await books.counter.handlers.settlement_terms.add(
        who, books.counter.merchant.id, TermsDraft(**{"starts_at": starts_at, **draft}), request_id=str(new_id())
    )
    return made.value


async def settled_at(redemption_id) -> tuple[int, int, int]:
    row = await Redemption.get(id=redemption_id)
    return row.settlement_fen, row.operator_share_fen, row.merchant_share_fen


async def test_terms_hold_from_their_start_and_what_was_redeemed_before_stays(books, ming, desk):
    before = await books.redeemed(ming, price_fen=1000, share_bp=7000)
    await add(books, desk, settlement_price_fen=900, operator_share_bp=5000)
    just_before = await books.redeemed(ming, price_fen=1000, share_bp=7000)
    books.clock.advance(MINUTE)
    after = await books.redeemed(ming, price_fen=1000, share_bp=7000)
    assert await settled_at(before) == await settled_at(just_before) == (1000, 700, 300)
    assert await settled_at(after) == (900, 450, 450)


async def test_a_benefit_has_terms_of_its_own_and_ends_them_by_a_version_that_says_nothing(books, ming, desk):
    claims = [await books.counter.claim(ming, price_fen=1000, share_bp=7000) for _ in range(2)]
    codes = [(await Benefit.get(id=claim.benefit_id)).code for claim in claims]
    await add(books, desk, operator_share_bp=1000)
    await add(books, desk, benefit=codes[0], settlement_price_fen=600)
    await add(books, desk, benefit=codes[1], settlement_price_fen=600)
    books.clock.advance(MINUTE)
    await add(books, desk, benefit=codes[1])
    books.clock.advance(MINUTE)
    found = [(await books.counter.redeem(books.counter.typed(claim))).value.lines[0].id for claim in claims]
    assert [await settled_at(each) for each in found] == [(600, 60, 540), (1000, 100, 900)]


async def test_no_use_is_settled_anew_when_the_price_changes_and_a_reversal_takes_back_its_own(books, ming, desk):
    claim = await books.counter.claim(ming, uses=3, price_fen=100, share_bp=10_000)
    ids = [(await books.counter.redeem(books.counter.typed(claim))).value.lines[0].id for _ in range(2)]
    await add(books, desk, settlement_price_fen=3000)
    books.clock.advance(MINUTE)
    ids.append((await books.counter.redeem(books.counter.typed(claim))).value.lines[0].id)
    assert [(await settled_at(each))[0] for each in ids] == [33, 33, 1000]
    back = (await books.counter.reverse(ids[0])).value.id
    assert (await settled_at(back))[0] == 33
    again = (await books.counter.redeem(books.counter.typed(claim))).value.lines[0].id
    assert (await settled_at(again))[0] == 1000


async def test_what_was_given_without_a_network_is_settled_under_the_terms_of_its_own_moment(books, ming, desk):
    counter = books.counter
    early, late = [await offline_claim(counter, ming, price_fen=1000, share_bp=7000) for _ in range(2)]
    device = await a_device(counter)
    device.scan(early)
    await add(books, desk, settlement_price_fen=900, operator_share_bp=5000)
    books.clock.advance(MINUTE)
    device.scan(late)
    answers = (await device.upload()).answers
    found = [await settled_at(each.redemption_id) for each in answers]
    assert found == [(1000, 700, 300), (900, 450, 450)]


async def test_without_a_start_terms_hold_from_the_next_business_day_and_never_from_the_past(books, desk):
    monday = books.today
    made = await add(books, desk, starts_at=None, operator_share_bp=1)
    assert made.starts_at == begins(monday + DAY, BUSINESS_ZONE)
    for early in (books.clock.now() - DAY, books.clock.now() + MINUTE - timedelta(microseconds=1)):
        with pytest.raises(TermsTooEarly):
            await add(books, desk, starts_at=early)
    assert await SettlementTerms.all().count() == 1


async def test_versions_are_numbered_listed_newest_first_recorded_and_never_changed(books, desk):
    for share in (1, 2, 3):
        await add(books, desk, operator_share_bp=share, note="续签")
    listing = books.counter.handlers.settlement_terms.listing
    finance = await books.finance()
    found = await listing(finance, books.counter.merchant.id, before=None, limit=2)
    assert [(each.number, each.operator_share_bp, each.decided_by) for each in found] == [
        (3, 3, "desk"),
        (2, 2, "desk"),
    ]
    (last,) = await listing(finance, books.counter.merchant.id, before=2, limit=2)
    assert last.number == 1
    entries = await AuditEntry.filter(action="settlement_terms.added").order_by("id")
    assert [entry.facts["number"] for entry in entries] == [1, 2, 3]
    for attempt in (SettlementTerms.all().update(number=9), SettlementTerms.all().delete()):
        with pytest.raises((IntegrityError, OperationalError)):
            await attempt


async def test_the_same_terms_asked_for_at_once_are_one_version_and_others_have_numbers_of_their_own(books, desk):
    terms, merchant = books.counter.handlers.settlement_terms, books.counter.merchant.id
    draft = TermsDraft(operator_share_bp=1)
    asked = [terms.add(desk, merchant, draft, request_id="same") for _ in range(10)]
    asked += [terms.add(desk, merchant, draft, request_id=f"k{number}") for number in range(10)]
    answers = await asyncio.gather(*asked)
    assert sum(not each.replayed for each in answers) == 11
    assert sorted({each.value.number for each in answers}) == list(range(1, 12))
    with pytest.raises(KeyReused):
        await terms.add(desk, merchant, TermsDraft(operator_share_bp=2), request_id="same")


async def test_terms_are_set_by_operators_of_the_subtree_for_benefits_of_the_merchant(books, ming, desk):
    finance, terms = await books.finance(), books.counter.handlers.settlement_terms
    elsewhere = await books.somebody(OperatorRole.ADMIN, "south", organization_id=(await city("south")).id)
    with pytest.raises(RoleMissing):
        await add(books, finance)
    with pytest.raises(MerchantUnknown):
        await add(books, elsewhere)
    with pytest.raises(MerchantUnknown):
        await terms.listing(elsewhere, books.counter.merchant.id, before=None, limit=9)
    with pytest.raises(MerchantUnknown):
        await terms.listing(desk, new_id(), before=None, limit=9)
    other = await Merchant.create(organization_id=books.counter.merchant.organization_id, code="tea", name="茶馆")
    theirs = await Benefit.get(id=(await books.counter.claim(ming, merchant=other)).benefit_id)
    for code in (theirs.code, "absent"):
        with pytest.raises(BenefitUnknown):
            await add(books, desk, benefit=code)
    assert await SettlementTerms.all().count() == 0
