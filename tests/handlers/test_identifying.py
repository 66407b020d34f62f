"""A member code at the counter: who it is, what can be redeemed here without codes, and what is begun for them."""

import asyncio
from dataclasses import replace
from datetime import timedelta
from urllib.parse import parse_qs, urlsplit

import pytest

from handlers.actors import Person
from handlers.cards.card_binding import CardProof, pin_hash
from handlers.cards.card_kinds import KindDraft, add_kind
from handlers.cards.recognition import number_hash
from handlers.errors import (
    CardNumberWrong,
    IdentifiedSelf,
    MemberBlocked,
    MemberCodeInvalid,
    OwnClaim,
    RedemptionInvalid,
    TicketNotYours,
    TooManyWrongCodes,
    VisitOver,
)
from handlers.redemptions.counter import Scan
from handlers.rules.benefit_terms import PartnerCouponTerms, VoucherTerms
from handlers.rules.numbers import check_digit
from models.benefits import Benefit
from models.cards import Card
from models.consents import Consent
from models.database import atomic
from models.identity import Attribution, Member
from models.linking import Ticket
from models.outbox import Job
from models.programmes import Merchant, Programme
from models.redemptions import Redemption, RedemptionAttempt
from models.words import BenefitKind, ClaimState, MemberStatus
from tests.dumping import dump, found_in
from tests.handlers.conftest import MEMBERSHIP
from tests.handlers.counter import Counter, open_counter

NOBODYS, PIN = "n" * 22, "4711"


@pytest.fixture
async def counter(rooms):
    return await open_counter(rooms)


@pytest.fixture
async def ming(rooms):
    return await rooms.member("o-ming")


async def code_of(counter: Counter, person: Person) -> str:
    return (await counter.handlers.member_codes.show(person)).token


async def identify(counter: Counter, token: str, *, by=None, device="d1", **more):
    return await counter.handlers.identifying.identify(by or counter.clerk, token, device_id=device, **more)


async def merge(into: Person, gone: Person) -> None:
    await Member.filter(id=gone.member_id).update(status=MemberStatus.MERGED, canonical_id=into.member_id)


async def test_a_member_is_shown_masked_with_cards_and_what_this_store_honours_now(counter, ming, clock):
    now = clock.now()
    late = await counter.claim(ming, expires_at=now + timedelta(days=9))
    soon = await counter.claim(ming, uses=3, shows_typed_code=False, expires_at=now + timedelta(days=1))
    coupon = await counter.claim(ming, kind=BenefitKind.PARTNER_COUPON, terms=PartnerCouponTerms(500, 2000))
    paused = await counter.claim(ming)
    await Benefit.filter(id=paused.benefit_id).update(is_paused=True)
    other = await Merchant.create(organization_id=counter.merchant.organization_id, code="other", name="别家")
    for facts in (
        {"merchant": other},
        {"terms": VoucherTerms(stores=("S2",))},
        {"expires_at": now},
        {"valid_from": now + timedelta(days=1)},
        {"state": ClaimState.USED, "uses_left": 0},
        {"kind": BenefitKind.TOP_UP},
    ):
        await counter.claim(ming, **facts)
    found = await identify(counter, await code_of(counter, ming))
    assert [(each.id, each.uses_left, each.needs_bill) for each in found.claims] == [
        (soon.id, 3, False),
        (late.id, 1, False),
        (coupon.id, 1, True),
    ]
    number = (await Member.get(id=ming.member_id)).number
    assert (found.member, found.store) == (f"尾号{number[-4:]}", "湖滨店")
    assert [len(card.last4) for card in found.cards] == [4]
    assert number not in str(found)


async def test_claims_are_redeemed_by_the_visit_without_their_codes_in_part_and_with_the_bill(counter, ming):
    claim = await counter.claim(ming, uses=3, shows_typed_code=False)
    coupon = await counter.claim(ming, kind=BenefitKind.PARTNER_COUPON, terms=PartnerCouponTerms(500, 2000))
    visit = (await identify(counter, await code_of(counter, ming))).visit
    scans = Scan(claim_id=claim.id, uses=2, visit=visit), Scan(claim_id=coupon.id, visit=visit)
    receipt = await counter.redeem(*scans, key="k", bill_fen=2000)
    assert [(line.uses_left, line.deducted_fen) for line in receipt.value.lines] == [(1, None), (0, 500)]
    assert (await counter.redeem(*scans, key="k", bill_fen=2000)).value == receipt.value
    await counter.redeem(Scan(claim_id=claim.id, visit=visit))


async def test_a_visit_is_of_one_member_clerk_and_store_and_lasts_five_minutes(counter, ming, rooms, clock):
    claim = await counter.claim(ming)
    hong = await rooms.member("o-hong")
    visit = (await identify(counter, await code_of(counter, ming))).visit
    hers = (await identify(counter, await code_of(counter, hong))).visit
    colleague = await counter.clerk_in(await rooms.member("o-other"), store=counter.lake)
    forged = f"{int(clock.now().timestamp()) + 10**6}.{visit.partition('.')[2]}"
    cases = [(counter.clerk, hers, None), (colleague, visit, None), (counter.clerk, forged, None)]
    cases += [(counter.clerk, word, None) for word in ("x", "²³.x", ".")]
    for by, token, store in cases[:4]:
        with pytest.raises(RedemptionInvalid):
            await counter.redeem(Scan(claim_id=claim.id, visit=token), by=by, store_id=store)
    clock.advance(timedelta(minutes=5))
    for _ in range(8):  # over, and no guess
        with pytest.raises(RedemptionInvalid):
            await counter.redeem(Scan(claim_id=claim.id, visit=visit))
    assert await Redemption.all().count() == 0
    again = (await identify(counter, await code_of(counter, ming))).visit
    await counter.redeem(Scan(claim_id=claim.id, visit=again))


async def test_a_manager_s_visit_in_one_store_is_not_good_in_another(counter, ming):
    claim = await counter.claim(ming)
    found = await identify(counter, await code_of(counter, ming), by=counter.manager, store_id=counter.lake.id)
    scan = Scan(claim_id=claim.id, visit=found.visit)
    with pytest.raises(RedemptionInvalid):
        await counter.redeem(scan, by=counter.manager, store_id=counter.hill.id)
    await counter.redeem(scan, by=counter.manager, store_id=counter.lake.id)


async def test_a_code_is_scanned_once_also_by_nine_at_the_same_moment(counter, ming, rooms):
    clerks = [await counter.clerk_in(await rooms.member(f"o-race{number}"), store=counter.lake) for number in range(9)]
    token = await code_of(counter, ming)
    # Five wrong ones would lock a device, ten the store.
    scans = (identify(counter, token, by=clerk, device=f"d{number}") for number, clerk in enumerate(clerks))
    answers = await asyncio.gather(*scans, return_exceptions=True)
    assert sum(not isinstance(answer, Exception) for answer in answers) == 1
    assert {type(answer) for answer in answers if isinstance(answer, Exception)} == {MemberCodeInvalid}
    assert await RedemptionAttempt.filter(outcome="identified").count() == 1
    assert await RedemptionAttempt.all().count() == 9


async def test_negative_control_a_code_that_is_only_looked_at_is_scanned_by_all(counter, ming, rooms, monkeypatch):
    clerks = [await counter.clerk_in(await rooms.member(f"o-race{number}"), store=counter.lake) for number in range(9)]
    token = await code_of(counter, ming)

    async def looked_at(_):
        return ming.member_id

    monkeypatch.setattr(counter.handlers.member_codes, "scan", looked_at)
    await asyncio.gather(*(identify(counter, token, by=clerk) for clerk in clerks))
    assert await RedemptionAttempt.filter(outcome="identified").count() == 9


async def test_a_code_lasts_a_minute_and_wrong_ones_lock_as_wrong_codes_do(counter, ming, clock):
    for _ in range(5):
        with pytest.raises(MemberCodeInvalid):
            await identify(counter, NOBODYS)
    token = await code_of(counter, ming)
    with pytest.raises(TooManyWrongCodes):
        await identify(counter, token)
    claim = await counter.claim(ming)
    with pytest.raises(TooManyWrongCodes):
        await counter.redeem(counter.typed(claim))
    outcomes = [each.outcome for each in await RedemptionAttempt.all().order_by("id")]
    assert outcomes == ["code.invalid"] * 5 + ["redemption.locked"] * 2
    assert found_in(await dump(), [NOBODYS, token]) == set()


async def test_nobody_serves_themselves_whoever_they_were_before(counter, rooms):
    me = await rooms.person("o-clerk")
    mine = await counter.claim(me)
    with pytest.raises(IdentifiedSelf):
        await identify(counter, await code_of(counter, me))
    other_me = await rooms.member("o-clerk-second-phone")
    older = await counter.claim(other_me)
    token = await code_of(counter, other_me)
    visit = (await identify(counter, await code_of(counter, other_me))).visit
    await merge(me, other_me)
    with pytest.raises(IdentifiedSelf):
        await identify(counter, token)
    with pytest.raises(OwnClaim):
        await counter.redeem(counter.typed(older))
    for claim in (older, mine):
        with pytest.raises((OwnClaim, RedemptionInvalid)):
            await counter.redeem(Scan(claim_id=claim.id, visit=visit))
    assert await Redemption.all().count() == 0


async def test_a_clerk_whose_row_was_merged_away_is_still_the_same_person(counter, rooms, ming):
    was, now = await rooms.person("o-clerk"), await rooms.member("o-clerk-today")
    await merge(now, was)
    with pytest.raises(OwnClaim):
        await counter.redeem(counter.typed(await counter.claim(now)))
    with pytest.raises(IdentifiedSelf):
        await identify(counter, await code_of(counter, now))


async def test_the_claims_of_everything_that_merged_into_the_member_are_shown(counter, rooms, ming):
    gone = await rooms.member("o-gone")
    theirs = await counter.claim(gone)
    await merge(ming, gone)
    found = await identify(counter, await code_of(counter, ming))
    assert [each.id for each in found.claims] == [theirs.id]
    await counter.redeem(Scan(claim_id=theirs.id, visit=found.visit))


async def test_a_frozen_member_is_sent_away_and_one_who_left_is_nobody(counter, rooms, ming):
    token = await code_of(counter, ming)
    await Member.filter(id=ming.member_id).update(status=MemberStatus.FROZEN)
    with pytest.raises(MemberBlocked):
        await identify(counter, token)
    hong = await rooms.member("o-hong")
    token = await code_of(counter, hong)
    await rooms.handlers.departures.leave(hong)
    with pytest.raises(MemberCodeInvalid):
        await identify(counter, token)


# --- helped along


@pytest.fixture
async def old(counter, ming):
    """The number of a legacy card with a PIN, nobody's yet."""
    async with atomic():
        draft = KindDraft("old", "老会员卡", digit_count=12, prefix="88", is_issued=False)
        kind_id = (await add_kind(draft, counter.rooms.clock)).id
    counter.handlers.card_kinds.forget()
    vault, number = counter.rooms.vault, "88123456789" + check_digit("88123456789")
    await Card.create(
        kind_id=kind_id,
        programme=await Programme.get(),
        number_hash=number_hash(vault, number),
        number_cipher="-",
        last4=number[-4:],
        pin_hash=pin_hash(vault, number, PIN),
    )
    return number


async def begin(counter: Counter, found, number: str, *, key: str = "k"):
    return await counter.handlers.assisting.bind(
        counter.clerk, member_id=found.member_id, visit=found.visit, kind="old", number=number, request_id=key
    )


def ticket_of(started) -> str:
    return parse_qs(urlsplit(started.link.path).query)["ticket"][0]


async def test_a_binding_begins_at_the_counter_and_the_member_proves_it_on_the_own_phone(counter, ming, old, rooms):
    found = await identify(counter, await code_of(counter, ming))
    started = await begin(counter, found, old)
    again = await begin(counter, found, old)
    assert (again.replayed, ticket_of(again.value)) == (True, ticket_of(started.value))
    hong = await rooms.member("o-hong")
    bind_by_ticket = counter.handlers.card_binding.bind_by_ticket
    with pytest.raises(TicketNotYours):
        await bind_by_ticket(hong, ticket=ticket_of(started.value), proof=CardProof(pin=PIN))
    assert await Card.filter(last4=old[-4:], member_id=None).exists()  # the clerk alone binds nothing
    bound = await bind_by_ticket(ming, ticket=ticket_of(started.value), proof=CardProof(pin=PIN))
    assert bound.value.card.last4 == old[-4:]
    assert "老会员卡" in [card.kind_name for card in (await identify(counter, await code_of(counter, ming))).cards]


async def test_the_member_is_told_once_and_neither_number_nor_ticket_stands_in_any_row(counter, ming, old, clock):
    found = await identify(counter, await code_of(counter, ming))
    started = (await begin(counter, found, old)).value
    await begin(counter, found, old)
    (job,) = await Job.filter(kind="offer_binding")
    assert job.payload["member_id"] == str(ming.member_id)
    told = await counter.handlers.assisting.offered(job.payload)
    assert (told.kind_name, told.minutes, told.link.path) == ("老会员卡", 10, started.link.path)
    assert found_in(await dump(), [old, ticket_of(started)]) == set()
    clock.advance(timedelta(minutes=10))
    assert await counter.handlers.assisting.offered(job.payload) is None


async def test_nothing_is_begun_without_a_visit_or_with_a_number_that_cannot_be(counter, ming, old, clock):
    found = await identify(counter, await code_of(counter, ming))
    with pytest.raises(CardNumberWrong):
        await begin(counter, found, "881234567890000")
    with pytest.raises(VisitOver):
        await begin(counter, replace(found, visit="1.x"), old)
    hong = await counter.rooms.member("o-hong")
    with pytest.raises(VisitOver):
        await begin(counter, replace(found, member_id=hong.member_id), old)
    clock.advance(timedelta(minutes=5))
    with pytest.raises(VisitOver):
        await begin(counter, found, old)
    assert await Ticket.all().count() == 0


async def test_a_join_begins_with_a_page_where_the_person_alone_agrees(counter, rooms):
    consents = await Consent.all().count()
    started = await counter.handlers.assisting.join(counter.clerk)
    page, query = started.link.path.partition("?")[::2]
    assert (page, parse_qs(query)) == ("pages/join/index", {"scene": ["store:S1"]})
    assert await Consent.all().count() == consents
    newcomer = await rooms.person("o-new")
    await rooms.handlers.membership.join(newcomer, agreed=[MEMBERSHIP], scene=parse_qs(query)["scene"][0])
    assert (await Attribution.get(member_id=newcomer.member_id)).scene == "store:S1"
