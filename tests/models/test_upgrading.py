"""A database of an older release, with rows in it, comes to the shape of this one and loses nothing."""

import pytest

from models import database as db
from models import migrating
from models.catalogue import catalogue_differences
from models.database import dialect, rows
from models.organizations import Organization
from models.programmes import Merchant, Store
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
