"""Points: spent by members who are as many as the requests, and earned by what tills tell of over the signed door."""

import contextlib
import itertools
from collections.abc import Iterator
from datetime import UTC, datetime
from uuid import UUID, uuid4

import orjson

from handlers.key_rotation import CHANNEL_KEY
from handlers.rules.ledger import POINTS
from handlers.rules.offer_terms import OfferTerms, Price
from models.ids import new_id
from models.sql import as_uuid
from models.words import LedgerAccountKind, PurchaseRuleKind
from tests.bench.beside import analyse, fill, first_members, read, root
from tests.bench.claiming import crowd, press
from tests.bench.figures import Subject, Supply
from tests.bench.load import CONNECTIONS, BadAnswers, Line, Load, Overran
from tests.bench.pool import Voucher, publish
from tests.bench.seeding import vault
from tests.bench.stores import Stores
from tests.bench.town import MEMBERS, Town
from tests.handlers.tilling import SECRET, signed_headers

OFFERS, PRICE, OPENING = 64, 10, 100_000  # offers at a price each; what everybody has to begin with
CHANNELS = 32
TARGET = "/api/v1/channel/purchases"
_SPENT = """
    SELECT (SELECT count(*) FROM claim WHERE price_points > 0) AS claims,
        (SELECT count(*) FROM transfer WHERE cause_kind = 'claim') AS paid,
        (SELECT count(DISTINCT u.transfer_id) FROM ledger_lot_use u JOIN transfer t ON t.id = u.transfer_id
            WHERE t.cause_kind = 'claim') AS taken
"""
_BOUGHT = """
    SELECT (SELECT count(*) FROM purchase WHERE credited_at IS NOT NULL) AS purchases,
        (SELECT count(*) FROM purchase_earning WHERE unit = 'points' AND amount = 123) AS earned,
        (SELECT count(*) FROM channel_nonce) AS calls
"""


@contextlib.contextmanager
def spend(town: Town) -> Iterator[Subject]:
    """POST /offers/{id}/claims at a price in points, each by another member, of 64 offers in turn."""
    supply, feed = Supply(), town.home / "spends.tsv"
    supply.seen(Load(500, 1.0, 0.0, 0.0))
    sent = most = 0

    def load(seconds: int) -> Load:
        nonlocal sent, most
        people = crowd(town, supply.count(seconds))
        _credit(town.stores)
        offers = publish(town.stores, [Voucher(OfferTerms(price=Price(points=PRICE))) for _ in range(OFFERS)])
        turns = itertools.cycle(offers)
        try:
            lines = (press(next(turns).id, token) for token in people)
            found = supply.send(town.server.url, feed, lines, seconds=seconds)
        except Overran:
            most += len(people)
            raise
        sent += found.requests
        most += found.requests + CONNECTIONS
        return found

    yield Subject("POST", len(press(UUID(int=0), "").body), 420, town.server, load)
    _add_up(town.stores, _SPENT, sent, most)


@contextlib.contextmanager
def purchase(town: Town) -> Iterator[Subject]:
    """POST /channel/purchases by 32 channels in turn, each signed; the buyers are the members of the town in turn."""
    supply, feed = Supply(), town.home / "purchases.tsv"
    supply.seen(Load(500, 1.0, 0.0, 0.0))
    channels, buyers = itertools.cycle(_channels(town.stores)), itertools.cycle(first_members(town.stores, MEMBERS))
    sent = most = 0

    def load(seconds: int) -> Load:
        nonlocal sent, most
        now, count = datetime.now(UTC), supply.count(seconds)
        try:
            lines = (_order(next(channels), next(buyers), now) for _ in range(count))
            found = supply.send(town.server.url, feed, lines, seconds=seconds)
        except Overran:
            most += count
            raise
        sent += found.requests
        most += found.requests + CONNECTIONS
        return found

    sample = _order("till", UUID(int=0), datetime.now(UTC))
    yield Subject("POST", len(sample.body), 260, town.server, load, lambda _: analyse(town.stores))
    _add_up(town.stores, _BOUGHT, sent, most)


def _add_up(stores: Stores, told_by: str, sent: int, most: int) -> None:
    (told,) = read(stores, told_by)
    if len(set(map(int, told))) != 1 or not sent <= told[0] <= most:
        raise BadAnswers(f"{sent} were answered, {most} at most were sent; {told_by.split()[::7]}: {told}")


def _programme(stores: Stores) -> UUID:
    ((found,),) = read(stores, "SELECT id FROM programme")
    return as_uuid(found)


def _credit(stores: Stores) -> None:
    """Points for every member who has none yet, as earned: an account, a transfer, a lot."""
    now, programme = datetime.now(UTC), _programme(stores)
    poor = read(
        stores,
        "SELECT m.id FROM member m WHERE m.joined_at IS NOT NULL AND NOT EXISTS ("
        "SELECT 1 FROM ledger_account a WHERE a.member_id = m.id AND a.unit = 'points' AND a.kind = 'member')",
    )
    kept = {"programme_id": programme, "unit": POINTS, "has_lots": True}
    issued = read(stores, "SELECT id FROM ledger_account WHERE kind = 'issued' AND unit = 'points'")
    issued_id = as_uuid(issued[0][0]) if issued else new_id()
    own = {"has_lots": False, "member_id": None, "posted": None, "held": None, "floor": None}
    if not issued:
        fill(
            stores, "ledger_account", [{"id": issued_id, **kept, "kind": LedgerAccountKind.ISSUED.value, **own}], at=now
        )
    theirs = [(new_id(), new_id(), as_uuid(member_id)) for (member_id,) in poor]
    balance = {"kind": LedgerAccountKind.MEMBER.value, "posted": OPENING, "held": 0, "floor": 0}
    fill(stores, "ledger_account", ({"id": a, **kept, "member_id": m, **balance} for a, _, m in theirs), at=now)
    facts = {"programme_id": programme, "unit": POINTS, "amount": OPENING, "cause_kind": "bench", "leg": 0}
    moves = (
        {"id": t, **facts, "debit_id": issued_id, "credit_id": a, "cause_id": str(t), "happened_at": now}
        for a, t, _ in theirs
    )
    fill(stores, "transfer", moves, at=now)
    amounts = {"amount": OPENING, "left_amount": OPENING}
    lots = ({"account_id": a, "transfer_id": t, "origin_id": t, **amounts} for a, t, _ in theirs)
    fill(stores, "ledger_lot", lots, at=now)


def _channels(stores: Stores) -> list[str]:
    """Tills of the root's, and what a purchase earns: a point a yuan, at once. Their codes."""
    now, above, ours, keys = datetime.now(UTC), root(stores), _programme(stores), vault()
    rows = []
    for number in range(CHANNELS):
        channel_id = new_id()
        cipher = keys.encrypt(SECRET, bound_to=CHANNEL_KEY.bound_to(channel_id))
        told = {"code": f"till-{number}", "name": "收银台", "key_cipher": cipher, "previous_key_cipher": ""}
        rows.append({"id": channel_id, "organization_id": above, **told, "is_active": True})
    fill(stores, "channel", rows, at=now)
    earning = {"code": "purchase", "name": "消费", "pending_days": 0, "cap_period": "day", "is_active": True}
    fill(stores, "earning_rule", [{"programme_id": ours, **earning}], at=now)
    rate = {"unit": POINTS, "kind": PurchaseRuleKind.RATE.value, "level": "", "category": "", "factor_bp": 10_000}
    fill(
        stores,
        "purchase_rule",
        [{"programme_id": ours, "code": "base", "name": "消费", **rate, "is_active": True}],
        at=now,
    )
    return [each["code"] for each in rows]


def _order(channel: str, buyer: UUID, now: datetime) -> Line:
    order_no = uuid4().hex
    told = {"order_no": order_no, "amount_fen": 12_345, "paid_at": now.isoformat()}
    told |= {"lines": [{"category": "coffee", "amount_fen": 12_345}]}
    body = orjson.dumps({**told, "buyer": {"namespace": "member", "value": str(buyer)}})
    signed = signed_headers(channel, SECRET, "POST", TARGET, body, at=now, nonce=order_no)
    return Line(TARGET, body=body.decode(), key=order_no, headers=signed)
