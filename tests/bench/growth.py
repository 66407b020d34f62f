"""What a claim costs when 1,000 of the same offer are there, and when 1,000,000 are; in turn, on two databases.

The two stand side by side under two servers, so that whatever else the machine does meets both.
"""

import contextlib
from collections.abc import Iterator
from dataclasses import dataclass, replace
from pathlib import Path
from uuid import UUID

import asyncpg
import psutil

from tests.bench.claiming import PRESSING, crowd, hot_offer, press, taken
from tests.bench.figures import Supply
from tests.bench.heavy import Heavy
from tests.bench.load import Load, Overran, median
from tests.bench.measuring import MOST_OVERRUNS, WARM_UP_SECONDS
from tests.bench.seeding import Ground, seeding
from tests.bench.stores import Stores
from tests.bench.town import Town, town

MEMBERS, FEW, MANY = 1_000_000, 1_000, 1_000_000
AT_MOST = 1.3

# Ids in the order of time, as the house makes them: {n} is a column that counts, {salt} tells tables apart.
_ID = """(lpad(to_hex(floor(extract(epoch FROM now()) * 1000)::bigint - 2000000 + {n}), 12, '0') || '7'
    || substr(md5('{salt}' || {n}), 1, 3) || '8' || substr(md5('{salt}' || {n}), 4, 15))::uuid"""
_PEOPLE = f"""
    INSERT INTO member (id, created_at, ordinal, status, number, joined_at, joined_through, profile_cipher, phone_tail)
    SELECT {_ID.format(n="g", salt="member")}, now(), nextval('member_ordinal'), 'active', 'b' || g, now(),
        'mini_program', '', ''
    FROM generate_series(1, $1::int) AS g
"""
# Of the first members one claim each, with all that a claim brings along.
_HELD = "(SELECT m.id AS member_id, substr(m.number, 2)::int AS n FROM member m WHERE m.number ~ '^b[0-9]+$') AS h"
_CLAIM, _BY = _ID.format(n="h.n", salt="claim"), f"FROM {_HELD} WHERE h.n <= $2 ORDER BY h.n"
_CLAIMS = (
    f"""
    INSERT INTO claim (id, created_at, member_id, offer_id, offer_version, benefit_id, source, state, uses_total,
        uses_left, claimed_at, valid_from, code_version, code_hash, stock_buckets, price_fen, price_points,
        recharge_to_cipher, recharge_to_tail, is_returned)
    SELECT {_CLAIM}, now(), h.member_id, $1, 1, (SELECT benefit_id FROM offer WHERE id = $1), 'mini_program', 'issued',
        1, 1, now(), now(), 0, md5(h.n::text) || md5('code' || h.n), 'total', 0, 0, '', '', false {_BY}
    """,
    f"""
    INSERT INTO claim_slot (id, created_at, claim_id, offer_id, member_id, period, number)
    SELECT {_ID.format(n="h.n", salt="slot")}, now(), {_CLAIM}, $1, h.member_id, 'ever', 1 {_BY}
    """,
    f"""
    INSERT INTO claim_event (id, created_at, claim_id, from_state, to_state, reason, actor_kind, actor_id, happened_at)
    SELECT {_ID.format(n="h.n", salt="event")}, now(), {_CLAIM}, '', 'issued', 'claimed', 'person', h.member_id::text,
        now() {_BY.replace("h.n <= $2", "h.n <= $2 AND $1::uuid IS NOT NULL")}
    """,
    f"""
    INSERT INTO request (id, created_at, actor_kind, actor_id, operation, key, fingerprint, result)
    SELECT {_ID.format(n="h.n", salt="request")}, now(), 'person', h.member_id::text, 'claim', gen_random_uuid()::text,
        md5(h.n::text) || md5('facts' || h.n), jsonb_build_object('~', 'Claimed', 'claims', jsonb_build_array(
            jsonb_build_object('~', 'Issued', 'id', {_CLAIM}, 'offer_id', $1::uuid, 'name', '洗车券', 'kind', 'voucher',
                'state', 'issued', 'uses', 1, 'claimed_at', now(), 'expires_at', null, 'package_id', null))) {_BY}
    """,
    """
    UPDATE offer_stock SET left_count = left_count - $2::int, taken_count = taken_count + $2::int WHERE offer_id = $1
    """,
)
_AS_AUTOVACUUM = ("VACUUM (ANALYZE)", "CHECKPOINT")  # as it is once a day's claims have settled


@dataclass(frozen=True)
class Cost:
    """One round: microseconds of CPU time per claim, of the server and of the database; claims a second."""

    server: float
    database: float
    rate: float


class Hall:
    """A server whose offer has so many claims already."""

    def __init__(self, place: Town, claims: int) -> None:
        self.place = place
        self.offer_id = hot_offer(place.stores)
        self.costs: list[Cost] = []
        self._already = claims
        self._supply, self._sent = Supply(), 0
        self._supply.seen(Load(900, 1.0, 0.0, 0.0))
        seeding(place.stores, lambda ground: _fill(ground, self.offer_id, claims))

    def round(self, seconds: int) -> Cost:
        """Members who have no claim yet press for so long, 64 at once. Raises Overran, BadAnswers."""
        for _ in range(MOST_OVERRUNS):
            with contextlib.suppress(Overran):
                return self._round(seconds)
        raise Overran

    def _round(self, seconds: int) -> Cost:
        self.place.crowd.clear()  # all of these have pressed for this offer
        tokens = crowd(self.place, self._supply.count(seconds))
        lines = [press(self.offer_id, token) for token in tokens]
        stores, server = self.place.stores, self.place.server
        used, used_there = server.cpu_seconds(), database_cpu_seconds(stores)
        feed = self.place.home / "growth.tsv"
        load = self._supply.send(server.url, feed, lines, seconds=seconds, connections=PRESSING)
        used, used_there = server.cpu_seconds() - used, database_cpu_seconds(stores) - used_there
        self._sent += load.requests
        return Cost(used / load.requests * 1e6, used_there / load.requests * 1e6, load.rate)

    def check(self) -> None:
        """Raises BadAnswers unless units, claims and slots are as many as they were and became."""
        taken(self.place.stores, self.offer_id, at_least=self._already + self._sent)


def growth(stores: Stores, home: Path, *, rounds: int, seconds: int) -> list[Heavy]:
    """Rounds with few claims and with many in turn; medians, and the factor between them."""
    with _hall(stores, home, 1, FEW) as few, _hall(stores, home, 2, MANY) as many:
        for hall in (few, many):
            hall.round(WARM_UP_SECONDS)
        for _ in range(rounds):
            for hall in (few, many):
                hall.costs.append(hall.round(seconds))
        for hall in (few, many):
            hall.check()
        return [
            _grown("server's CPU per claim", *_medians(few, many, "server")),
            _grown("database's CPU per claim", *_medians(few, many, "database")),
            _grown("CPU per claim, both", *_medians(few, many, "server", "database")),
            _rates(few, many),
        ]


def database_cpu_seconds(stores: Stores) -> float:
    """User and system time of all of PostgreSQL's processes so far, those that have ended included."""
    first = psutil.Process(stores.database_pid)
    times = first.cpu_times()
    total = times.user + times.system + times.children_user + times.children_system
    for process in first.children():
        with contextlib.suppress(psutil.NoSuchProcess):
            own = process.cpu_times()
            total += own.user + own.system
    return float(total)


@contextlib.contextmanager
def _hall(stores: Stores, home: Path, number: int, claims: int) -> Iterator[Hall]:
    folder = home / f"hall-{number}"
    folder.mkdir()
    redis_url = f"{stores.redis_url.rpartition('/')[0]}/{number}"  # each has a platform of its own, and its tokens
    with town(replace(stores.another(f"growth_{number}"), redis_url=redis_url), folder) as place:
        yield Hall(place, claims)


async def _fill(ground: Ground, offer_id: UUID, claims: int) -> None:
    connection: asyncpg.Connection = ground.connection
    async with connection.transaction():  # in one, so that `now()`, and with it every id, is the same in all of them
        await connection.execute(_PEOPLE, MEMBERS)
        for statement in _CLAIMS:
            await connection.execute(statement, offer_id, claims)
    for statement in _AS_AUTOVACUUM:
        await connection.execute(statement)


def _medians(few: Hall, many: Hall, *names: str) -> tuple[float, float]:
    before, after = (median(sum(getattr(cost, name) for name in names) for cost in hall.costs) for hall in (few, many))
    return before, after


def _grown(title: str, before: float, after: float) -> Heavy:
    told = f"{before:,.0f} -> {after:,.0f} µs, x {after / before:.2f}"
    return Heavy(f"{title}, {FEW:,} and {MANY:,} claims there", told, f"x {AT_MOST:g}", after <= AT_MOST * before)


def _rates(few: Hall, many: Hall) -> Heavy:
    before, after = _medians(few, many, "rate")
    told = f"{before:,.0f} -> {after:,.0f}/s, x {before / after:.2f}"
    return Heavy(
        f"time per claim, {FEW:,} and {MANY:,} claims there", told, f"x {AT_MOST:g}", before <= AT_MOST * after
    )
