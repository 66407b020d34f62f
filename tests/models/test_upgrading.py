"""A database of an older release, with rows in it, comes to the shape of this one and loses nothing."""

from datetime import UTC, date, datetime
from uuid import UUID

import pytest
from tortoise.exceptions import IntegrityError, OperationalError

from gateways.clock import SystemClock
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.settlement import SettledEntry, stated
from handlers.rules.settlement_parts import told
from handlers.settlement.statement_closing import StatementClosing
from handlers.settlement.statement_proofs import differing_statements
from models import database as db
from models import migrating
from models.catalogue import catalogue_differences
from models.database import dialect, rows
from models.ledger import Transfer
from models.organizations import Organization
from models.programmes import Merchant, Store
from models.settlement import SettlementEntry, SettlementPart, SettlementStatement, ShareEntry
from models.sql import dump_json
from models.statements.invariants import CHECKS
from models.words import EntryKind, MerchantTier, OrganizationKind

AT = "2026-01-01 00:00:00.000000+00:00"


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


async def put(table: str, row_id: str, **values: object) -> None:
    """A row as the release of then wrote it."""
    columns = ", ".join(("id", "created_at", *values))
    told = ", ".join(f"'{each}'" if isinstance(each, str) else str(each) for each in (row_id, AT, *values.values()))
    await rows(f"INSERT INTO {table} ({columns}) VALUES ({told})")


async def test_statements_that_nobody_confirmed_before_are_booked_as_those_that_are_closed_now(older):
    await older(57)
    root, main, shop, owed, less, even, told = (f"01900000-0000-7000-8000-{digit:012d}" for digit in range(7))

    await put("organization", root, code="root", name="根", kind="operator")
    await put("programme", main, organization_id=root, code="main", name="会员")
    kinds = {"tier": "ordinary", "access": "own_voucher", "category": "", "operator_share_bp": 10_000}
    await put("merchant", shop, organization_id=root, code="books", name="书店", **kinds, is_active="true")
    zero = {f"{what}_{name}": 0 for what in ("redeemed", "reversed") for name in ("count", "fen", "merchant_fen")}
    for day, (statement, given, back) in enumerate([(owed, 700, 0), (less, 100, 350), (even, 5, 5), (told, 900, 0)], 1):
        facts = {"business_on": f"2026-01-0{day}", "ends_at": AT, "closed_at": AT, "late_count": 0, "hash": "0" * 64}
        money = {"redeemed_operator_fen": given, "reversed_operator_fen": back}
        await put("settlement_statement", statement, merchant_id=shop, **facts, **zero, **money, sums="[]")
    cost, merchants, booked = (f"01900000-0000-7000-8000-{digit:012d}" for digit in range(7, 10))
    for account, kind in ((cost, "cost"), (merchants, "merchants")):
        await put("ledger_account", account, programme_id=main, unit="fen", kind=kind, has_lots="false")
    ways = {"debit_id": cost, "credit_id": merchants, "amount": 900, "leg": 0, "happened_at": AT}
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


async def test_a_statement_of_before_there_were_parts_has_one_and_keeps_its_hash(older):
    await older(65)
    names = ("root", "main", "shop", "counter", "ming", "clerk", "coffee", "offer", "claim", "one", "two", "told")
    ids = {name: f"01900000-0000-7000-8000-{number:012d}" for number, name in enumerate(names)}
    root, shop, at = ids["root"], ids["shop"], AT
    await put("organization", root, code="root", name="根", kind="operator")
    await put("programme", ids["main"], organization_id=root, code="main", name="会员")
    kinds = {"tier": "ordinary", "access": "own_voucher", "category": "", "operator_share_bp": 10_000}
    await put("merchant", shop, organization_id=root, code="books", name="书店", **kinds, is_active="true")
    place = {"code": "s", "name": "店", "address": "", "zone": "Asia/Shanghai", "hours": "[]"}
    await put("store", ids["counter"], merchant_id=shop, **place, is_active="true")
    await put("member", ids["ming"], ordinal=1, status="known", profile_cipher="", phone_tail="")
    who = {"member_id": ids["ming"], "merchant_id": shop, "name": "店员", "pin_hash": "", "role": "clerk"}
    await put("clerk", ids["clerk"], **who, store_id=ids["counter"])
    said = {"code": "c", "name": "咖啡", "kind": "voucher", "category": "", "description": "", "review_note": ""}
    money = {"operator_share_bp": 10_000, "settlement_price_fen": 700, "terms": "{}", "state": "draft"}
    flags = {"is_offline_allowed": "false", "is_paused": "false"}
    await put("benefit", ids["coffee"], organization_id=root, merchant_id=shop, **said, **money, **flags)
    sold = {"benefit_id": ids["coffee"], "code": "o", "keyword": "", "state": "draft", "terms": "{}", "version": 0}
    await put("offer", ids["offer"], organization_id=root, **sold)
    uses = {"uses_left": 0, "uses_total": 2, "state": "used", "source": "claimed", "valid_from": at, "claimed_at": at}
    what = {"benefit_id": ids["coffee"], "offer_id": ids["offer"], "offer_version": 0, "member_id": ids["ming"]}
    code = {"code_hash": "x", "code_version": 0, "price_fen": 0, "price_points": 0, "stock_buckets": ""}
    await put(
        "claim", ids["claim"], **uses, **what, **code, recharge_to_cipher="", recharge_to_tail="", is_returned="false"
    )
    for receipt in ("one", "two"):
        used = {"kind": "redeem", "claim_id": ids["claim"], "benefit_id": ids["coffee"], "clerk_id": ids["clerk"]}
        shares = {"settlement_fen": 700, "operator_share_fen": 700, "merchant_share_fen": 0, "uses": 1, "reason": ""}
        where = {"merchant_id": shop, "store_id": ids["counter"], "device_id": "d", "mode": "online"}
        await put("redemption", ids[receipt], **used, **shares, **where, receipt=receipt, redeemed_at=at)
    each = SettledEntry(
        UUID(ids["one"]),
        EntryKind.REDEEM,
        None,
        UUID(ids["coffee"]),
        UUID(ids["counter"]),
        1,
        700,
        700,
        0,
        *[datetime.fromisoformat(AT)] * 2,
    )
    made = stated(UUID(shop), date(2026, 1, 1), [each], BUSINESS_ZONE)
    facts = {"business_on": "2026-01-01", "ends_at": "2026-01-01 16:00:00.000000+00:00", "closed_at": at}
    zero = {f"reversed_{name}": 0 for name in ("count", "fen", "operator_fen", "merchant_fen", "fee_fen")}
    given = {"redeemed_count": 1, "redeemed_fen": 700, "redeemed_operator_fen": 700, "redeemed_merchant_fen": 0}
    sums = dump_json(told(made.sums))
    more = {"late_count": 0, "redeemed_fee_fen": 0, "sums": sums, "hash": made.hash}
    await put("settlement_statement", ids["told"], merchant_id=shop, **facts, **zero, **given, **more)
    await rows(f"UPDATE settlement_entry SET statement_id = '{ids['told']}' WHERE id = '{ids['one']}'")

    await db.migrate()

    assert await catalogue_differences() == []
    part = await SettlementPart.get()
    assert (part.id, part.statement_id, part.entry_count, part.hash) == (*[UUID(ids["told"])] * 2, 1, made.hash)
    assert part.begins_at == datetime(2025, 12, 31, 16, tzinfo=UTC)
    assert dict(await SettlementEntry.all().values_list("id", "part_id")) == {
        UUID(ids["one"]): part.id,
        UUID(ids["two"]): None,
    }
    assert await differing_statements() == []
    for again in (f"part_id = '{part.id}', happened_at = '{AT[:-13]}1.000000+00:00'", "part_id = NULL"):
        with pytest.raises((IntegrityError, OperationalError)):
            await rows(f"UPDATE settlement_entry SET {again}")
    await StatementClosing(SystemClock()).up_to(UUID(shop), date(2026, 1, 2))
    assert [each.redeemed_count for each in await SettlementStatement.all().order_by("business_on")] == [1, 1]
    assert await differing_statements() == []


async def test_what_merchants_got_of_plans_before_it_was_settled_comes_with_their_next_statement(older):
    await older(66)
    names = ("root", "main", "shop", "ming", "plan", "version", "share", "order", "of", "given", "back", "told", "part")
    ids = {name: f"01900000-0000-7000-8000-{number:012d}" for number, name in enumerate(names)}
    root, shop, at = ids["root"], ids["shop"], AT
    await put("organization", root, code="root", name="根", kind="operator")
    await put("programme", ids["main"], organization_id=root, code="main", name="会员")
    kinds = {"tier": "ordinary", "access": "own_voucher", "category": "", "operator_share_bp": 10_000}
    await put("merchant", shop, organization_id=root, code="books", name="书店", **kinds, is_active="true")
    await put("member", ids["ming"], ordinal=1, status="known", profile_cipher="", phone_tail="")
    sold = {"programme_id": ids["main"], "code": "fused", "state": "published", "version": 1}
    await put("membership_plan", ids["plan"], **sold, terms='{"name": "联合月卡"}')
    of_plan = {"plan_id": ids["plan"], "number": 1, "published_at": at, "terms": '{"name": "联合月卡"}'}
    await put("membership_plan_version", ids["version"], **of_plan)
    await put("plan_share", ids["share"], version_id=ids["version"], merchant_id=shop, share_bp=5_000)
    money = {"amount_fen": 999, "price_fen": 999, "price_points": 0, "quantity": 1, "refunded_fen": 500}
    texts = {"app_id": "", "mch_id": "", "payer_hash": "", "prepay_id": "", "recharge_to_cipher": "", "title": "月卡"}
    more = {"choices": "[]", "offer_version": 0, "look_count": 0, "recharge_to_tail": "", "stock_buckets": ""}
    when = {"ordered_at": at, "expires_at": at, "member_id": ids["ming"], "method": "wechat", "number": "n1"}
    await put("sales_order", ids["order"], **money, **texts, **more, **when, state="paid")
    way = {"day_count": 31, "expected_sequence": 0, "level": "gold", "way": "extend", "plan_version": 1}
    await put("plan_order", ids["of"], order_id=ids["order"], plan_id=ids["plan"], **way)
    share = {"order_id": ids["order"], "merchant_id": shop, "base_fen": 999, "share_bp": 5_000, "happened_at": at}
    await put("plan_share_entry", ids["given"], **share, amount_fen=499, back_fen=250)
    await put("plan_share_entry", ids["back"], **share, amount_fen=-250, back_fen=0, reverses_id=ids["given"])
    facts = {"ends_at": "2026-01-01 16:00:00.000000+00:00", "closed_at": at, "late_count": 0, "sums": "[]"}
    zero = {
        f"{what}_{name}": 0
        for what in ("redeemed", "reversed")
        for name in ("count", "fen", "operator_fen", "merchant_fen", "fee_fen")
    }
    for day, (statement, made) in enumerate([("told", "told"), ("part", "part")], 1):
        facts["business_on"] = f"2026-01-0{day}"
        empty = stated(UUID(shop), date(2026, 1, day), [], BUSINESS_ZONE)
        await put("settlement_statement", ids[statement], merchant_id=shop, **facts, **zero, hash=empty.hash)
        held = {"business_on": facts["business_on"], "begins_at": at, "entry_count": 0, "sums": "[]"}
        await put("settlement_part", ids[made], merchant_id=shop, statement_id=ids[statement], **held, hash=empty.hash)

    await db.migrate()

    assert await catalogue_differences() == []
    assert dict(await ShareEntry.all().values_list("id", "part_id")) == {
        UUID(ids["given"]): None,
        UUID(ids["back"]): None,
    }
    wrong = [check.what for check in CHECKS if await rows(check.sql)]
    assert [each for each in wrong if "漏结" in each or "结算记录" in each] == []  # it waits for no statement of before
    assert await differing_statements() == []
    await StatementClosing(SystemClock()).up_to(UUID(shop), date(2026, 1, 3))
    made = await SettlementStatement.get(business_on="2026-01-03")
    assert (made.redeemed_operator_fen, made.reversed_operator_fen, made.late_count) == (499, 250, 2)
    assert await differing_statements() == []
