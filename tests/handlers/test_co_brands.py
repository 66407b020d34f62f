"""联名会员: two sides, two entries; joined once, paid for by both; nobody is shown to the partner unasked."""

import base64
from dataclasses import replace

import pytest

from handlers.errors import (
    CoBrandFull,
    CoBrandInvalid,
    CoBrandJoined,
    CoBrandNothingToGive,
    CoBrandNotOpen,
    CoBrandOver,
    CoBrandStateWrong,
    CoBrandUnknown,
    CoBrandUnpaid,
    NotAMember,
    PlanNotAbove,
    RoleMissing,
)
from handlers.ports import WeChatError
from handlers.rules.co_brands import Subsidy
from models.channels import Channel
from models.co_brands import CoBrandMembership, CoBrandSubsidy, CoBrandVisit
from models.ids import new_id
from models.operators import AuditEntry
from models.organizations import Organization
from models.plans import MembershipTerm
from models.programmes import Merchant
from models.statements.invariants_co_brands import RULES
from models.words import CoBrandParty, CoBrandState, OperatorRole, OrganizationKind, TermCause
from tests.handlers.buying import breaches
from tests.handlers.co_branding import Fair, a_channel, a_fair, house, partner
from tests.handlers.conftest import MEMBERSHIP
from tests.handlers.offering import key, operator_at
from tests.handlers.planning import BLACK, DAY, GOLD, claims_of, stretches
from tests.handlers.test_planted_breaches import found


@pytest.fixture
async def fair(rooms):
    yield await a_fair(rooms)
    assert await breaches() == []


@pytest.fixture
async def ming(rooms):
    return await rooms.member("o-ming")


@pytest.fixture
async def hong(rooms):
    return await rooms.member("o-hong")


async def test_joining_gives_the_plans_time_free_of_charge_and_each_side_pays_once(fair: Fair, ming, clock):
    agreed, now = await fair.agreed(), clock.now().replace(microsecond=0)
    await fair.desk.right()
    await fair.comes("o-ming", partner(agreed))
    joined = await fair.join(ming, partner(agreed))
    assert (joined.came_by, joined.is_free, joined.is_running) == (CoBrandParty.PARTNER, True, True)
    assert (joined.level_name, joined.ends_at) == ("金卡会员", now + 31 * DAY)
    assert await stretches(ming) == [("co_branded", now, now + 31 * DAY)]
    await fair.desk.work()
    assert len(await claims_of(ming)) == 1  # what the level brings
    assert sorted(await CoBrandSubsidy.all().values_list("amount_fen", flat=True)) == [300, 500]
    assert await fair.totals(agreed.id) == {"house": (0, 0, 0, 300), "partner": (1, 1, 1, 500)}
    assert [each.id for each in await fair.room.joining.mine(ming)] == [agreed.id]


async def test_nobody_joins_twice_and_the_same_request_is_answered_alike(fair: Fair, ming):
    agreed = await fair.agreed()
    first = await fair.join(ming, house(agreed), "once")
    assert await fair.join(ming, house(agreed), "once") == first
    for code in (house(agreed), partner(agreed)):
        with pytest.raises(CoBrandJoined):
            await fair.join(ming, code)
    assert (await fair.room.joining.offered(ming, house(agreed))).reason == CoBrandJoined.code
    assert await CoBrandMembership.all().count() == 1
    assert await CoBrandSubsidy.all().count() == 2


async def test_the_first_entry_somebody_came_by_has_brought_them(fair: Fair, ming):
    agreed = await fair.agreed()
    await fair.comes("o-ming", partner(agreed))
    joined = await fair.join(ming, house(agreed))
    assert joined.came_by is CoBrandParty.PARTNER
    assert await fair.totals(agreed.id) == {"house": (1, 1, 0, 300), "partner": (1, 1, 1, 500)}


async def test_a_visit_counts_once_a_day_and_only_while_the_agreement_is_open(fair: Fair, ming, rooms):
    later = fair.now() + DAY
    agreed = await fair.agreed(starts_at=later)
    draft = await fair.save("other")
    for code in (house(agreed), house(draft), "b_nobodys", "p_promoter"):
        await fair.comes("o-ming", code)
    assert await CoBrandVisit.all().count() == 0
    rooms.clock.advance(DAY)
    for _ in range(2):
        await fair.comes("o-ming", house(agreed))
    rooms.clock.advance(DAY)
    await fair.comes("o-ming", house(agreed))
    account = await rooms.handlers.accounts.get("oa")
    person = await rooms.person("oa-ming", account="oa")
    await rooms.handlers.following.scan(person, account, scene=partner(agreed))
    assert await fair.totals(agreed.id) == {"house": (2, 1, 0, 0), "partner": (1, 1, 0, 0)}
    figures = await fair.room.figures.figures(fair.desk.operator, agreed.id, since=None, until=None)
    assert [(each.party.value, each.visit_count) for each in figures.days] == [
        ("house", 1),
        ("house", 1),
        ("partner", 1),
    ]
    rooms.clock.advance(90 * DAY)
    await fair.comes("o-ming", house(agreed))
    assert await CoBrandVisit.all().count() == 3


async def test_the_partner_is_shown_whoever_agrees_by_an_id_of_its_own_and_nobody_else(fair: Fair, ming, hong):
    agreed, other = await fair.agreed(), await fair.agreed("second")
    for person in (ming, hong):
        await fair.join(person, partner(agreed))
    assert await fair.known(agreed) == []
    await fair.shares(ming)
    (seen,) = await fair.known(agreed)
    mine = await CoBrandMembership.get(member_id=ming.member_id)
    assert (seen.ref, seen.came_by) == (mine.partner_ref, CoBrandParty.PARTNER)
    assert str(ming.member_id) not in repr(seen)
    await fair.join(ming, partner(other))
    (again,) = await fair.known(other)
    assert again.ref != seen.ref  # two partners cannot put together what each knows
    await fair.withdraws(ming)
    assert (await fair.known(agreed), await fair.known(other)) == ([], [])
    await fair.shares(ming)
    assert [each.ref for each in await fair.known(agreed)] == [seen.ref]


async def test_whoever_leaves_is_gone_from_the_partners_view_and_stays_in_its_counts(fair: Fair, ming, rooms):
    agreed = await fair.agreed()
    await fair.comes("o-ming", partner(agreed))
    await fair.join(ming, partner(agreed))
    await fair.shares(ming)
    exported = await rooms.handlers.personal_data.export(ming)
    assert [(each.partner, each.came_by) for each in exported.co_brands] == [("南城书展", CoBrandParty.PARTNER)]
    assert len(exported.co_brand_visits) == 1
    await rooms.handlers.departures.leave(ming)
    assert await fair.known(agreed) == []
    assert (await fair.totals(agreed.id))["partner"] == (1, 1, 1, 500)


async def test_what_was_merged_counts_as_joined_and_shares_as_the_survivor_does(fair: Fair, rooms, ming):
    agreed = await fair.agreed()
    await fair.join(ming, house(agreed))
    await fair.shares(ming)
    chatting = await rooms.person("o-chatting", account="oa")
    await rooms.handlers.membership.join(chatting, agreed=[MEMBERSHIP])
    await fair.join(await rooms.person("o-chatting", account="oa"), partner(agreed))
    await rooms.person("o-chatting", "u-one", account="oa")
    merged = await rooms.person("o-ming", "u-one")
    with pytest.raises(CoBrandJoined):
        await fair.join(merged, house(agreed))
    assert len(await fair.room.joining.mine(merged)) == len(await fair.known(agreed)) == 2
    await fair.withdraws(merged)
    assert await fair.known(agreed) == []


async def test_whoever_left_and_comes_back_is_paid_for_once(fair: Fair, ming, rooms):
    agreed, other = await fair.agreed(), await fair.agreed("second")
    await fair.join(ming, house(agreed))
    await rooms.handlers.departures.leave(ming)
    again = await rooms.member("o-ming")
    assert again.member_id != ming.member_id
    with pytest.raises(CoBrandJoined):
        await fair.join(again, house(agreed))
    assert (await fair.totals(agreed.id))["house"][3] == 300
    assert (await fair.join(again, house(other))).is_running  # another agreement is another one


async def test_when_a_side_has_given_all_it_gives_nobody_joins_and_nothing_is_left_behind(fair: Fair, ming, hong):
    agreed = await fair.agreed(house=Subsidy(300, 599))
    await fair.join(ming, house(agreed))
    with pytest.raises(CoBrandFull):
        await fair.join(hong, house(agreed))
    assert await MembershipTerm.all().count() == 1
    assert (await fair.totals(agreed.id))["partner"] == (0, 0, 0, 500)


async def test_a_free_membership_never_runs_past_its_agreement(fair: Fair, ming, hong, rooms, clock):
    now = clock.now().replace(microsecond=0)
    agreed = await fair.agreed(ends_at=now + 10 * DAY + DAY / 2)
    await fair.desk.buy(hong, fair.desk.month)
    with pytest.raises(CoBrandNothingToGive):  # what she bought lasts longer
        await fair.join(hong, house(agreed))
    await fair.join(ming, house(agreed))
    assert await fair.desk.ends(ming) == now + 10 * DAY
    rooms.clock.advance(10 * DAY)
    with pytest.raises(CoBrandNothingToGive):
        await fair.join(await rooms.member("o-late"), house(agreed))
    assert [each.is_running for each in await fair.room.joining.mine(ming)] == [False]


async def test_it_goes_on_from_what_they_bought_and_takes_nobody_lower(fair: Fair, ming, hong, clock):
    agreed, now = await fair.agreed(), clock.now().replace(microsecond=0)
    await fair.desk.buy(ming, fair.desk.month)
    await fair.join(ming, house(agreed))
    assert await fair.desk.ends(ming) == now + 60 * DAY  # 31 days, and as many as the agreement has left
    await fair.desk.buy(hong, fair.desk.year)
    with pytest.raises(PlanNotAbove):
        await fair.join(hong, house(agreed))
    assert await fair.desk.steps.level(hong) == BLACK


async def test_of_one_that_is_not_free_only_who_bought_the_plan_since_it_began_joins(fair: Fair, ming, hong, rooms):
    await fair.desk.buy(hong, fair.desk.month)
    rooms.clock.advance(DAY)
    agreed = await fair.agreed(is_free=False)
    assert (await fair.room.joining.offered(ming, house(agreed))).price_fen == 3_100
    for person in (ming, hong):
        with pytest.raises(CoBrandUnpaid):
            await fair.join(person, house(agreed))
    order_id = await fair.desk.buy(ming, fair.desk.month)
    joined = await fair.join(ming, house(agreed))
    assert (joined.is_free, await MembershipTerm.all().count()) == (False, 2)
    other = await fair.agreed("second", is_free=False)
    with pytest.raises(CoBrandUnpaid):  # one purchase serves one agreement
        await fair.join(ming, house(other))
    await fair.desk.refund(ming, order_id)
    assert [each.is_running for each in await fair.room.joining.mine(ming)] == [False]


async def test_ending_it_ends_what_was_given_and_not_what_was_paid_for(fair: Fair, ming, hong, rooms, clock):
    agreed = await fair.agreed()
    await fair.desk.right(levels=(GOLD, BLACK))
    lan, now = await rooms.member("o-lan"), clock.now().replace(microsecond=0)
    for person in (ming, hong, lan):
        await fair.join(person, house(agreed))
    await fair.desk.work()
    await fair.desk.buy(hong, fair.desk.month)  # behind it
    await fair.desk.buy(lan, fair.desk.year)  # lifts what she was given
    await rooms.handlers.departures.leave(await rooms.member("o-gone"))
    rooms.clock.advance(5 * DAY)
    await fair.end(agreed)
    for code in (house(agreed), partner(agreed)):
        with pytest.raises(CoBrandOver):
            await fair.join(await rooms.member("o-late"), code)
    await fair.desk.work()
    assert await fair.desk.ends(ming) is None
    assert len(await claims_of(ming)) == 1  # what came with it stays
    assert await fair.desk.ends(hong) == now + 36 * DAY
    assert await fair.desk.ends(lan) == now + 31 * DAY
    assert await fair.desk.steps.level(lan) == BLACK
    assert await fair.room.ending.end(agreed.id) == 0
    assert [each.is_running for each in await fair.room.joining.mine(hong)] == [False]


async def test_whoever_left_meanwhile_keeps_no_agreement_from_ending(fair: Fair, ming, hong, rooms):
    agreed = await fair.agreed()
    for person in (ming, hong):
        await fair.join(person, house(agreed))
    await rooms.handlers.departures.leave(ming)
    await fair.end(agreed)
    assert await fair.room.ending.end(agreed.id) == 1
    assert await fair.desk.ends(hong) is None


async def test_before_its_time_and_for_strangers_a_code_opens_nothing(fair: Fair, ming, rooms):
    agreed, draft = await fair.agreed(starts_at=fair.now() + DAY), await fair.save("other")
    with pytest.raises(CoBrandNotOpen):
        await fair.join(ming, house(agreed))
    for code in (house(draft), "b_nobodys", "p_promoter", ""):
        with pytest.raises(CoBrandUnknown):
            await fair.join(ming, code)
        with pytest.raises(CoBrandUnknown):
            await fair.room.joining.offered(ming, code)
    rooms.clock.advance(DAY)
    with pytest.raises(NotAMember):
        await fair.join(await rooms.person("o-known"), house(agreed))


async def test_a_draft_keeps_its_codes_and_what_is_published_never_changes(fair: Fair):
    draft = await fair.save()
    again = await fair.save(name="书展联名卡", house=Subsidy(100, 100))
    assert (again.id, again.terms.name, again.terms.house) == (draft.id, "书展联名卡", Subsidy(100, 100))
    assert [each.code for each in again.sides] == [each.code for each in draft.sides]
    editing, who = fair.room.editing, fair.desk.operator
    assert (await editing.publish(who, draft.id, request_id=key())).value.state is CoBrandState.PUBLISHED
    with pytest.raises(CoBrandStateWrong):
        await fair.save(name="另一个")
    with pytest.raises(CoBrandStateWrong):
        await editing.publish(who, draft.id, request_id=key())
    await fair.end(draft)
    with pytest.raises(CoBrandStateWrong):
        await fair.end(draft)
    with pytest.raises(CoBrandUnknown):
        await editing.publish(who, new_id(), request_id=key())
    told = await AuditEntry.filter(subject_kind="co_brand").order_by("id").values_list("action", flat=True)
    assert list(told) == ["co_brand.drafted", "co_brand.drafted", "co_brand.published", "co_brand.ended"]


async def test_it_is_not_kept_with_a_partner_that_is_not_there_nor_published_against_the_rules(fair: Fair):
    async def refused(act, **more) -> list[str]:
        with pytest.raises(CoBrandInvalid) as trouble:
            await act(f"bad-{len(more)}-{new_id().hex[-6:]}", **more)
        return sorted(f"{each['field']}:{each['problem']}" for each in trouble.value.facts["problems"])

    assert await refused(fair.save, plan_id=new_id()) == ["plan_id:unknown"]
    assert await refused(fair.save, partner_organization_id=new_id()) == ["partner_organization_id:unknown"]
    assert await refused(fair.save, partner_merchant="nobody", partner_organization_id=None) == [
        "partner_merchant:unknown"
    ]
    assert await refused(fair.save, channel="nobody") == ["channel:unknown"]
    assert await refused(fair.save, partner_organization_id=None) == ["partner:one_of_two"]
    now = fair.now()
    assert await refused(fair.agreed, starts_at=now, ends_at=now) == ["ends_at:not_ahead"]
    assert await refused(fair.agreed, house=Subsidy(500, 499)) == ["house:cap_below_one"]
    await fair.desk.plans.editing.withdraw(fair.desk.operator, fair.desk.month, request_id=key())
    assert await refused(fair.agreed) == ["plan_id:not_published"]


async def test_operators_of_both_sides_see_the_figures_and_others_do_not(fair: Fair, rooms):
    merchant = await Merchant.create(organization=fair.south, code="books", name="书店")
    agreed = await fair.agreed()
    sold = await fair.agreed("shop", partner_organization_id=None, partner_merchant=merchant.code)
    north = await Organization.create(
        parent_id=fair.desk.operator.organization_id, kind=OrganizationKind.CITY, code="north", name="北城"
    )
    editing, figures = fair.room.editing, fair.room.figures
    southern, northern = await operator_at(fair.south), await operator_at(north)
    assert [each.id for each in await editing.listing(southern, before=None, limit=9)] == [sold.id, agreed.id]
    assert [each.id for each in await editing.listing(southern, before=None, limit=1)] == [sold.id]
    assert [each.id for each in await editing.listing(southern, before=sold.id, limit=9)] == [agreed.id]
    assert await editing.listing(northern, before=None, limit=9) == ()
    assert (await figures.figures(southern, agreed.id, since=None, until=None)).co_brand.id == agreed.id
    for act in (
        figures.figures(northern, agreed.id, since=None, until=None),
        figures.members(northern, agreed.id, after=None, limit=9),
    ):
        with pytest.raises(CoBrandUnknown):
            await act
    with pytest.raises(RoleMissing):  # the programme's own operators alone agree and end
        await editing.end(southern, agreed.id, reason="不想做了", request_id=key())
    with pytest.raises(RoleMissing):
        await editing.publish(await operator_at(fair.south, OperatorRole.SUPPORT), agreed.id, request_id=key())


async def test_each_side_has_a_mini_program_code_which_is_asked_for_once(fair: Fair, rooms):
    agreed, entries = await fair.agreed(), fair.room.entries
    southern = await operator_at(fair.south)
    rooms.wechat.trouble = WeChatError(45009)
    assert [each.picture for each in await entries.of(southern, agreed.id)] == ["", ""]
    rooms.wechat.trouble = None
    seen = await entries.of(southern, agreed.id)
    assert [each.code for each in seen] == [house(agreed), partner(agreed)]
    assert [base64.b64decode(each.picture).decode() for each in seen] == [f"{each.page}?{each.code}" for each in seen]
    asked = rooms.wechat.calls["mini_program_code"]
    assert await entries.of(fair.desk.operator, agreed.id) == seen
    assert rooms.wechat.calls["mini_program_code"] == asked
    with pytest.raises(CoBrandUnknown):
        await entries.of(southern, new_id())


async def test_only_the_partners_own_channel_is_told(fair: Fair, rooms, ming):
    agreed, silent = await fair.agreed(), await fair.agreed("silent", channel=None)
    draft = await fair.save("draft")
    other = await a_channel(rooms, fair.desk.operator, "otherfair", fair.south.id)
    figures = fair.room.figures
    assert (await figures.figures_for(fair.call(), agreed.id, since=None, until=None)).days == ()
    for channel, co_brand in ((other, agreed), (fair.channel, silent), (fair.channel, draft)):
        with pytest.raises(CoBrandUnknown):
            await figures.members_for(fair.call(channel), co_brand.id, after=None, limit=9)
        with pytest.raises(CoBrandUnknown):
            await figures.figures_for(fair.call(channel), co_brand.id, since=None, until=None)
    assert await Channel.all().count() == 2


async def test_pages_of_members_go_on_behind_the_last_one(fair: Fair, ming, hong):
    agreed = await fair.agreed()
    for person in (ming, hong):
        await fair.join(person, house(agreed))
        await fair.shares(person)
    first, second = await fair.known(agreed)
    members = fair.room.figures.members_for
    assert await members(fair.call(), agreed.id, after=first.id, limit=9) == (second,)
    assert replace(first, id=second.id) != second


PLANTED = {
    "联名每一方的补贴合计等于它的记录，且不超过上限": "UPDATE co_brand_side SET given_fen = 1",
    "每位联名会员由每一方各补贴一次": "UPDATE co_brand_side SET subsidy_fen = 1",
    "同一个联名活动每个会员只加入一次，入口属于这个活动": """
        INSERT INTO co_brand_membership (id, created_at, co_brand_id, member_id, side_id, term_id, partner_ref,
            joined_on, joined_at)
        SELECT '{id}', j.created_at, o.id, j.member_id, j.side_id, t.id, 'another', j.joined_on, j.joined_at
        FROM co_brand_membership j JOIN co_brand o ON o.id <> j.co_brand_id JOIN membership_term t ON t.cause = 'bought'
    """,
    "免费的联名会员得到一段会员，最晚到活动结束；付费的是自己买的": (
        "UPDATE membership_term SET cause = 'trial' WHERE cause = 'co_branded'"
    ),
    "联名活动有一个合作方和双方的入口，发布后有套餐版本": "UPDATE co_brand SET plan_version = 0",
}


def test_every_rule_of_co_brands_has_a_breach_here():
    assert set(PLANTED) == {what for what, _ in RULES}


async def test_each_breach_of_co_brands_is_found_by_its_rule(fair: Fair, ming, hong):
    agreed = await fair.agreed()
    await fair.agreed("second")
    await fair.join(ming, house(agreed))
    await fair.desk.buy(hong, fair.desk.month)
    for what, planted in PLANTED.items():
        assert what in await found(planted), what
    assert (await MembershipTerm.filter(cause=TermCause.CO_BRANDED).count(), await breaches()) == (1, [])
