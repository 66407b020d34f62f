"""Closing a day of 100,000 redemptions, its files, and the report over them; against a day of 10,000.

What must not grow with the number of rows: the time per row, the server's memory, and how long others wait for it. On
PostgreSQL also a day of more than 1,000,000 that the worker has sealed in parts by then, and how fast it seals.
"""

import contextlib
import http.client
import itertools
import secrets
import threading
import time
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import UTC, date, datetime, timedelta
from typing import Any
from uuid import UUID

import orjson

from handlers.identity.sessions import hash_token
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.offer_terms import OfferTerms
from handlers.rules.validity import begins, day_of
from handlers.settlement.statement_parts import PART
from models.ids import new_id
from models.words import OperatorRole, RedemptionKind, ScanMode
from tests.bench.beside import fill, first_members, read, root
from tests.bench.heavy import MB, Heavy
from tests.bench.load import BadAnswers
from tests.bench.pool import Published, Voucher, claim_row, publish
from tests.bench.processes import Running, get, spawned
from tests.bench.redeeming import clerk_row, merchant_row, store_row
from tests.bench.seeding import LASTS
from tests.bench.stores import Stores
from tests.bench.town import Town, town

FEW, MANY = 10_000, 100_000
IN_PARTS = 1_000_000
VAST = IN_PARTS + PART - 1  # nothing is left over more than so many
VAST_SECONDS, SEALED_PER_SECOND = 10.0, 5_000
AT_ONCE = 50_000  # rows of one insert
BENEFITS = 5
TAKEN_BACK = 50  # of so many redemptions one
PER_ROW, MEMORY, WAIT_SECONDS = 1.5, 0.10, 0.5
LOOK_SECONDS = 0.02
_SEALING = """
    INSERT INTO job (id, created_at, kind, key, payload, state, run_at, attempt_count, fence, last_error)
    SELECT $1::uuid, now(), 'seal_parts', 'bench', jsonb_build_object('merchant_id', id::text), 'ready', now(), 0, 0, ''
    FROM merchant WHERE code = $2 RETURNING payload ->> 'merchant_id'
"""
_PARTS = "SELECT count(*) FROM settlement_part WHERE merchant_id = $1::uuid"
_PLANNED = "SELECT count(*) FROM job WHERE kind = 'plan_closings' AND state = 'done'"


@dataclass(frozen=True)
class Done:
    """One request: seconds, the answer, the most memory the server held, and the longest that others waited."""

    seconds: float
    body: bytes
    peak: int
    longest_wait: float


def settlement(stores: Stores, home: Any) -> list[Heavy]:
    """Closed by hand and read by finance of the root, over HTTP, while others ask the server whether it lives."""
    with town(stores, home) as place, _worker(place):
        token = _finance(stores)
        yesterday = day_of(datetime.now(UTC), BUSINESS_ZONE) - timedelta(days=1)
        few, many = (_merchant(place, rows, begins(yesterday, BUSINESS_ZONE)) for rows in (FEW, MANY))
        read(stores, "ANALYZE")
        found: list[Heavy] = []
        closed = [
            _asked(place.server, "POST", "/statements", token, {"merchant": code, "business_on": str(yesterday)})
            for code in (few, many)
        ]
        found += _told("closing the day", *closed)
        ids = [orjson.loads(each.body)["id"] for each in closed]
        for name, paths in {
            "the statement as CSV": [f"/statements/{each}?format=csv" for each in ids],
            "the statement as XLSX": [f"/statements/{each}?format=xlsx" for each in ids],
            "the report as CSV": [f"/reports/redemptions?format=csv&merchant={code}" for code in (few, many)],
        }.items():
            files = [_asked(place.server, "GET", path, token) for path in paths]
            if "CSV" in name and [each.body.count(b"\r\n") for each in files] != [FEW + 1, MANY + 1]:
                raise BadAnswers(f"{name}: not every row is there")
            found += _told(name, *files)
        if stores.pair == "postgres":
            found += _vast(place, token, yesterday, closed[0])
        return found


@contextlib.contextmanager
def _worker(place: Town) -> Iterator[None]:
    """On SQLite the server is its own. It plans the closing of days that are over once it begins: of none, by then."""
    if place.stores.pair == "sqlite":
        yield
        return
    with spawned(["app", "worker"], home=place.home, environment=place.environment):
        _until(lambda: bool(_number(place.stores, _PLANNED)))
        yield


def _vast(place: Town, token: str, day: date, few: Done) -> Iterator[Heavy]:
    """A day that is sealed, and then closed."""
    code = _merchant(place, VAST, begins(day, BUSINESS_ZONE))
    read(place.stores, "ANALYZE")
    ((merchant_id,),) = read(place.stores, _SEALING, new_id(), code)
    _until(lambda: _number(place.stores, _PARTS, merchant_id) > 0)
    began, before = time.perf_counter(), _number(place.stores, _PARTS, merchant_id)
    _until(lambda: _number(place.stores, _PARTS, merchant_id) == IN_PARTS // PART)
    rate = (IN_PARTS // PART - before) * PART / (time.perf_counter() - began)
    yield Heavy(
        f"sealing a day of {VAST:,} rows",
        f"{rate:,.0f} rows/s",
        f"{SEALED_PER_SECOND:,}/s",
        rate >= SEALED_PER_SECOND,
    )
    path, asked = "/statements", {"merchant": code, "business_on": str(day)}
    done = _asked(place.server, "POST", path, token, asked)
    told = orjson.loads(done.body)["totals"]
    if told["redeemed"]["count"] + told["reversed"]["count"] != VAST:
        raise BadAnswers(f"not every row is in the statement: {told}")
    growth = done.peak / few.peak - 1
    yield Heavy(
        f"closing it, {IN_PARTS:,} rows in parts and {PART - 1:,} not",
        f"{done.seconds:.1f} s",
        f"{VAST_SECONDS:.0f} s",
        done.seconds <= VAST_SECONDS,
    )
    memory = f"{few.peak / MB:.1f} -> {done.peak / MB:.1f} MB ({growth:+.1%})"
    yield Heavy(f"closing it: the server's memory against {FEW:,} rows", memory, f"+{MEMORY:.0%}", growth <= MEMORY)
    yield Heavy(
        "closing it: others waited at most",
        f"{done.longest_wait * 1_000:.0f} ms",
        f"{WAIT_SECONDS * 1_000:.0f} ms",
        done.longest_wait <= WAIT_SECONDS,
    )


def _number(stores: Stores, sql: str, *values: object) -> int:
    ((number,),) = read(stores, sql, *values)
    return int(number)


def _until(is_so: Callable[[], bool]) -> None:
    deadline = time.perf_counter() + 600
    while not is_so():
        if time.perf_counter() > deadline:
            raise BadAnswers("the worker did not do it in ten minutes")
        time.sleep(0.2)


def _told(name: str, few: Done, many: Done) -> Iterator[Heavy]:
    factor = (many.seconds / MANY) / (few.seconds / FEW)
    yield Heavy(
        f"{name}, {MANY:,} rows",
        f"{many.seconds:.1f} s ({MANY / many.seconds:,.0f} rows/s); per row x {factor:.2f} of {FEW:,}",
        f"x {PER_ROW:g}",
        factor <= PER_ROW,
    )
    growth = many.peak / few.peak - 1
    memory = f"{few.peak / MB:.1f} -> {many.peak / MB:.1f} MB ({growth:+.1%})"
    yield Heavy(f"{name}: the server's memory against {FEW:,} rows", memory, f"+{MEMORY:.0%}", growth <= MEMORY)
    wait = many.longest_wait
    yield Heavy(
        f"{name}: others waited at most",
        f"{wait * 1_000:.0f} ms",
        f"{WAIT_SECONDS * 1_000:.0f} ms",
        wait <= WAIT_SECONDS,
    )


def _finance(stores: Stores) -> str:
    """Their token."""
    now, operator_id, token = datetime.now(UTC), new_id(), secrets.token_urlsafe(32)
    facts = {"organization_id": root(stores), "login": "bench-finance", "role": OperatorRole.FINANCE.value}
    secret = {"password_hash": "", "totp_cipher": "", "last_totp_step": 1, "is_active": True}
    fill(stores, "operator", [{"id": operator_id, **facts, **secret}], at=now)
    session = {"operator_id": operator_id, "token_hash": hash_token(token)}
    fill(stores, "operator_session", [{**session, "expires_at": now + LASTS, "last_used_at": now + LASTS}], at=now)
    return token


def _merchant(place: Town, rows: int, midnight: datetime) -> str:
    """A merchant with so many rows on the day that began then; its code."""
    stores, now = place.stores, datetime.now(UTC)
    merchant = merchant_row(root(stores))
    fill(stores, "merchant", [merchant], at=now)
    shop = store_row(merchant["id"], 0)
    fill(stores, "store", [shop], at=now)
    member = first_members(stores, 1)[0]
    clerk = clerk_row(shop, member)
    fill(stores, "clerk", [clerk], at=now)
    wanted = [Voucher(OfferTerms(), merchant_id=merchant["id"], settlement_fen=2_500) for _ in range(BENEFITS)]
    claims = [(of, claim_row(of, member, at=now)) for of in publish(stores, wanted)]
    fill(stores, "claim", (claim for _, claim in claims), at=now)
    made = _rows(claims, shop, clerk["id"], rows, midnight)
    while some := list(itertools.islice(made, AT_ONCE)):
        fill(stores, "redemption", some, at=now)
    return str(merchant["code"])


def _rows(
    claims: list[tuple[Published, dict[str, Any]]], shop: dict[str, Any], clerk_id: UUID, count: int, midnight: datetime
) -> Iterator[dict[str, Any]]:
    """Redemptions through the day, and now and then the reversal of the one before."""
    before = None
    for number in range(count):
        of, claim = claims[number % BENEFITS]
        is_back = before is not None and number % TAKEN_BACK == TAKEN_BACK - 1
        facts = dict(before) if is_back and before else {"claim_id": claim["id"], "benefit_id": of.benefit_id}
        row = {
            "id": new_id(),
            "kind": (RedemptionKind.REVERSAL if is_back else RedemptionKind.REDEEM).value,
            "claim_id": facts["claim_id"],
            "benefit_id": facts["benefit_id"],
            "reverses_id": facts.get("id"),
            "merchant_id": shop["merchant_id"],
            "store_id": shop["id"],
            "clerk_id": clerk_id,
            "device_id": "till",
            "receipt": f"B{number:09d}",
            "mode": ScanMode.ONLINE.value,
            "uses": 1,
            "redeemed_at": midnight + timedelta(days=1) * number / count,
            "settlement_fen": 2_500,
            "operator_share_fen": 1_500,
            "merchant_share_fen": 1_000,
            "reason": "",
        }
        before = None if is_back else row
        yield row


def _asked(server: Running, method: str, path: str, token: str, body: object = None) -> Done:
    """One request under /operator, whole. Raises BadAnswers unless it is answered with 200 or 201."""
    over, peaks, waits = threading.Event(), [server.resident_bytes()], [0.0]

    def look() -> None:
        while not over.is_set():
            began = time.perf_counter()
            get(server.url, "/healthz")
            waits.append(time.perf_counter() - began)
            peaks.append(server.resident_bytes())
            time.sleep(LOOK_SECONDS)

    looking = threading.Thread(target=look)
    looking.start()
    try:
        connection = http.client.HTTPConnection(server.url.removeprefix("http://"), timeout=600)
        headers = {"Authorization": f"Bearer {token}", "Idempotency-Key": str(new_id())}
        sent = None
        if body is not None:
            sent, headers["Content-Type"] = orjson.dumps(body), "application/json"
        began = time.perf_counter()
        connection.request(method, f"/api/v1/operator{path}", sent, headers)
        answer = connection.getresponse()
        told = answer.read()
        seconds = time.perf_counter() - began
        connection.close()
    finally:
        over.set()
        looking.join()
    if answer.status not in (200, 201):
        raise BadAnswers(f"{path}: {answer.status} {told[:300]!r}")
    return Done(seconds, told, max(peaks), max(waits))
