"""Commissions whose day has come: how many of them a second the worker makes their promoters' own."""

import itertools
import time
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any
from uuid import UUID

from handlers.distribution.money import EARNED
from handlers.rules.ledger import FEN
from handlers.rules.offer_terms import OfferTerms, Price
from models.ids import new_id
from models.sql import as_uuid
from models.words import (
    ClaimState,
    CommissionState,
    LedgerAccountKind,
    OperatorRole,
    OrderState,
    PaymentMethod,
    PromoterState,
)
from tests.bench.beside import analyse, fill, first_members, read, root
from tests.bench.heavy import Heavy
from tests.bench.load import BadAnswers
from tests.bench.pool import Published, Voucher, claim_row, publish
from tests.bench.processes import spawned
from tests.bench.stores import Stores
from tests.bench.town import MEMBERS, town

COMMISSIONS, PER_SECOND, PATIENCE = 100_000, 5_000.0, 300.0
PRICE_FEN, RATE_BP, AMOUNT_FEN = 1_990, 500, 99
AT_ONCE = 10_000
PAUSE = 0.2  # seconds between two looks, each of which reads the whole table
Row = dict[str, Any]
_FOUND = "SELECT count(*) FROM commission WHERE state = 'available'"
_TOLD = """
    SELECT (SELECT count(*) FROM commission WHERE state = 'available') AS commissions,
        (SELECT count(*) FROM transfer WHERE cause_kind = 'commission_released') AS moves,
        (SELECT CAST(sum(posted) AS bigint) / $1 FROM ledger_account WHERE unit = 'fen' AND kind = 'member') AS money
"""


def releasing(stores: Stores, home: Path) -> list[Heavy]:
    """100,000 commissions of as many paid and redeemed orders, of 500 promoters, all of whose day has come."""
    with town(stores, home) as place:
        _seed(stores)
        with spawned(["app", "worker"], home=home, environment=place.environment):
            first = _waited(stores, 1)
            began = time.perf_counter()
            _waited(stores, COMMISSIONS)
            rate = (COMMISSIONS - first) / (time.perf_counter() - began)
    (told,) = read(stores, _TOLD, AMOUNT_FEN)
    if set(map(int, told)) != {COMMISSIONS}:
        raise BadAnswers(f"commissions, moves, money: {told}")
    return [
        Heavy(
            f"releasing {COMMISSIONS:,} commissions, in the worker",
            f"{rate:,.0f}/s",
            f"{PER_SECOND:,.0f}/s",
            rate >= PER_SECOND,
        )
    ]


def _waited(stores: Stores, count: int) -> int:
    """Until so many are available; how many there are then."""
    deadline = time.perf_counter() + PATIENCE
    while time.perf_counter() < deadline:
        ((found,),) = read(stores, _FOUND)
        if found >= count:
            return int(found)
        time.sleep(PAUSE)
    raise BadAnswers(f"the worker did not release {count} commissions")


def _seed(stores: Stores) -> None:
    now, members = datetime.now(UTC), first_members(stores, MEMBERS)
    ((programme,),) = read(stores, "SELECT id FROM programme")
    rule_id, promoters = _rule(stores, as_uuid(programme), now), [(new_id(), each) for each in members]
    facts = {"state": PromoterState.ACTIVE.value, "grade": "", "applied_at": now, "decided_at": now, "reason": ""}
    fill(stores, "promoter", ({"id": key, "member_id": member, **facts} for key, member in promoters), at=now)
    income_id, pending = _accounts(stores, as_uuid(programme), members, now)
    accounts = {promoter_id: pending[member_id] for promoter_id, member_id in promoters}
    (offer,) = publish(stores, [Voucher(OfferTerms(price=Price(fen=PRICE_FEN)))])
    made = _sales(offer, members, promoters, rule_id, now)
    while some := list(itertools.islice(made, AT_ONCE)):
        for place, table in enumerate(("sales_order", "claim", "order_claim", "commission")):
            fill(stores, table, (each[place] for each in some), at=now)
        earned = (_earned(as_uuid(programme), income_id, accounts, each[3]) for each in some)
        fill(stores, "transfer", earned, at=now)
    analyse(stores)


def _rule(stores: Stores, programme: UUID, now: datetime) -> UUID:
    operator_id, rule_id = new_id(), new_id()
    who = {"organization_id": root(stores), "login": "bench-rules", "role": OperatorRole.ADMIN.value}
    secret = {"password_hash": "", "totp_cipher": "", "last_totp_step": 1, "is_active": True}
    fill(stores, "operator", [{"id": operator_id, **who, **secret}], at=now)
    rule = {"id": rule_id, "programme_id": programme, "number": 1, "level_count": 1, "window_days": 30}
    rule |= {"protection_days": 30, "hold_days": 0, "freeze_days": 0, "cap_bp": 1_000, "terms": {}}
    fill(stores, "commission_rule", [{**rule, "published_by_id": operator_id, "published_at": now}], at=now)
    return rule_id


def _accounts(stores: Stores, programme: UUID, members: list[UUID], now: datetime) -> tuple[UUID, dict[UUID, UUID]]:
    """What each has pending, as it was earned: the account that it came from, and that of each member."""
    theirs = AMOUNT_FEN * COMMISSIONS // len(members)
    kept = {"programme_id": programme, "unit": FEN, "has_lots": False}
    income = {"id": new_id(), **kept, "kind": LedgerAccountKind.INCOME.value}
    pending = {**kept, "kind": LedgerAccountKind.PENDING.value, "posted": theirs, "held": 0, "floor": 0}
    accounts = {member_id: new_id() for member_id in members}
    fill(stores, "ledger_account", [income], at=now)
    rows = ({"id": account_id, "member_id": member_id, **pending} for member_id, account_id in accounts.items())
    fill(stores, "ledger_account", rows, at=now)
    return income["id"], accounts


def _earned(programme: UUID, income_id: UUID, accounts: dict[UUID, UUID], commission: Row) -> Row:
    return {
        "programme_id": programme,
        "unit": FEN,
        "debit_id": income_id,
        "credit_id": accounts[commission["promoter_id"]],
        "amount": AMOUNT_FEN,
        "cause_kind": EARNED,
        "cause_id": str(commission["id"]),
        "leg": 0,
        "happened_at": commission["earned_at"],
    }


def _sales(
    offer: Published, members: list[UUID], promoters: list[tuple[UUID, UUID]], rule_id: UUID, now: datetime
) -> Iterator[tuple[Row, Row, Row, Row]]:
    """For each an order, its claim, what ties them, and the commission."""
    before = now - timedelta(days=10)
    for number in range(COMMISSIONS):
        order_id, buyer = new_id(), members[(number + 1) % len(members)]
        claim = claim_row(offer, buyer, at=before, state=ClaimState.USED, uses_left=0)
        order = {
            "id": order_id,
            "member_id": buyer,
            "offer_id": offer.id,
            "offer_version": 1,
            "title": "洗车券",
            "quantity": 1,
            "choices": [],
            "recharge_to_cipher": "",
            "recharge_to_tail": "",
            "price_fen": PRICE_FEN,
            "price_points": 0,
            "amount_fen": PRICE_FEN,
            "refunded_fen": 0,
            "state": OrderState.PAID.value,
            "method": PaymentMethod.WECHAT.value,
            "number": order_id.hex,
            "app_id": "wx",
            "mch_id": "1900009191",
            "payer_hash": "",
            "prepay_id": "wx",
            "transaction_id": order_id.hex,
            "stock_buckets": "",
            "ordered_at": before,
            "expires_at": before,
            "paid_at": before,
            "look_count": 0,
        }
        tie = {"order_id": order_id, "claim_id": claim["id"], "amount_fen": PRICE_FEN}
        commission = {
            "id": new_id(),
            "order_id": order_id,
            "level": 1,
            "promoter_id": promoters[number % len(promoters)][0],
            "rule_id": rule_id,
            "base_fen": PRICE_FEN,
            "rate_bp": RATE_BP,
            "amount_fen": AMOUNT_FEN,
            "back_fen": 0,
            "state": CommissionState.FROZEN.value,
            "earned_at": before,
            "frozen_until": now,
            "due_at": now,
        }
        yield order, claim, tie, commission
