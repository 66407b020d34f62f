"""领取: exactly once, never more than there are, never more than one member gets."""

import asyncio
from collections import Counter
from datetime import UTC, datetime, timedelta

import pytest

from handlers.claims import claiming as claiming_module
from handlers.claims.wishes import Claimed
from handlers.errors import (
    ChoicesInvalid,
    ClaimUnknown,
    DomainError,
    KeyReused,
    MemberFrozen,
    OfferClosed,
    OfferLimitReached,
    OfferNotForYou,
    OfferNotOpen,
    OfferPaused,
    OfferPriced,
    OfferSoldOut,
    OfferTooMany,
    OfferUnknown,
    PackageNothingDue,
    PointsShort,
    QuantityInvalid,
)
from handlers.recurring import BUSINESS_ZONE
from handlers.requests import Answer
from handlers.rules.benefit_terms import CodeCouponTerms, PackagePart, PackageTerms, VoucherTerms
from handlers.rules.offer_terms import Limit, Period, Price, Validity, ValidityKind, Wave
from models.benefits import Benefit, CodePool, Offer, OfferStock
from models.claims import Claim, ClaimEvent, ClaimSlot, PoolCode
from models.database import rows
from models.identity import Member
from models.ids import new_id
from models.requests import Request
from models.statements import invariants
from models.words import BenefitKind, ClaimSource, ClaimState, MemberStatus, OfferState
from tests.handlers.claimable import a_benefit, an_offer

NONE = (Limit(Period.EVER, 1_000),)


async def holds() -> None:
    """Every rule of the doctor."""
    for check in invariants.CHECKS:
        assert not await rows(check.sql), check.what


async def crowd(rooms, count: int) -> list:
    return [await rooms.member(f"o-{number}") for number in range(count)]


async def outcomes(*claims) -> Counter:
    done = await asyncio.gather(*claims, return_exceptions=True)
    return Counter(type(each.value if isinstance(each, Answer) else each).__name__ for each in done)


async def test_a_claim_is_written_with_slot_event_stock_and_answer(rooms):
    person = await rooms.member()
    offer = await an_offer(rooms.clock.now(), stock=3, validity=Validity(ValidityKind.DAYS, days=7))
    answer = await rooms.handlers.claiming.claim(person, offer_id=offer.id, request_id="k1")
    (issued,) = answer.value.claims
    claim = await Claim.get(id=issued.id)
    assert (claim.state, claim.source, claim.uses_left) == (ClaimState.ISSUED, ClaimSource.MINI_PROGRAM, 1)
    assert claim.expires_at == issued.expires_at > rooms.clock.now() + timedelta(days=7)
    slot, event = await ClaimSlot.get(claim_id=claim.id), await ClaimEvent.get(claim_id=claim.id)
    assert (slot.period, slot.number, event.from_state, event.to_state) == ("ever", 1, "", "issued")
    assert (event.actor_kind, event.actor_id) == ("person", str(person.member_id))
    assert await offer.left() == 2
    assert await Request.filter(operation="claim").count() == 1
    await holds()


async def test_asking_again_with_the_key_gets_the_first_answer(rooms):
    person, offer = await rooms.member(), await an_offer(rooms.clock.now(), stock=1)
    first = await rooms.handlers.claiming.claim(person, offer_id=offer.id, request_id="k1")
    again = await rooms.handlers.claiming.claim(person, offer_id=offer.id, request_id="k1")
    assert again == Answer(first.value, replayed=True)
    assert await Claim.all().count() == 1
    other = await an_offer(rooms.clock.now())
    with pytest.raises(KeyReused):
        await rooms.handlers.claiming.claim(person, offer_id=other.id, request_id="k1")


async def test_a_replay_is_answered_while_the_offer_is_known_to_be_sold_out(rooms):
    ming, hong = await crowd(rooms, 2)
    offer = await an_offer(rooms.clock.now(), stock=1)
    claiming = rooms.handlers.claiming
    first = await claiming.claim(ming, offer_id=offer.id, request_id="k1")
    for key in "ab":
        with pytest.raises(OfferSoldOut):
            await claiming.claim(hong, offer_id=offer.id, request_id=key)
    assert (await claiming.claim(ming, offer_id=offer.id, request_id="k1")).value == first.value


async def test_the_sold_out_flag_lasts_a_second_and_only_says_no(rooms, monkeypatch):
    assert claiming_module.SOLD_OUT_FOR <= 1.0
    monkeypatch.setattr(claiming_module, "SOLD_OUT_FOR", 3600.0)  # the machine may be slow between two calls
    ming, hong = await crowd(rooms, 2)
    offer = await an_offer(rooms.clock.now(), stock=0)
    claiming = rooms.handlers.claiming
    with pytest.raises(OfferSoldOut):
        await claiming.claim(ming, offer_id=offer.id, request_id="k1")
    await OfferStock.filter(offer_id=offer.id).update(added_count=1, left_count=1)
    with pytest.raises(OfferSoldOut):
        await claiming.claim(ming, offer_id=offer.id, request_id="k2")
    _, refusal = claiming._sold_out[offer.id]
    claiming._sold_out[offer.id] = (asyncio.get_running_loop().time(), refusal)  # its time is over
    assert (await claiming.claim(hong, offer_id=offer.id, request_id="k3")).value.claims
    await OfferStock.filter(offer_id=offer.id).update(left_count=0)  # no flag, and still not one too many
    with pytest.raises(OfferSoldOut):
        await claiming.claim(ming, offer_id=offer.id, request_id="k4")


async def test_the_sold_out_flag_does_not_reach_into_the_next_wave(rooms, monkeypatch):
    monkeypatch.setattr(claiming_module, "SOLD_OUT_FOR", 3600.0)
    ming, hong, lan = await crowd(rooms, 3)
    now = rooms.clock.now().astimezone(BUSINESS_ZONE)
    waves = tuple(Wave(f"{now + timedelta(minutes=minutes):%H:%M}", 1) for minutes in (-1, 1))
    offer = await an_offer(rooms.clock.now(), waves=waves)
    claiming = rooms.handlers.claiming
    await claiming.claim(ming, offer_id=offer.id, request_id="k1")
    with pytest.raises(OfferSoldOut):
        await claiming.claim(hong, offer_id=offer.id, request_id="k2")
    rooms.clock.advance(timedelta(minutes=1, seconds=1))
    assert (await claiming.claim(lan, offer_id=offer.id, request_id="k3")).value.claims


async def test_fifty_identical_claims_make_one(rooms):
    person, offer = await rooms.member(), await an_offer(rooms.clock.now(), stock=50, limits=NONE)
    claims = [rooms.handlers.claiming.claim(person, offer_id=offer.id, request_id="same") for _ in range(50)]
    answers = await asyncio.gather(*claims)
    assert len({answer.value for answer in answers}) == 1
    assert await Claim.all().count() == 1
    assert await offer.left() == 49
    await holds()


async def test_fifty_people_at_once_get_what_there_is_and_no_more(rooms):
    people, offer = await crowd(rooms, 50), await an_offer(rooms.clock.now(), stock=20)
    claims = [
        rooms.handlers.claiming.claim(person, offer_id=offer.id, request_id=f"k{number}")
        for number, person in enumerate(people)
    ]
    assert await outcomes(*claims) == {"Claimed": 20, "OfferSoldOut": 30}
    assert (await Claim.all().count(), await offer.left()) == (20, 0)
    first = {claim.member_id for claim in await Claim.all()}
    assert first == {person.member_id for person in people[:20]}  # first come, first served
    await holds()


async def test_fifty_claims_of_one_person_under_their_own_keys_stop_at_the_limit(rooms):
    person = await rooms.member()
    offer = await an_offer(rooms.clock.now(), stock=50, limits=(Limit(Period.EVER, 5), Limit(Period.DAY, 3)))
    claims = [rooms.handlers.claiming.claim(person, offer_id=offer.id, request_id=f"k{n}") for n in range(50)]
    assert await outcomes(*claims) == {"Claimed": 3, "OfferLimitReached": 47}
    rooms.clock.advance(timedelta(days=1))
    claims = [rooms.handlers.claiming.claim(person, offer_id=offer.id, request_id=f"l{n}") for n in range(50)]
    assert await outcomes(*claims) == {"Claimed": 2, "OfferLimitReached": 48}
    await holds()


async def test_without_locks_and_slots_the_same_race_gives_too_many(rooms):
    """The negative control: counting first and writing afterwards, as it is usually done."""
    person, everybody_has_counted = await rooms.member(), asyncio.Barrier(50)
    offer = await an_offer(rooms.clock.now(), stock=50)

    async def naive() -> None:
        has = await Claim.filter(member_id=person.member_id, offer_id=offer.id).count()
        await everybody_has_counted.wait()
        if has == 0:
            await Claim.create(
                member_id=person.member_id,
                offer_id=offer.id,
                offer_version=1,
                benefit_id=offer.benefit_id,
                source=ClaimSource.MINI_PROGRAM,
                state=ClaimState.ISSUED,
                claimed_at=rooms.clock.now(),
                valid_from=rooms.clock.now(),
                code_hash=new_id().hex,
            )

    await asyncio.gather(*(naive() for _ in range(50)))
    assert await Claim.all().count() == 50


async def test_limits_count_over_everything_that_merged_into_the_member(rooms):
    ming, other = await crowd(rooms, 2)
    offer = await an_offer(rooms.clock.now(), stock=9, limits=(Limit(Period.EVER, 2),))
    claiming = rooms.handlers.claiming
    await claiming.claim(other, offer_id=offer.id, request_id="k1")
    await claiming.claim(ming, offer_id=offer.id, request_id="k1")
    await Member.filter(id=other.member_id).update(status=MemberStatus.MERGED, canonical_id=ming.member_id)
    for person in (ming, other):  # a door that does not know of the merge yet asks under the old id
        with pytest.raises(OfferLimitReached) as refusal:
            await claiming.claim(person, offer_id=offer.id, request_id="k2")
        assert refusal.value.facts["count"] == 2
    third = await an_offer(rooms.clock.now())
    issued = (await claiming.claim(other, offer_id=third.id, request_id="k3")).value.claims[0]
    assert (await Claim.get(id=issued.id)).member_id == ming.member_id


async def test_refusals_say_why(rooms):
    ming, now = await rooms.member(), rooms.clock.now()
    guest = await rooms.person("o-guest")
    claiming = rooms.handlers.claiming
    soon, gone = now + timedelta(hours=1), now - timedelta(hours=1)

    async def refused(offer_id, person=ming, choices=()) -> DomainError:
        with pytest.raises(DomainError) as refusal:
            await claiming.claim(person, offer_id=offer_id, choices=choices, request_id=str(new_id()))
        return refusal.value

    not_open = await refused((await an_offer(now, opens_at=soon)).id)
    assert isinstance(not_open, OfferNotOpen)
    assert not_open.facts["opens_at"] == soon
    assert isinstance(await refused((await an_offer(now, closes_at=gone)).id), OfferClosed)
    assert isinstance(await refused((await an_offer(now)).id, guest), OfferNotForYou)
    assert isinstance(await refused((await an_offer(now, state=OfferState.PAUSED)).id), OfferPaused)
    assert isinstance(await refused((await an_offer(now)).id, choices=("x",)), ChoicesInvalid)
    assert isinstance(await refused(new_id()), OfferUnknown)
    paused = await an_offer(now)
    await Benefit.filter(id=paused.benefit_id).update(is_paused=True)
    assert isinstance(await refused(paused.id), OfferPaused)
    await Member.filter(id=ming.member_id).update(status=MemberStatus.FROZEN)
    assert isinstance(await refused((await an_offer(now)).id), MemberFrozen)
    assert not await Claim.exists()
    assert not await Request.filter(operation="claim").exists()


async def test_daily_stock_and_waves_are_counters_of_their_own(rooms):
    people, now = await crowd(rooms, 4), rooms.clock.now()
    offer = await an_offer(now, stock=10, daily_stock=2, waves=(Wave("00:00", 1),), limits=NONE)
    claiming = rooms.handlers.claiming
    claims = [claiming.claim(person, offer_id=offer.id, request_id="a") for person in people]
    assert await outcomes(*claims) == {"Claimed": 1, "OfferSoldOut": 3}
    rooms.clock.advance(timedelta(days=1))
    claims = [claiming.claim(person, offer_id=offer.id, request_id="b") for person in people]
    assert await outcomes(*claims) == {"Claimed": 1, "OfferSoldOut": 3}
    stocks = {stock.bucket.split(":")[0]: stock.left_count for stock in await OfferStock.filter(offer_id=offer.id)}
    assert stocks == {"total": 8, "day": 1, "wave": 0}
    await holds()


async def test_a_package_brings_its_parts_at_once(rooms):
    now, person = rooms.clock.now(), await rooms.member()
    wash, tea = await a_benefit("洗车", terms=VoucherTerms(uses=3)), await a_benefit("茶")
    terms = PackageTerms((PackagePart(wash.code, 2, "month"), PackagePart(tea.code)), choose=1)
    gold = await a_benefit("金卡礼包", BenefitKind.PACKAGE, terms)
    offer = await an_offer(now, benefit=gold, stock=5, limits=NONE)
    answer = await rooms.handlers.claiming.claim(person, offer_id=offer.id, choices=[wash.code], request_id="k1")
    package, *parts = answer.value.claims
    assert [part.name for part in parts] == ["洗车", "洗车"]
    assert {part.package_id for part in parts} == {package.id}
    assert package.expires_at is None
    assert all(part.expires_at is not None for part in parts)  # with the natural month
    assert {part.uses for part in parts} == {3}
    assert await offer.left() == 4
    await holds()


async def test_a_package_gives_its_share_of_every_month_once_over_three_months(rooms):
    now, person = rooms.clock.now(), await rooms.member()
    wash, tea, cake = await a_benefit("洗车"), await a_benefit("茶"), await a_benefit("蛋糕")
    parts = (PackagePart(wash.code, 2, "month"), PackagePart(tea.code), PackagePart(cake.code))
    gold = await a_benefit("金卡礼包", BenefitKind.PACKAGE, PackageTerms(parts, choose=2))
    offer = await an_offer(now, benefit=gold, stock=5)
    claiming, later = rooms.handlers.claiming, rooms.handlers.package_parts
    answer = await claiming.claim(person, offer_id=offer.id, choices=[wash.code, tea.code], request_id="k1")
    package = answer.value.claims[0]
    assert sorted(each.name for each in answer.value.claims[1:]) == ["洗车", "洗车", "茶"]
    with pytest.raises(PackageNothingDue):
        await later.claim(person, package.id, request_id="early")
    for month in (1, 2):
        rooms.clock.advance(timedelta(days=31))
        calls = [later.claim(person, package.id, request_id=f"m{month}-{n % 2}") for n in range(50)]
        assert await outcomes(*calls) == {"Claimed": 25, "PackageNothingDue": 25}
        assert await Claim.filter(package_id=package.id).count() == 3 + 2 * month
    stranger = await rooms.member("o-other")
    with pytest.raises(ClaimUnknown):
        await later.claim(stranger, package.id, request_id="k")
    with pytest.raises(PackageNothingDue):  # theirs, and no package
        await later.claim(person, answer.value.claims[1].id, request_id="k")
    await holds()


async def test_fifty_package_claims_at_once_take_one_unit_each(rooms):
    people, now = await crowd(rooms, 50), rooms.clock.now()
    wash = await a_benefit("洗车")
    gold = await a_benefit("礼包", BenefitKind.PACKAGE, PackageTerms((PackagePart(wash.code, 2),)))
    offer = await an_offer(now, benefit=gold, stock=30)
    claims = [rooms.handlers.claiming.claim(person, offer_id=offer.id, request_id="k") for person in people]
    assert await outcomes(*claims) == {"Claimed": 30, "OfferSoldOut": 20}
    assert await Claim.filter(package_id__isnull=False).count() == 60
    await holds()


async def test_whoever_is_over_the_limit_takes_nobodys_code(rooms):
    """In one batch, with one code left: the greedy one comes first, and the code is for the other."""
    benefit = await a_benefit("电影票", BenefitKind.CODE_COUPON, CodeCouponTerms(pool="films"))
    pool = await CodePool.create(benefit=benefit, code="films", name="电影票码")
    for number in range(2):
        await PoolCode.create(pool=pool, code_hash=str(number), code_cipher="c")
    offer = await an_offer(rooms.clock.now(), benefit=benefit)
    greedy, honest = await crowd(rooms, 2)
    claiming = rooms.handlers.claiming
    await claiming.claim(greedy, offer_id=offer.id, request_id="first")
    calls = [claiming.claim(greedy, offer_id=offer.id, request_id="second")]
    calls.append(claiming.claim(honest, offer_id=offer.id, request_id="k"))
    assert await outcomes(*calls) == {"OfferLimitReached": 1, "Claimed": 1}
    await holds()


async def test_a_poisoned_neighbour_falls_out_alone(rooms, monkeypatch):
    people, offer = await crowd(rooms, 8), await an_offer(rooms.clock.now(), stock=8)
    poisoned = people[3].member_id
    original = rooms.handlers.claiming._why_not

    def why_not(offer, asker, choices, now):
        if asker.member_id == poisoned:
            raise RuntimeError("poison")
        return original(offer, asker, choices, now)

    monkeypatch.setattr(type(rooms.handlers.claiming), "_why_not", staticmethod(why_not))
    claims = [rooms.handlers.claiming.claim(person, offer_id=offer.id, request_id="k") for person in people]
    assert await outcomes(*claims) == {"Claimed": 7, "RuntimeError": 1}
    assert (await Claim.all().count(), await offer.left()) == (7, 1)


async def test_a_claim_keeps_the_version_it_was_made_under(rooms):
    ming, hong = await crowd(rooms, 2)
    offer = await an_offer(rooms.clock.now(), validity=Validity(ValidityKind.DAYS, days=1))
    claiming = rooms.handlers.claiming
    first = (await claiming.claim(ming, offer_id=offer.id, request_id="k")).value.claims[0]
    await offer.publish(offer.terms.__class__(), rooms.clock.now())
    second = (await claiming.claim(hong, offer_id=offer.id, request_id="k")).value.claims[0]
    assert ((await Claim.get(id=first.id)).offer_version, (await Claim.get(id=second.id)).offer_version) == (1, 2)
    assert first.expires_at is not None
    assert second.expires_at is None


async def test_stock_never_passes_zero_even_where_somebody_else_counts(rooms):
    person, offer = await rooms.member(), await an_offer(rooms.clock.now(), stock=2)
    assert await rows("UPDATE offer_stock SET left_count = left_count - 2 WHERE offer_id = $1 RETURNING id", offer.id)
    with pytest.raises(OfferSoldOut):
        await rooms.handlers.claiming.claim(person, offer_id=offer.id, request_id="k")
    assert await Offer.filter(id=offer.id).exists()


def test_the_answer_can_be_stored():
    assert Claimed(()) == Claimed(())


async def test_several_at_once_each_take_a_slot_and_a_unit(rooms):
    person = await rooms.member()
    offer = await an_offer(rooms.clock.now(), stock=5, limits=(Limit(Period.DAY, 3), Limit(Period.EVER, 4)))
    answer = await rooms.handlers.claiming.claim(person, offer_id=offer.id, quantity=3, request_id="k1")
    assert len({each.id for each in answer.value.claims}) == 3
    slots = await ClaimSlot.filter(offer_id=offer.id).values_list("period", "number")
    assert sorted(number for period, number in slots if period == "ever") == [1, 2, 3]
    assert len(slots) == 6
    assert await offer.left() == 2
    again = await rooms.handlers.claiming.claim(person, offer_id=offer.id, quantity=3, request_id="k1")
    assert again == Answer(answer.value, replayed=True)
    with pytest.raises(KeyReused):
        await rooms.handlers.claiming.claim(person, offer_id=offer.id, quantity=2, request_id="k1")
    await holds()


async def test_several_come_all_or_none_and_the_refusal_says_how_many_there_could_be(rooms):
    ming, hong = await crowd(rooms, 2)
    offer = await an_offer(rooms.clock.now(), stock=4, limits=(Limit(Period.EVER, 3),))
    claiming = rooms.handlers.claiming
    with pytest.raises(OfferTooMany) as over:
        await claiming.claim(ming, offer_id=offer.id, quantity=4, request_id="a")
    assert over.value.facts["left"] == 3
    await claiming.claim(ming, offer_id=offer.id, quantity=3, request_id="b")
    with pytest.raises(OfferLimitReached):
        await claiming.claim(ming, offer_id=offer.id, quantity=2, request_id="c")
    with pytest.raises(OfferTooMany) as short:
        await claiming.claim(hong, offer_id=offer.id, quantity=2, request_id="d")
    assert short.value.facts["left"] == 1
    assert await Claim.filter(member_id=hong.member_id).count() == 0
    assert (await claiming.claim(hong, offer_id=offer.id, request_id="e")).value.claims
    assert await offer.left() == 0
    await holds()


@pytest.mark.parametrize("quantity", [0, -1, 21, 10**9])
async def test_no_none_negative_or_huge_number_is_claimed(rooms, quantity):
    person, offer = await rooms.member(), await an_offer(rooms.clock.now(), limits=NONE)
    with pytest.raises(QuantityInvalid):
        await rooms.handlers.claiming.claim(person, offer_id=offer.id, quantity=quantity, request_id="k")
    assert await Claim.all().count() == 0


async def test_twenty_five_pairs_pressed_at_once_share_thirty_units_and_nobody_gets_half(rooms):
    people = await crowd(rooms, 25)
    offer = await an_offer(rooms.clock.now(), stock=31, limits=NONE)
    claiming = rooms.handlers.claiming
    found = await outcomes(*(claiming.claim(each, offer_id=offer.id, quantity=2, request_id="k") for each in people))
    assert found == {"Claimed": 15, "OfferTooMany": 10}
    held = Counter(await Claim.all().values_list("member_id", flat=True))
    assert set(held.values()) == {2}
    assert await offer.left() == 1
    await holds()


async def test_codes_that_are_too_few_for_one_serve_the_next(rooms):
    ming, hong = await crowd(rooms, 2)
    benefit = await a_benefit("电影票", BenefitKind.CODE_COUPON, CodeCouponTerms(pool="film"))
    pool = await CodePool.create(benefit=benefit, code="film", name="电影票")
    for number in range(2):
        await PoolCode.create(pool=pool, code_hash=f"h{number}", code_cipher="c")
    offer = await an_offer(rooms.clock.now(), benefit=benefit, limits=NONE)
    claiming = rooms.handlers.claiming
    found = await outcomes(
        claiming.claim(ming, offer_id=offer.id, quantity=3, request_id="k"),
        claiming.claim(hong, offer_id=offer.id, quantity=2, request_id="k"),
    )
    assert found == {"OfferTooMany": 1, "Claimed": 1}
    assert await PoolCode.filter(claim_id__isnull=True).count() == 0
    await holds()


async def test_what_has_a_price_is_never_given_away_by_mistake(rooms):
    person = await rooms.member()
    dear = {Price(fen=1): OfferPriced, Price(fen=1, points=1): OfferPriced, Price(carrier_fen=1): OfferPriced}
    for price, refusal in dear.items():
        offer = await an_offer(rooms.clock.now(), price=price)
        with pytest.raises(refusal):
            await rooms.handlers.claiming.claim(person, offer_id=offer.id, request_id="k")
    offer = await an_offer(rooms.clock.now(), price=Price(points=1))
    with pytest.raises(PointsShort):
        await rooms.handlers.claiming.claim(person, offer_id=offer.id, request_id="k")


async def test_limits_of_a_day_a_week_and_a_month_each_begin_anew_with_their_period(rooms):
    rooms.clock.advance(datetime(2026, 11, 28, 2, 0, tzinfo=UTC) - rooms.clock.now())  # a Saturday, ten o'clock
    person = await rooms.member()
    limits = (Limit(Period.DAY, 1), Limit(Period.WEEK, 2), Limit(Period.MONTH, 3))
    offer = await an_offer(rooms.clock.now(), limits=limits)
    claiming, had = rooms.handlers.claiming, []
    for day in range(28, 45):  # to Monday, the 14th of December
        for _ in range(2):
            try:
                await claiming.claim(person, offer_id=offer.id, request_id=str(new_id()))
                had.append(day)
            except OfferLimitReached as refused:
                last = refused.facts["period"]
        rooms.clock.advance(timedelta(days=1))
    # Two in the week to Sunday; November's third on Monday; two of each week, and December's third on the 8th.
    assert had == [28, 29, 30, 31, 37, 38]
    assert last == "month"
