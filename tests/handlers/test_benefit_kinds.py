"""The kinds: terms that are wrong say where, choices are checked, and packages bring along what is due."""

from contextlib import suppress
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from handlers.benefits import code_pools
from handlers.benefits.kinds import KINDS, NewClaim, fulfiller, plain, terms_of
from handlers.benefits.kinds.package import due_parts
from handlers.codec import from_json
from handlers.errors import BenefitKindUnsupported, BenefitTermsInvalid, ChoicesInvalid
from handlers.rules.benefit_terms import TERMS_OF, PackagePart, PackageTerms
from models.benefits import Benefit
from models.database import atomic
from models.ids import new_id
from models.organizations import Organization
from models.words import BenefitKind, BenefitState, ClaimState

VOUCHER, CODES, TOP_UP, COUPON, PACKAGE, POINTS = (
    BenefitKind.VOUCHER,
    BenefitKind.CODE_COUPON,
    BenefitKind.TOP_UP,
    BenefitKind.PARTNER_COUPON,
    BenefitKind.PACKAGE,
    BenefitKind.POINTS,
)
NOON = datetime(2026, 11, 22, 4, tzinfo=UTC)
PART = {"benefit": "wash"}
TEN = {"supplier": "s1", "product": "CMCC-10", "face_value_fen": 1_000}

WRONG = [
    (VOUCHER, [], "terms", "wrong_type"),
    (VOUCHER, {"use": 1}, "terms", "unknown_field"),
    (VOUCHER, {"~": "VoucherTerms"}, "terms", "unknown_field"),
    (VOUCHER, {"uses": 0}, "terms.uses", "too_small"),
    (VOUCHER, {"uses": -1}, "terms.uses", "too_small"),
    (VOUCHER, {"uses": 2**53}, "terms.uses", "too_large"),
    (VOUCHER, {"uses": "1"}, "terms.uses", "wrong_type"),
    (VOUCHER, {"uses": True}, "terms.uses", "wrong_type"),
    (VOUCHER, {"uses": 1.0}, "terms.uses", "wrong_type"),
    (VOUCHER, {"uses": None}, "terms.uses", "wrong_type"),
    (VOUCHER, {"unit_name": ""}, "terms.unit_name", "wrong_length"),
    (VOUCHER, {"unit_name": "次\n"}, "terms.unit_name", "wrong_length"),
    (VOUCHER, {"unit_name": "次\n次"}, "terms.unit_name", "unshowable"),
    (VOUCHER, {"face_value_fen": -1}, "terms.face_value_fen", "too_small"),
    (VOUCHER, {"face_value_fen": 100_000_001}, "terms.face_value_fen", "too_large"),
    (VOUCHER, {"stores": "S1"}, "terms.stores", "wrong_type"),
    (VOUCHER, {"stores": [1]}, "terms.stores", "wrong_type"),
    (VOUCHER, {"stores": ["S1", "S 2"]}, "terms.stores[1]", "not_a_code"),
    (COUPON, {"face_value_fen": 1, "stores": ["S1", "S1"]}, "terms.stores", "repeated"),
    (CODES, {}, "terms.pool", "missing"),
    (CODES, {"pool": 3}, "terms.pool", "wrong_type"),
    (CODES, {"pool": "a b"}, "terms.pool", "not_a_code"),
    (CODES, {"pool": ""}, "terms.pool", "not_a_code"),
    (CODES, {"pool": "p\n"}, "terms.pool", "not_a_code"),
    (CODES, {"pool": "p", "how_to_use": "用" * 501}, "terms.how_to_use", "wrong_length"),
    (TOP_UP, {}, "terms.supplier", "missing"),
    (TOP_UP, {**TEN, "supplier": "s 1"}, "terms.supplier", "not_a_code"),
    (TOP_UP, {**TEN, "product": "ten yuan"}, "terms.product", "not_a_code"),
    (TOP_UP, {**TEN, "face_value_fen": 0}, "terms.face_value_fen", "too_small"),
    (TOP_UP, {**TEN, "fallback_supplier": "s2"}, "terms.fallback_product", "missing"),
    (TOP_UP, {**TEN, "fallback_product": "10"}, "terms.fallback_supplier", "missing"),
    (TOP_UP, {**TEN, "fallback_supplier": "s1", "fallback_product": "10"}, "terms.fallback_supplier", "repeated"),
    (COUPON, {}, "terms.face_value_fen", "missing"),
    (COUPON, {"face_value_fen": 0}, "terms.face_value_fen", "too_small"),
    (COUPON, {"face_value_fen": 1_000, "threshold_fen": 999}, "terms.threshold_fen", "too_small"),
    (PACKAGE, {}, "terms.parts", "missing"),
    (PACKAGE, {"parts": []}, "terms.parts", "wrong_length"),
    (PACKAGE, {"parts": {"benefit": "wash"}}, "terms.parts", "wrong_type"),
    (PACKAGE, {"parts": "wash"}, "terms.parts", "wrong_type"),
    (PACKAGE, {"parts": ["wash"]}, "terms.parts[0]", "wrong_type"),
    (PACKAGE, {"parts": [PART, {"count": 2}]}, "terms.parts[1].benefit", "missing"),
    (PACKAGE, {"parts": [PART, {"benefit": "tea", "count": 0}]}, "terms.parts[1].count", "too_small"),
    (PACKAGE, {"parts": [{"benefit": "tea", "count": 32}]}, "terms.parts[0].count", "too_large"),
    (PACKAGE, {"parts": [{"benefit": "tea", "per": "year"}]}, "terms.parts[0].per", "not_one_of"),
    (PACKAGE, {"parts": [PART, PART]}, "terms.parts[1].benefit", "repeated"),
    (PACKAGE, {"parts": [PART], "choose": 0}, "terms.choose", "too_small"),
    (POINTS, {}, "terms.points", "missing"),
    (POINTS, {"points": 0}, "terms.points", "too_small"),
    (POINTS, {"points": 10**10}, "terms.points", "too_large"),
    (PACKAGE, {"parts": [PART], "choose": 2}, "terms.choose", "too_large"),
    (PACKAGE, {"parts": [{"benefit": f"b{n}"} for n in range(21)]}, "terms.parts", "wrong_length"),
]


@pytest.mark.parametrize(("kind", "data", "field", "problem"), WRONG)
def test_wrong_terms_say_which_field_and_how(kind, data, field, problem):
    with pytest.raises(BenefitTermsInvalid) as refused:
        terms_of(kind, data)
    assert (refused.value.facts["field"], refused.value.facts["problem"]) == (field, problem)
    assert field in refused.value.sentence


RIGHT = [
    (VOUCHER, {"uses": 10, "unit_name": "升", "face_value_fen": 100, "stores": ["S1", "S2"]}),
    (CODES, {"pool": "tea-2026", "how_to_use": "到店出示"}),
    (TOP_UP, TEN),
    (TOP_UP, {**TEN, "fallback_supplier": "s2", "fallback_product": "10"}),
    (COUPON, {"face_value_fen": 1_000, "threshold_fen": 5_000}),
    (COUPON, {"face_value_fen": 1_000, "threshold_fen": 0}),
    (PACKAGE, {"parts": [{"benefit": "wash", "count": 2, "per": "month"}], "choose": None}),
    (POINTS, {"points": 50}),
]


@pytest.mark.parametrize(("kind", "data"), RIGHT)
def test_right_terms_are_stored_as_they_were_sent_and_come_back(kind, data):
    terms = terms_of(kind, data)
    assert {**plain(terms), **data} == plain(terms)
    assert from_json(TERMS_OF[kind], plain(terms)) == terms


ANY_JSON = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False) | st.text(),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=8), inner, max_size=4),
    max_leaves=8,
)
FIELDS = st.sampled_from(
    [
        "uses",
        "unit_name",
        "face_value_fen",
        "threshold_fen",
        "pool",
        "parts",
        "choose",
        "benefit",
        "count",
        "per",
        "supplier",
        "product",
    ]
)


@given(st.sampled_from(sorted(BenefitKind)), st.dictionaries(FIELDS, ANY_JSON, max_size=5) | ANY_JSON)
def test_whatever_is_sent_it_is_taken_or_refused_and_never_a_crash(kind, data):
    terms = None
    with suppress(BenefitTermsInvalid, BenefitKindUnsupported):
        terms = terms_of(kind, data)
    if terms is not None:
        assert terms_of(kind, plain(terms)) == terms


def test_every_kind_is_fulfilled_and_one_that_is_not_cannot_be_had(monkeypatch):
    assert set(KINDS) == set(BenefitKind)
    assert {kind for kind, each in KINDS.items() if each.takes_number} == {BenefitKind.TOP_UP}
    monkeypatch.delitem(KINDS, BenefitKind.TOP_UP)
    with pytest.raises(BenefitKindUnsupported):
        fulfiller(BenefitKind.TOP_UP)
    assert {kind for kind, each in KINDS.items() if each.is_redeemed} == {VOUCHER, COUPON}


@pytest.mark.parametrize(("kind", "data"), RIGHT)
def test_a_claim_begins_held_with_its_uses_or_pending_where_others_fulfil_it(kind, data):
    terms, chosen = terms_of(kind, data), fulfiller(kind)
    assert chosen.uses(terms) == data.get("uses", 1)
    assert chosen.first_state(terms) is (ClaimState.PENDING if kind is TOP_UP else ClaimState.ISSUED)


# --- choices


def three(choose=None, **first):
    return PackageTerms((PackagePart("wash", **first), PackagePart("tea"), PackagePart("film")), choose)


@pytest.mark.parametrize(
    ("choose", "choices"),
    [
        (2, ()),
        (2, ("wash",)),
        (2, ("wash", "wash")),
        (2, ("wash", "bread")),
        (2, ("wash", "tea", "film")),
        (None, ("wash",)),
    ],
)
def test_wrong_choices_are_refused(choose, choices):
    with pytest.raises(ChoicesInvalid):
        fulfiller(PACKAGE).check_choices(three(choose), choices)


def test_choices_are_for_packages():
    fulfiller(PACKAGE).check_choices(three(2), ("film", "wash"))
    fulfiller(PACKAGE).check_choices(three(), ())
    for kind, data in RIGHT[:3]:
        fulfiller(kind).check_choices(terms_of(kind, data), ())
        with pytest.raises(ChoicesInvalid):
            fulfiller(kind).check_choices(terms_of(kind, data), ("wash",))


# --- what is due


def due(terms, claim, at=NOON):
    return list(due_parts(terms, claim, at))


def test_all_parts_come_or_those_that_were_chosen():
    everything = due(three(), NewClaim(new_id(), new_id()))
    assert [each.benefit for each in everything] == ["wash", "tea", "film"]
    chosen = due(three(2), NewClaim(new_id(), new_id(), ("film", "wash")))
    assert [each.benefit for each in chosen] == ["wash", "film"]


def test_a_monthly_part_comes_again_next_month_and_once_a_month():
    claim, terms = NewClaim(new_id(), new_id()), three(count=2, per="month")

    def slots(at):
        return {(each.period, each.number) for each in due(terms, claim, at)}

    november, december = slots(NOON), slots(NOON + timedelta(days=10))
    assert slots(NOON + timedelta(days=3)) == november
    assert len(december - november) == 2  # the washes; the rest came once and for all
    midnight = datetime(2026, 11, 30, 16, tzinfo=UTC)  # 00:00 of December in Shanghai
    assert slots(midnight) == december
    assert slots(midnight - timedelta(microseconds=1)) == november


def test_two_packages_of_one_member_share_no_slot_and_slots_fit_their_column():
    member = new_id()
    terms = PackageTerms(tuple(PackagePart(f"b{n}", 2, "day") for n in range(20)))
    one, other = (due(terms, NewClaim(new_id(), member)) for _ in range(2))
    assert not {(each.period, each.number) for each in one} & {(each.period, each.number) for each in other}
    assert len({(each.period, each.number) for each in one}) == 40
    assert max(len(each.period) for each in one) <= 32


# --- codes


@pytest.fixture
def stock(monkeypatch):
    """Free codes of pools; `hold` as the pools have it."""
    free = {}

    async def hold(pool, count, *, now, promised=False):
        return min(count, free[pool])

    async def assign(pool, claim_ids, *, now):
        got = list(claim_ids)[: free[pool]]
        return {claim_id: new_id() for claim_id in got}

    monkeypatch.setattr(code_pools, "hold", hold)
    monkeypatch.setattr(code_pools, "assign", assign)
    return free


async def test_a_code_coupon_has_as_much_room_as_there_are_codes(stock):
    stock["tea"] = 2
    terms, kind = terms_of(CODES, {"pool": "tea"}), fulfiller(CODES)
    assert await kind.room(terms, [()] * 3, now=NOON) == [True, True, False]
    claims = [NewClaim(new_id(), new_id()) for _ in range(3)]
    done = await kind.fulfil(terms, claims, now=NOON)
    assert done.lacking == {claims[2].id}


async def test_a_package_has_room_while_the_codes_of_its_chosen_parts_last(rooms, stock):
    root = await Organization.get(parent=None)
    for code in ("tea", "film"):
        facts = {"code": code, "name": code, "kind": CODES, "terms": {"pool": f"{code}-codes"}}
        await Benefit.create(organization=root, state=BenefitState.POOL, **facts)
    await Benefit.create(organization=root, code="wash", name="洗车", kind=VOUCHER, state=BenefitState.POOL)
    stock.update({"tea-codes": 1, "film-codes": 5})
    async with atomic():
        room = await fulfiller(PACKAGE).room(three(1), [("tea",), ("wash",), ("tea",), ("film",)], now=NOON)
        whole = await fulfiller(PACKAGE).room(three(), [(), ()], now=NOON)
    assert room == [True, True, False, True]
    assert whole == [True, False]


async def test_vouchers_and_packages_are_fulfilled_as_they_are_written():
    claim = NewClaim(new_id(), new_id())
    for kind, data in (RIGHT[0], (COUPON, {"face_value_fen": 1_000})):
        terms = terms_of(kind, data)
        assert await fulfiller(kind).room(terms, [()] * 2, now=NOON) == [True, True]
        assert (await fulfiller(kind).fulfil(terms, [claim], now=NOON)).lacking == frozenset()
    done = await fulfiller(PACKAGE).fulfil(three(), [claim], now=NOON)
    assert {each.package_id for each in done.parts} == {claim.id}
