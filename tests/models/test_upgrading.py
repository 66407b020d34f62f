"""A database of an older release, with rows in it, comes to the shape of this one and loses nothing."""

import pytest

from models import database as db
from models import migrating
from models.catalogue import catalogue_differences
from models.database import dialect, rows
from models.ledger import Transfer
from models.organizations import Organization
from models.programmes import Merchant, Store
from models.settlement import SettlementStatement
from models.statements.invariants import CHECKS
from models.words import MerchantTier, OrganizationKind


@pytest.fixture
async def older(database_url, tmp_path, monkeypatch):
    """An empty database, and how to bring it to an older shape: up to a migration's number."""
    if database_url.startswith("sqlite"):
        await db.connect(f"sqlite://{tmp_path / 'older.db'}")
    else:
        await db.connect(database_url)
        await db.script("DROP SCHEMA public CASCADE; CREATE SCHEMA public")
    every = migrating.names()

    async def up_to(number: int) -> None:
        with monkeypatch.context() as patch:
            patch.setattr(migrating, "names", lambda _=migrating.PACKAGE: every[:number])
            await db.migrate()

    yield up_to
    await db.disconnect()


async def test_organizations_merchants_and_stores_of_before_benefits_are_kept(older):
    await older(6)
    root, city, merchant, store = (f"01900000-0000-7000-8000-00000000000{digit}" for digit in range(4))

    def quoted(row_id: str | None) -> str:
        return "NULL" if row_id is None else f"CAST('{row_id}' AS uuid)" if dialect() == "postgres" else f"'{row_id}'"

    for table, row_id, parent, value in (
        ("organization", root, "parent_id", None),
        ("organization", city, "parent_id", root),
        ("merchant", merchant, "organization_id", root),
        ("store", store, "merchant_id", merchant),
    ):
        await rows(
            f"INSERT INTO {table} (id, created_at, {parent}, code, name)"
            f" VALUES ({quoted(row_id)}, '2026-01-01 00:00:00.000000+00:00', {quoted(value)}, '{row_id[-4:]}', '名')"
        )

    await db.migrate()

    assert await catalogue_differences() == []
    kinds = dict(await Organization.all().values_list("code", "kind"))
    assert kinds == {root[-4:]: OrganizationKind.OPERATOR, city[-4:]: OrganizationKind.CITY}
    kept = await Merchant.get(id=merchant)
    assert (kept.tier, kept.is_active, kept.operator_share_bp) == (MerchantTier.ORDINARY, True, 10_000)
    shop = await Store.get(id=store)
    assert (shop.zone, shop.hours, shop.is_active, shop.latitude_e6) == ("Asia/Shanghai", [], True, None)
    assert str(shop.merchant_id) == merchant


async def test_statements_that_nobody_confirmed_before_are_booked_as_those_that_are_closed_now(older):
    await older(57)
    at = "2026-01-01 00:00:00.000000+00:00"
    root, main, shop, owed, less, even, told = (f"01900000-0000-7000-8000-{digit:012d}" for digit in range(7))

    async def put(table: str, row_id: str, **values: object) -> None:
        columns = ", ".join(("id", "created_at", *values))
        told = ", ".join(f"'{each}'" if isinstance(each, str) else str(each) for each in (row_id, at, *values.values()))
        await rows(f"INSERT INTO {table} ({columns}) VALUES ({told})")

    await put("organization", root, code="root", name="根", kind="operator")
    await put("programme", main, organization_id=root, code="main", name="会员")
    kinds = {"tier": "ordinary", "access": "own_voucher", "category": "", "operator_share_bp": 10_000}
    await put("merchant", shop, organization_id=root, code="books", name="书店", **kinds, is_active="true")
    zero = {f"{what}_{name}": 0 for what in ("redeemed", "reversed") for name in ("count", "fen", "merchant_fen")}
    for day, (statement, given, back) in enumerate([(owed, 700, 0), (less, 100, 350), (even, 5, 5), (told, 900, 0)], 1):
        facts = {"business_on": f"2026-01-0{day}", "ends_at": at, "closed_at": at, "late_count": 0, "hash": "0" * 64}
        money = {"redeemed_operator_fen": given, "reversed_operator_fen": back}
        await put("settlement_statement", statement, merchant_id=shop, **facts, **zero, **money, sums="[]")
    cost, merchants, booked = (f"01900000-0000-7000-8000-{digit:012d}" for digit in range(7, 10))
    for account, kind in ((cost, "cost"), (merchants, "merchants")):
        await put("ledger_account", account, programme_id=main, unit="fen", kind=kind, has_lots="false")
    ways = {"debit_id": cost, "credit_id": merchants, "amount": 900, "leg": 0, "happened_at": at}
    await put("transfer", booked, programme_id=main, unit="fen", cause_kind="statement", cause_id=told, **ways)

    await db.migrate()

    assert await catalogue_differences() == []
    found = {
        each.cause_id: (str(each.debit_id), str(each.credit_id), each.amount)
        for each in await Transfer.filter(cause_kind="statement")
    }
    assert found == {
        owed: (cost, merchants, 700),
        less: (merchants, cost, 250),
        told: (cost, merchants, 900),
    }
    wrong = [check.what for check in CHECKS if await rows(check.sql)]
    assert [each for each in wrong if "账" in each and "结算单" in each] == []
    kept = await SettlementStatement.get(id=owed)
    assert (kept.from_on, kept.redeemed_fee_fen, kept.redeemed_operator_fen) == (None, 0, 700)
