"""Clerks at many counters at once: each request redeems another claim by its typed code."""

import contextlib
import itertools
import secrets
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any
from uuid import UUID, uuid4

import orjson

from handlers.identity.sessions import hash_token
from handlers.rules.offer_terms import OfferTerms
from models.ids import new_id
from models.words import ClerkRole, MerchantAccess, MerchantTier
from tests.bench.beside import analyse, fill, first_members, read, root
from tests.bench.figures import Subject, Supply
from tests.bench.load import CONNECTIONS, BadAnswers, Line, Load, Overran
from tests.bench.pool import Published, Voucher, claim_row, code_of, publish
from tests.bench.seeding import LASTS
from tests.bench.stores import Stores
from tests.bench.town import MEMBERS, Town

MERCHANTS, STORES, CLERKS = 4, 4, 4  # stores of each merchant, clerks of each store
USES = 2  # of a claim, so that none is at its end
_TOLD = """
    SELECT (SELECT count(*) FROM redemption) AS redemptions,
        (SELECT count(DISTINCT claim_id) FROM redemption) AS claims,
        (SELECT sum(uses) FROM redemption) AS uses,
        (SELECT sum(c.uses_total - c.uses_left) FROM claim c
            WHERE EXISTS (SELECT 1 FROM redemption r WHERE r.claim_id = c.id)) AS taken,
        (SELECT count(*) FROM redemption_attempt WHERE outcome = 'ok') AS attempts,
        (SELECT count(*) FROM request WHERE operation LIKE 'redeem:%') AS requests,
        (SELECT count(*) FROM job WHERE kind = 'say_redeemed') AS jobs
"""


@dataclass(frozen=True)
class Counter:
    """A clerk who is signed in at a store's own device, and what that merchant redeems."""

    token: str
    device_id: str
    of: Published


@contextlib.contextmanager
def redeem(town: Town) -> Iterator[Subject]:
    """POST /clerk/redemptions by 64 clerks of 16 stores in turn, each on a device of their own."""
    supply, feed = Supply(), town.home / "redemptions.tsv"
    supply.seen(Load(500, 1.0, 0.0, 0.0))
    people = first_members(town.stores, MEMBERS)
    clerks = MERCHANTS * STORES * CLERKS
    counters, holders = _counters(town.stores, people[:clerks]), people[clerks:]
    sent = most = 0

    def load(seconds: int) -> Load:
        nonlocal sent, most
        lines = _scans(town.stores, counters, holders, supply.count(seconds))
        try:
            found = supply.send(town.server.url, feed, lines, seconds=seconds)
        except Overran:
            most += len(lines)  # nobody counted the answers
            raise
        sent += found.requests
        most += found.requests + CONNECTIONS  # those that were under way at the end may have been done
        return found

    sample = _scan(counters[0], "0" * 13)
    yield Subject("POST", len(sample.body), 500, town.server, load, lambda _: analyse(town.stores))
    (told,) = read(town.stores, _TOLD)
    if len(set(map(int, told))) != 1 or not sent <= told[0] <= most:
        raise BadAnswers(
            f"{sent} redemptions were answered, {most} at most were sent; "
            f"redemptions, claims, uses, uses taken, attempts, requests, jobs: {told}"
        )


def _counters(stores: Stores, clerks: list[UUID]) -> list[Counter]:
    """Merchants with stores and clerks, and one voucher of each merchant."""
    now, above, people = datetime.now(UTC), root(stores), iter(clerks)
    merchants = [merchant_row(above) for _ in range(MERCHANTS)]
    fill(stores, "merchant", merchants, at=now)
    shops = [store_row(merchant["id"], number) for merchant in merchants for number in range(STORES)]
    fill(stores, "store", shops, at=now)
    staff = [clerk_row(shop, next(people)) for shop in shops for _ in range(CLERKS)]
    fill(stores, "clerk", staff, at=now)
    tokens = [secrets.token_urlsafe(32) for _ in staff]
    sessions = (
        {"clerk_id": clerk["id"], "token_hash": hash_token(token), "expires_at": now + LASTS}
        for clerk, token in zip(staff, tokens, strict=True)
    )
    fill(stores, "clerk_session", sessions, at=now)
    terms = OfferTerms()
    vouchers = [
        Voucher(terms, merchant_id=merchant["id"], uses=USES, settlement_fen=2_500, category="汽车")
        for merchant in merchants
    ]
    offered = {of.voucher.merchant_id: of for of in publish(stores, vouchers)}
    counters = [
        Counter(token, f"till-{number:03d}", offered[clerk["merchant_id"]])
        for number, (clerk, token) in enumerate(zip(staff, tokens, strict=True))
    ]
    # Neighbours in the feed are of different merchants and stores.
    return [counters[at] for step in range(STORES * CLERKS) for at in range(step, len(counters), STORES * CLERKS)]


def _scans(stores: Stores, counters: list[Counter], holders: list[UUID], count: int) -> list[Line]:
    """So many new claims, each in the hands of the next member, and a scan of each at the next counter."""
    now = datetime.now(UTC)
    pairs = zip(itertools.cycle(counters), itertools.cycle(holders), range(count), strict=False)
    made = [(counter, claim_row(counter.of, holder, at=now)) for counter, holder, _ in pairs]
    fill(stores, "claim", (claim for _, claim in made), at=now)
    return [_scan(counter, code_of(claim["id"])) for counter, claim in made]


def _scan(counter: Counter, code: str) -> Line:
    body = orjson.dumps({"codes": [{"code": code}], "device_id": counter.device_id}).decode()
    return Line("/api/v1/clerk/redemptions", counter.token, body, str(uuid4()))


def merchant_row(above: UUID) -> dict[str, Any]:
    merchant_id = new_id()
    return {
        "id": merchant_id,
        "organization_id": above,
        "code": f"b-{merchant_id.hex[-20:]}",
        "name": "江南洗车",
        "tier": MerchantTier.ORDINARY.value,
        "access": MerchantAccess.OWN_VOUCHER.value,
        "category": "汽车",
        "operator_share_bp": 6_000,
        "is_active": True,
    }


def store_row(merchant_id: UUID, number: int) -> dict[str, Any]:
    store_id = new_id()
    told = {"code": f"b-{store_id.hex[-20:]}", "name": f"江南洗车{number + 1}店", "address": ""}
    return {"id": store_id, "merchant_id": merchant_id, **told, "zone": "Asia/Shanghai", "hours": [], "is_active": True}


def clerk_row(shop: dict[str, Any], member_id: UUID) -> dict[str, Any]:
    at = {"merchant_id": shop["merchant_id"], "store_id": shop["id"]}
    return {"id": new_id(), "member_id": member_id, **at, "role": ClerkRole.CLERK.value, "name": "小王", "pin_hash": ""}
