"""Suppliers as operators keep them: within their subtree, on record, their secret never seen again."""

import pytest
from tortoise.exceptions import IntegrityError, OperationalError

from handlers.errors import (
    BenefitNotReady,
    KeyReused,
    OrganizationUnknown,
    RoleMissing,
    SupplierAddressInvalid,
    SupplierTaken,
    SupplierUnknown,
)
from handlers.fulfillment.suppliers import SupplierChange, SupplierDraft
from handlers.key_rotation import SUPPLIER_SECRET
from models.benefits import Benefit
from models.claims import Claim
from models.database import rows
from models.fulfillments import Fulfillment, FulfillmentAttempt, Supplier
from models.operators import AuditEntry
from models.requests import Request
from models.statements.invariants import CHECKS
from models.words import BenefitKind, BenefitState, ClaimState, FulfillmentAct, FulfillmentState, OperatorRole
from tests.handlers.charging import a_supplier, a_top_up, order_of
from tests.handlers.pooling import country, key, operator_of

SECRET = "the-secret-between-us"
URL = "https://api.supplier.example/v1/"


@pytest.fixture
async def tree(rooms):
    return await country()


async def add(rooms, by, code: str = "yichong", *, request_id: str | None = None, **facts):
    draft = SupplierDraft(**{"code": code, "name": "易充", "api_url": URL, "secret": SECRET, **facts})
    return (await rooms.handlers.suppliers.add(by, draft, request_id=request_id or key())).value


async def test_a_supplier_is_added_once_and_its_secret_is_sealed(rooms, tree):
    made = await add(rooms, tree.root, request_id="k")
    assert (made.code, made.api_url, made.is_paused) == ("yichong", "https://api.supplier.example/v1", False)
    assert await add(rooms, tree.root, request_id="k") == made
    with pytest.raises(KeyReused):
        await add(rooms, tree.root, request_id="k", secret="another-secret-17")
    with pytest.raises(SupplierTaken):
        await add(rooms, tree.root)
    stored = await Supplier.get()
    assert rooms.vault.decrypt(stored.secret_cipher, bound_to=SUPPLIER_SECRET.bound_to(stored.id)) == SECRET
    kept = repr([await AuditEntry.all().values(), await Request.all().values(), await Supplier.all().values(), made])
    assert SECRET not in kept


@pytest.mark.parametrize("url", ["http://api.supplier.example", "https://10.0.0.1", "https://a.example/?x"])
async def test_an_address_within_is_refused_when_added_and_when_changed(rooms, tree, url):
    with pytest.raises(SupplierAddressInvalid):
        await add(rooms, tree.root, api_url=url)
    made = await add(rooms, tree.root)
    with pytest.raises(SupplierAddressInvalid):
        await rooms.handlers.suppliers.change(tree.root, made.id, SupplierChange(api_url=url))
    assert (await Supplier.get()).api_url == "https://api.supplier.example/v1"


async def test_a_change_is_recorded_without_the_secret(rooms, tree):
    made = await add(rooms, tree.root)
    change = SupplierChange(name="快充", secret="the-next-secret-17")
    changed = (await rooms.handlers.suppliers.change(tree.root, made.id, change)).value
    assert (changed.name, changed.api_url) == ("快充", made.api_url)
    stored, entry = await Supplier.get(), await AuditEntry.get(action="supplier.changed")
    assert rooms.vault.decrypt(stored.secret_cipher, bound_to=SUPPLIER_SECRET.bound_to(made.id)) == change.secret
    assert entry.facts["has_new_secret"] is True
    assert "next-secret" not in str(entry.facts)


async def test_what_is_outside_the_subtree_is_absent(rooms, tree):
    made = await add(rooms, tree.north)
    with pytest.raises(OrganizationUnknown):
        await add(rooms, tree.north, "x", organization_id=tree.south.organization_id)
    suppliers = rooms.handlers.suppliers
    for act in (
        suppliers.change(tree.south, made.id, SupplierChange(name="改")),
        suppliers.pause(tree.south, made.id, request_id=key()),
        suppliers.resume(tree.south, made.id, request_id=key()),
    ):
        with pytest.raises(SupplierUnknown):
            await act
    assert await suppliers.listing(tree.south, after=None, limit=10) == ()
    assert await suppliers.listing(tree.province, after=None, limit=10) == (made,)


@pytest.mark.parametrize("role", [OperatorRole.SUPPORT, OperatorRole.FINANCE])
async def test_the_desk_and_finance_have_no_hand_in_suppliers(rooms, tree, role):
    other = operator_of(tree.root.organization_id, role)
    with pytest.raises(RoleMissing):
        await add(rooms, other)


async def test_pausing_twice_is_recorded_once_and_resuming_wakes_what_waited(rooms, tree):
    supplier, offer, person = await a_supplier(rooms), await a_top_up(rooms), await rooms.member()
    answer = await rooms.handlers.claiming.claim(person, offer_id=offer.id, recharge_to="13912345670", request_id="k")
    suppliers = rooms.handlers.suppliers
    for _ in range(2):
        assert (await suppliers.pause(tree.root, supplier.id, reason="对账", request_id=key())).value.is_paused
    order = await order_of(answer.value.claims[0].id)
    await rooms.handlers.top_up_orders.look(order.id)
    assert (await order_of(order.claim_id)).look_at > rooms.clock.now()
    await suppliers.resume(tree.root, supplier.id, request_id=key())
    assert (await order_of(order.claim_id)).look_at == rooms.clock.now()
    assert await AuditEntry.filter(action="supplier.paused").count() == 1


async def test_a_top_up_needs_suppliers_that_are_near(rooms, tree):
    await a_supplier(rooms, "ours")
    await add(rooms, tree.south, "souths")
    terms = {"supplier": "ours", "product": "TEN", "face_value_fen": 1_000}
    facts = {"name": "话费", "kind": BenefitKind.TOP_UP, "organization_id": tree.north.organization_id}
    for second in ("souths", "nobodys"):
        more = {"fallback_supplier": second, "fallback_product": "10"}
        benefit = await Benefit.create(code=f"with-{second}", terms={**terms, **more}, **facts)
        with pytest.raises(BenefitNotReady) as refused:
            await rooms.handlers.benefit_reviews.submit(tree.north, benefit.id, request_id=key())
        assert refused.value.facts == {"missing": "supplier", "name": second}
    benefit = await Benefit.create(code="alone", terms=terms, **facts)
    moved = await rooms.handlers.benefit_reviews.submit(tree.north, benefit.id, request_id=key())
    assert moved.value.state is BenefitState.REVIEW


async def test_a_top_up_is_no_part_of_a_package(rooms, tree):
    await a_supplier(rooms)
    offer = await a_top_up(rooms)
    part = await Benefit.get(id=offer.benefit_id)
    package = await Benefit.create(
        organization_id=tree.root.organization_id,
        code="pack",
        name="礼包",
        kind=BenefitKind.PACKAGE,
        terms={"parts": [{"benefit": part.code, "count": 1, "per": None}], "choose": None},
    )
    with pytest.raises(BenefitNotReady):
        await rooms.handlers.benefit_reviews.submit(tree.root, package.id, request_id=key())


async def test_orders_are_listed_by_state_and_page(rooms, tree):
    supplier, offer = await a_supplier(rooms), await a_top_up(rooms)
    rooms.supplier.does_silently = True
    for number in range(3):
        person = await rooms.member(f"o-{number}")
        await rooms.handlers.claiming.claim(
            person, offer_id=offer.id, recharge_to=f"1391234567{number}", request_id="k"
        )
    first, *others = await Fulfillment.all().order_by("id")
    await rooms.handlers.top_up_orders.look(first.id)
    listing = rooms.handlers.suppliers.orders
    (sent,) = await listing(tree.root, supplier.id, state=FulfillmentState.SENT, after=None, limit=9)
    assert (sent.id, sent.last_reason, sent.look_count, sent.recharge_tail[:3]) == (first.id, "timeout", 1, "567")
    page = await listing(tree.root, supplier.id, state=None, after=first.id, limit=9)
    assert [each.id for each in page] == [each.id for each in others]
    with pytest.raises(SupplierUnknown):
        await listing(tree.south, supplier.id, state=None, after=None, limit=9)


# --- the doctor


async def broken() -> set[str]:
    return {check.what for check in CHECKS if await rows(check.sql)}


@pytest.fixture
async def order(rooms) -> Fulfillment:
    await a_supplier(rooms)
    offer, person = await a_top_up(rooms), await rooms.member()
    answer = await rooms.handlers.claiming.claim(person, offer_id=offer.id, recharge_to="13912345670", request_id="k")
    return await order_of(answer.value.claims[0].id)


PENDING, USED = "等待发放的直充都有进行中的订单，别的没有", "到账的直充都有一笔成功的订单，别的没有"
PATH = "权益的变更记录连成合法的一条路，到当前状态为止"  # the state was changed behind the house's back
ONE, NUMBER = "直充订单一次只有一笔，换供应商才有下一笔", "发出过的直充都记着发往哪个号码"


@pytest.mark.parametrize(
    ("claim", "of_order", "what"),
    [
        ({}, {"state": FulfillmentState.FAILED}, {PENDING}),
        ({"state": ClaimState.REVOKED}, {}, {PENDING, PATH}),
        ({"state": ClaimState.REVOKED}, {"state": FulfillmentState.DONE}, {USED, PATH}),
        ({"state": ClaimState.USED}, {"state": FulfillmentState.FAILED}, {USED, PATH}),
        ({}, {"state": FulfillmentState.REPLACED}, {PENDING, ONE}),
        ({}, {"ordinal": 2}, {ONE}),
        ({"recharge_to_cipher": ""}, {}, {NUMBER}),
    ],
)
async def test_the_doctor_sees_a_claim_and_an_order_that_do_not_fit(order, claim, of_order, what):
    assert await broken() == set()
    if claim:
        await Claim.filter(id=order.claim_id).update(**claim)
    if of_order:
        await Fulfillment.filter(id=order.id).update(**of_order)
    assert await broken() == what


async def test_a_claim_has_one_live_order_and_what_was_said_is_never_changed(order):
    facts = {"claim_id": order.claim_id, "supplier_id": order.supplier_id, "ordinal": 2, "look_at": order.look_at}
    second = {"order_no": "f" * 32, "product": "TEN", "face_value_fen": 1_000}
    with pytest.raises(IntegrityError):
        await Fulfillment.create(**facts, **second)
    said = {"act": FulfillmentAct.ORDER, "result": "unknown", "happened_at": order.look_at}
    attempt = await FulfillmentAttempt.create(fulfillment=order, **said)
    for change in (
        FulfillmentAttempt.filter(id=attempt.id).update(result="done"),
        FulfillmentAttempt.filter(id=attempt.id).delete(),
    ):
        with pytest.raises((IntegrityError, OperationalError)):
            await change
