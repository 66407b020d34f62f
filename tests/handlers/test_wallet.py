"""我的权益: one look, one statement; expiry by the clock; reminders by day."""

from datetime import timedelta

import pytest

from handlers.claims import wallet as wallets
from handlers.claims.claim_expiry import ClaimExpiry
from handlers.claims.claim_reminders import ClaimReminders
from handlers.claims.claims import SYSTEM, transition
from handlers.claims.typed_codes import code_hash, normalise
from handlers.claims.wallet import Section, Wallet
from handlers.errors import ClaimUnknown
from handlers.rules.benefit_terms import PackagePart, PackageTerms
from handlers.rules.claim_states import IllegalEdge
from handlers.rules.offer_terms import Limit, Period, Validity, ValidityKind
from models.accounts import Account
from models.claims import Claim, ClaimEvent
from models.database import atomic
from models.identity import Follower, Member
from models.outbox import Job
from models.words import BenefitKind, ClaimState, MemberStatus
from tests.handlers.claimable import a_benefit, an_offer

MANY = (Limit(Period.EVER, 1_000),)


@pytest.fixture
def wallet(rooms) -> Wallet:
    return Wallet(rooms.clock, rooms.vault)


async def given(rooms, person, offer, times=1):
    return [
        (await rooms.handlers.claiming.claim(person, offer_id=offer.id, request_id=f"{offer.id}-{n}")).value.claims[0]
        for n in range(times)
    ]


async def test_every_section_comes_in_one_statement(rooms, wallet, monkeypatch):
    person, now = await rooms.member(), rooms.clock.now()
    soon = await an_offer(now, limits=MANY, validity=Validity(ValidityKind.DAYS, days=1))
    late = await an_offer(now, limits=MANY)
    await given(rooms, person, soon, 2)
    held = await given(rooms, person, late, 3)
    used, gone = await given(rooms, person, await an_offer(now, limits=MANY), 2)
    await Claim.filter(id=used.id).update(state=ClaimState.USED, uses_left=0)
    await Claim.filter(id=gone.id).update(state=ClaimState.REVOKED)
    asked = []
    original = wallets.rows

    async def counted(*said):
        asked.append(said)
        return await original(*said)

    monkeypatch.setattr(wallets, "rows", counted)
    sections = await wallet.sections(person, limit=2)
    assert len(asked) == 1
    assert {section: found.count for section, found in sections.items()} == {
        Section.HELD: 5,
        Section.EXPIRING: 2,
        Section.USED: 1,
        Section.EXPIRED: 1,
    }
    assert [item.state for item in sections[Section.USED].items] == [ClaimState.USED]
    seen, after = [], None
    for _ in range(3):
        page = await wallet.section(person, Section.HELD, limit=2, after=after)
        seen += [item.id for item in page.items]
        after = page.after
    assert after is None
    assert len(set(seen)) == 5
    assert seen[2:] == sorted(claim.id for claim in held)  # what ends first comes first


async def test_a_wallet_is_over_everything_that_merged_into_the_member(rooms, wallet):
    ming, other = await rooms.member("o-1"), await rooms.member("o-2")
    offer = await an_offer(rooms.clock.now())
    (theirs,) = await given(rooms, other, offer)
    with pytest.raises(ClaimUnknown):
        await wallet.claim(ming, theirs.id)
    await Member.filter(id=other.member_id).update(status=MemberStatus.MERGED, canonical_id=ming.member_id)
    assert [item.id for item in (await wallet.sections(ming, limit=5))[Section.HELD].items] == [theirs.id]
    assert (await wallet.claim(ming, theirs.id)).item.id == theirs.id


async def test_the_typed_code_is_shown_where_the_offer_allows_it_and_finds_the_claim(rooms, wallet):
    person, now = await rooms.member(), rooms.clock.now()
    (with_code,) = await given(rooms, person, await an_offer(now))
    (without,) = await given(rooms, person, await an_offer(now, shows_typed_code=False))
    shown = (await wallet.claim(person, with_code.id)).typed_code
    hashed = code_hash(rooms.vault, normalise(shown.lower().replace("-", " ")))
    assert (await Claim.get(code_hash=hashed)).id == with_code.id
    assert (await wallet.claim(person, without.id)).typed_code is None


async def test_a_package_shows_its_parts(rooms, wallet):
    person, now = await rooms.member(), rooms.clock.now()
    wash = await a_benefit("洗车")
    gold = await a_benefit("礼包", BenefitKind.PACKAGE, PackageTerms((PackagePart(wash.code, 2),)))
    (package,) = await given(rooms, person, await an_offer(now, benefit=gold))
    detail = await wallet.claim(person, package.id)
    assert [part.name for part in detail.parts] == ["洗车", "洗车"]
    assert detail.typed_code is None


async def test_time_decides_at_every_read_and_the_sweep_gives_units_back_once(rooms, wallet):
    person, now = await rooms.member(), rooms.clock.now()
    offer = await an_offer(
        now, stock=5, limits=MANY, validity=Validity(ValidityKind.DAYS, days=1), returns_to_stock=True
    )
    keeps = await an_offer(now, stock=5, validity=Validity(ValidityKind.DAYS, days=1))
    one, two = await given(rooms, person, offer, 2)
    await given(rooms, person, keeps)
    await Claim.filter(id=two.id).update(state=ClaimState.USED, uses_left=0)
    rooms.clock.advance(timedelta(days=3))
    detail = await wallet.claim(person, one.id)
    assert (detail.item.state, detail.typed_code) == (ClaimState.EXPIRED, None)
    assert (await Claim.get(id=one.id)).state is ClaimState.ISSUED
    expiry = ClaimExpiry(rooms.clock)
    swept = await expiry.sweep()
    assert (swept.expired, swept.returned) == (2, 1)
    assert (await expiry.sweep()).expired == 0
    assert (await offer.left(), await keeps.left()) == (4, 4)
    assert [event.to_state for event in await ClaimEvent.filter(claim_id=one.id).order_by("id")] == [
        "issued",
        "expired",
    ]


async def test_a_claim_moves_only_along_the_graph_and_only_from_where_it_was_seen(rooms):
    person, now = await rooms.member(), rooms.clock.now()
    (claim,) = await given(rooms, person, await an_offer(now))
    async with atomic():
        with pytest.raises(IllegalEdge):
            await transition({claim.id: ClaimState.EXPIRED}, ClaimState.ISSUED, reason="x", actor=SYSTEM, at=now)
        seen = {claim.id: ClaimState.PARTLY_USED}  # it is not
        assert not await transition(seen, ClaimState.USED, reason="x", actor=SYSTEM, at=now)
        seen = {claim.id: ClaimState.ISSUED}
        assert await transition(seen, ClaimState.USED, reason="x", actor=SYSTEM, at=now) == {claim.id}
    assert await ClaimEvent.filter(claim_id=claim.id).count() == 2


async def test_one_reminder_a_day_three_days_and_one_day_before(rooms):
    person, now = await rooms.member(), rooms.clock.now()
    await Follower.create(account=await Account.get(key="oa"), member_id=person.member_id, followed_at=now)
    for days in (2, 2, 0):
        await given(rooms, person, await an_offer(now, validity=Validity(ValidityKind.DAYS, days=days)))
    reminders = ClaimReminders(rooms.clock)
    for _ in range(3):
        await reminders.plan(rooms.clock.now())
    (job,) = await Job.filter(kind="say_expiring")
    assert job.run_at == now  # 10:00 in Shanghai
    told = await reminders.due(account="oa", member_id=str(person.member_id))
    assert told is not None
    assert len(told.names) in (2, 3)
    await Claim.all().update(state=ClaimState.USED, uses_left=0)
    assert await reminders.due(account="oa", member_id=str(person.member_id)) is None
