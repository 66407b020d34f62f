"""The pool: brought in by any organization, edited as drafts only, seen where it belongs or was allotted."""

import pytest

from handlers.benefits.benefits import BenefitChange, Wanted
from handlers.benefits.kinds import KINDS
from handlers.errors import (
    BenefitKindUnsupported,
    BenefitStateWrong,
    BenefitTaken,
    BenefitTermsInvalid,
    BenefitUnknown,
    KeyReused,
    MerchantUnknown,
    OrganizationUnknown,
    RoleMissing,
)
from handlers.rules.benefit_terms import VoucherTerms
from models.benefits import Benefit, BenefitQuota
from models.ids import new_id
from models.operators import AuditEntry
from models.words import BenefitKind, BenefitState, OperatorRole
from tests.handlers.pooling import benefit_in, country, draft_of, key, merchant_of, operator_of


@pytest.fixture
async def tree(rooms):
    return await country()


async def add(rooms, by, code="wash-1", **facts):
    return (await rooms.handlers.benefits.add(by, draft_of(code, **facts), request_id=key())).value


async def codes_seen(rooms, by, **wanted):
    found = await rooms.handlers.benefits.listing(by, Wanted(**wanted), after=None, limit=20)
    return [each.code for each in found]


async def test_a_draft_is_brought_in_once_and_shows_what_was_sent(rooms, tree):
    await merchant_of(tree.north.organization_id, operator_share_bp=6_000)
    draft = draft_of(merchant="wash", terms={"uses": 3}, category="洗车", settlement_price_fen=2_500)
    answer = await rooms.handlers.benefits.add(tree.north, draft, request_id="k")
    again = await rooms.handlers.benefits.add(tree.north, draft, request_id="k")
    assert (again.replayed, again.value) == (True, answer.value)
    with pytest.raises(KeyReused):
        await rooms.handlers.benefits.add(tree.north, draft_of(terms={"uses": 4}), request_id="k")
    with pytest.raises(BenefitTaken):
        await add(rooms, tree.south)
    made = answer.value
    assert (made.state, made.organization_id) == (BenefitState.DRAFT, tree.north.organization_id)
    assert (made.terms, made.merchant, made.category) == (VoucherTerms(uses=3), "wash", "洗车")
    assert (made.settlement_price_fen, made.operator_share_bp) == (2_500, 6_000)  # the merchant's share
    assert await rooms.handlers.benefits.view(tree.north, made.id) == made
    entry = await AuditEntry.get(action="benefit.added")
    assert (entry.subject_id, entry.organization_id) == (str(made.id), tree.north.organization_id)


async def test_a_benefits_own_share_beats_the_merchants(rooms, tree):
    await merchant_of(tree.north.organization_id, operator_share_bp=6_000)
    assert (await add(rooms, tree.north, merchant="wash", operator_share_bp=0)).operator_share_bp == 0
    assert (await add(rooms, tree.north, "other")).operator_share_bp == 10_000


async def test_only_roles_for_it_bring_in_and_all_may_look(rooms, tree):
    made = await add(rooms, tree.root)
    for role in (OperatorRole.SUPPORT, OperatorRole.FINANCE):
        by = operator_of(tree.root.organization_id, role)
        with pytest.raises(RoleMissing):
            await add(rooms, by, "x")
        with pytest.raises(RoleMissing):
            await rooms.handlers.benefits.change(by, made.id, BenefitChange(name="改"))
        assert await codes_seen(rooms, by) == ["wash-1"]


async def test_what_is_above_or_beside_answers_as_absent(rooms, tree):
    made = [await add(rooms, by, f"b{n}") for n, by in enumerate((tree.root, tree.province, tree.south))]
    for foreign in (*(each.id for each in made), new_id()):
        with pytest.raises(BenefitUnknown):
            await rooms.handlers.benefits.view(tree.north, foreign)
        with pytest.raises(BenefitUnknown):
            await rooms.handlers.benefits.change(tree.north, foreign, BenefitChange(name="改"))
    for place in (tree.root.organization_id, tree.south.organization_id, new_id()):
        with pytest.raises(OrganizationUnknown):
            await add(rooms, tree.north, "x", organization_id=place)
    assert await codes_seen(rooms, tree.north) == []
    assert await codes_seen(rooms, tree.province) == ["b1", "b2"]
    assert (await add(rooms, tree.province, "for-south", organization_id=tree.south.organization_id)).code
    assert await codes_seen(rooms, tree.south) == ["b2", "for-south"]


async def test_what_was_allotted_is_seen_below_but_not_edited_there(rooms, tree):
    made = await benefit_in(BenefitState.POOL, tree.province.organization_id)
    quota = {"allotted_count": 5, "left_count": 5}
    await BenefitQuota.create(benefit=made, organization_id=tree.north.organization_id, **quota)
    assert await codes_seen(rooms, tree.north) == ["wash-1"]
    assert await codes_seen(rooms, tree.south) == []
    assert await codes_seen(rooms, tree.province) == ["wash-1"]  # once, although the subtree was allotted some
    with pytest.raises(BenefitUnknown):
        await rooms.handlers.benefits.change(tree.north, made.id, BenefitChange(name="改"))


async def test_the_list_is_narrowed_and_paged(rooms, tree):
    await merchant_of(tree.root.organization_id)
    await add(rooms, tree.root, "a", category="洗车", merchant="wash")
    await add(rooms, tree.root, "b", category="咖啡", kind=BenefitKind.CODE_COUPON, terms={"pool": "p"})
    await benefit_in(BenefitState.POOL, tree.root.organization_id, "c", category="洗车")
    assert await codes_seen(rooms, tree.root, category="洗车") == ["a", "c"]
    assert await codes_seen(rooms, tree.root, state=BenefitState.DRAFT) == ["a", "b"]
    assert await codes_seen(rooms, tree.root, category="洗车", state=BenefitState.POOL) == ["c"]
    assert await codes_seen(rooms, tree.root, kind=BenefitKind.CODE_COUPON) == ["b"]
    assert await codes_seen(rooms, tree.root, merchant="wash") == ["a"]
    first = await rooms.handlers.benefits.listing(tree.root, Wanted(), after=None, limit=2)
    rest = await rooms.handlers.benefits.listing(tree.root, Wanted(), after=first[-1].id, limit=2)
    assert [each.code for each in (*first, *rest)] == ["a", "b", "c"]


async def test_a_draft_is_edited_in_parts_and_recorded(rooms, tree):
    await merchant_of(tree.province.organization_id)
    made = await add(rooms, tree.province, terms={"uses": 2}, description="甲")
    change = BenefitChange(name="大洗车券", terms={"uses": 5, "unit_name": "升"}, merchant="wash")
    after = (await rooms.handlers.benefits.change(tree.province, made.id, change)).value
    assert (after.name, after.terms, after.merchant) == ("大洗车券", VoucherTerms(5, "升"), "wash")
    assert (after.description, after.code, after.kind) == ("甲", made.code, made.kind)
    entry = await AuditEntry.get(action="benefit.changed")
    assert dict(entry.facts["before"])["name"] == "洗车券"


@pytest.mark.parametrize("state", [BenefitState.REVIEW, BenefitState.POOL, BenefitState.RETIRED])
async def test_only_a_draft_is_edited(rooms, tree, state):
    made = await benefit_in(state, tree.root.organization_id)
    with pytest.raises(BenefitStateWrong):
        await rooms.handlers.benefits.change(tree.root, made.id, BenefitChange(name="改"))
    assert (await Benefit.get(id=made.id)).name == "洗车券"


async def test_a_merchant_is_one_in_sight_that_belongs_near(rooms, tree):
    await merchant_of(tree.province.organization_id, "provinces")
    await merchant_of(tree.north.organization_id, "norths")
    await merchant_of(tree.south.organization_id, "souths")
    for foreign in ("provinces", "souths", "none"):
        with pytest.raises(MerchantUnknown):
            await add(rooms, tree.north, "x", merchant=foreign)
    assert (await add(rooms, tree.north, "own", merchant="norths")).merchant == "norths"
    assert (await add(rooms, tree.province, "below", merchant="souths")).merchant == "souths"
    for_north = {"organization_id": tree.north.organization_id}
    assert (await add(rooms, tree.province, "above", merchant="provinces", **for_north)).merchant == "provinces"
    with pytest.raises(MerchantUnknown):  # the province sees both, and they are of two cities
        await add(rooms, tree.province, "x", merchant="souths", **for_north)


async def test_a_kind_that_nobody_fulfils_cannot_be_saved(rooms, tree, monkeypatch):
    monkeypatch.delitem(KINDS, BenefitKind.TOP_UP)
    with pytest.raises(BenefitKindUnsupported) as refused:
        await add(rooms, tree.root, kind=BenefitKind.TOP_UP, terms={})
    assert refused.value.facts["missing"] == "fulfiller"
    assert await Benefit.all().count() == 0


async def test_wrong_terms_change_nothing_and_name_their_field(rooms, tree):
    made = await add(rooms, tree.root, terms={"uses": 2})
    with pytest.raises(BenefitTermsInvalid) as refused:
        await rooms.handlers.benefits.change(tree.root, made.id, BenefitChange(name="改", terms={"uses": 0}))
    assert refused.value.facts["field"] == "terms.uses"
    assert await rooms.handlers.benefits.view(tree.root, made.id) == made


async def test_offline_is_for_what_is_redeemed_at_a_counter(rooms, tree):
    coupon = {"kind": BenefitKind.CODE_COUPON, "terms": {"pool": "p"}}
    with pytest.raises(BenefitTermsInvalid):
        await add(rooms, tree.root, "x", is_offline_allowed=True, **coupon)
    made = await add(rooms, tree.root, **coupon)
    with pytest.raises(BenefitTermsInvalid):
        await rooms.handlers.benefits.change(tree.root, made.id, BenefitChange(is_offline_allowed=True))
    assert (await add(rooms, tree.root, "y", is_offline_allowed=True)).is_offline_allowed


async def test_offline_is_not_for_several_uses_nor_for_more_than_fifty_yuan_whichever_is_edited_last(rooms, tree):
    wrong = [
        ({"terms": {"uses": 2}}, "multi_use"),
        ({"settlement_price_fen": 5001}, "too_valuable"),
        ({"terms": {"face_value_fen": 5001}}, "too_valuable"),
    ]
    for more, problem in wrong:
        with pytest.raises(BenefitTermsInvalid) as refused:
            await add(rooms, tree.root, "x", is_offline_allowed=True, **more)
        assert (refused.value.facts["field"], refused.value.facts["problem"]) == ("is_offline_allowed", problem)
    allowed = await add(rooms, tree.root, "x", is_offline_allowed=True, settlement_price_fen=5000)
    for more, problem in wrong:
        with pytest.raises(BenefitTermsInvalid) as refused:
            await rooms.handlers.benefits.change(tree.root, allowed.id, BenefitChange(**more))
        assert refused.value.facts["problem"] == problem
    changed = BenefitChange(is_offline_allowed=False, settlement_price_fen=5001)
    assert not (await rooms.handlers.benefits.change(tree.root, allowed.id, changed)).value.is_offline_allowed
    with pytest.raises(BenefitTermsInvalid):
        await rooms.handlers.benefits.change(tree.root, allowed.id, BenefitChange(is_offline_allowed=True))
