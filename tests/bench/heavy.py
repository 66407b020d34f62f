"""What takes minutes: importing 100,000 cards, and a kind of card that is added to 1,000,000 members."""

import asyncio
import time
from collections.abc import Mapping
from dataclasses import dataclass
from pathlib import Path
from uuid import UUID

import orjson
import psutil

from handlers.cards.card_kinds import MEMBER_KIND, REMEMBERED_SECONDS
from handlers.rules.numbers import check_digit
from models.ids import new_id
from tests.bench.load import BadAnswers
from tests.bench.processes import Running, get, spawned
from tests.bench.seeding import OLD_DIGITS, OLD_KIND, OLD_PREFIX, Ground, Seeded, add_kind, members, seeding
from tests.bench.stores import Stores
from tests.bench.town import town

ROWS, FIRST_ROWS = 100_000, 10_000
IMPORT_SECONDS, TOLERATED = 180.0, 0.10
MEMBERS, MEMBERS_PER_SECOND, WATCHED_SECONDS = 1_000_000, 5_000.0, 20.0
MB = 1024 * 1024

UNBOUND = "SELECT count(*) FROM card WHERE member_id IS NULL"
CURSOR = "SELECT recognised_up_to FROM card_kind WHERE id = $1"
# Everybody has a member card already, so that the indexes are as large as they are in life.
_MILLION = f"""
    INSERT INTO member (id, created_at, ordinal, status, number, joined_at, joined_through, profile_cipher, phone_tail)
    SELECT gen_random_uuid(), now(), nextval('member_ordinal'), 'active', 'b' || g, now(), 'mini_program', '', ''
    FROM generate_series(1, {MEMBERS}) AS g;
    INSERT INTO card (id, created_at, kind_id, programme_id, member_id, number_hash, number_cipher, last4, status,
        is_primary, phone_hash, name_hash, pin_hash, opening_balance, bound_at)
    SELECT gen_random_uuid(), now(), k.id, k.programme_id, m.id, md5(m.id::text) || md5(m.number), repeat('x', 75),
        '0000', 'bound', true, '', '', '', 0, now()
    FROM member m, card_kind k WHERE k.code = '{MEMBER_KIND}' AND m.number LIKE 'b%';
    UPDATE card_kind SET recognised_up_to = (SELECT max(ordinal) FROM member);
    UPDATE job SET state = 'done', finished_at = now() WHERE kind = 'recognise_kind';
    ANALYZE;
"""
_JOB = """
    INSERT INTO job (id, created_at, kind, key, payload, state, run_at, attempt_count, fence, last_error)
    VALUES ($1, now(), 'recognise_kind', 'recognise:' || $2 || ':0', jsonb_build_object('kind_id', $2::text), 'ready',
        now(), 0, 0, '')
"""


@dataclass(frozen=True)
class Heavy:
    """One figure: what came out, what it had to be, and whether it was."""

    title: str
    found: str
    bar: str
    is_reached: bool

    @property
    def verdict(self) -> str:
        """`bar` or `MISSED`."""
        return "bar" if self.is_reached else "MISSED"


def import_cards(stores: Stores, home: Path) -> list[Heavy]:
    """`fanpiao import-cards` of 100,000 rows, and its memory against that of a file of 10,000."""
    with town(stores, home) as place:
        small, small_peak = _imported(place.environment, home, first=1, count=FIRST_ROWS)
        seconds, peak = _imported(place.environment, home, first=FIRST_ROWS + 1, count=ROWS)
        there = seeding(stores, lambda ground: ground.connection.fetchval(UNBOUND))
    if there != ROWS + FIRST_ROWS:
        raise BadAnswers(f"{there} cards were imported")
    growth = peak / small_peak - 1
    memory = f"{small_peak / MB:.1f} -> {peak / MB:.1f} MB ({growth:+.1%}); the small file took {small:.0f} s"
    return [
        Heavy(
            f"import-cards, {ROWS:,} rows",
            f"{seconds:.0f} s ({ROWS / seconds:,.0f} rows/s)",
            f"{IMPORT_SECONDS:.0f} s",
            seconds <= IMPORT_SECONDS,
        ),
        Heavy(f"its memory against a file of {FIRST_ROWS:,} rows", memory, f"+{TOLERATED:.0%}", growth <= TOLERATED),
    ]


def kind(stores: Stores, home: Path, *, whole: bool) -> list[Heavy]:
    """A kind for 1,000,000 members: when the first of them sees it, and how fast the worker's job gives it to all.

    Watched for 20 s, or with `whole` to the end.
    """
    with town(stores, home) as place:
        (somebody,) = seeding(stores, _million)
        _cards(place.server, somebody)  # now the server remembers which kinds there are
        added = time.perf_counter()
        kind_id = seeding(stores, _add)
        touched, own = _first_touch(place.server, somebody, added)
        with spawned(["app", "worker"], home=home, environment=place.environment):
            count, seconds = seeding(stores, lambda ground: _watched(ground, kind_id, whole=whole))
    rate = count / seconds
    longest = REMEMBERED_SECONDS + 1.0
    return [
        Heavy(
            f"first touch of a kind added to {MEMBERS:,} members",
            f"{touched:.1f} s after it was added; that request took {own * 1_000:.0f} ms",
            f"{longest:.0f} s",
            touched <= longest,
        ),
        Heavy(
            "the job that gives it to all",
            f"{rate:,.0f} members/s, {count:,} in {seconds:.0f} s",
            f"{MEMBERS_PER_SECOND:,.0f}/s",
            rate >= MEMBERS_PER_SECOND,
        ),
    ]


def _imported(environment: Mapping[str, str], home: Path, *, first: int, count: int) -> tuple[float, int]:
    """Seconds of the command from start to end, and the most memory that it held (bytes)."""
    file = home / f"cards-{count}.csv"
    with file.open("w", encoding="utf-8") as sink:
        sink.write("卡号,手机号,姓名,密码,积分\n")
        for body in range(first, first + count):
            digits = f"{OLD_PREFIX}{body:0{OLD_DIGITS - len(OLD_PREFIX) - 1}d}"
            sink.write(f"{digits}{check_digit(digits)},139{body:08d},李明,{body % 10_000:04d},{body % 500}\n")
    arguments = ["app", "import-cards", str(file), "--kind", OLD_KIND, "--new", "老会员卡"]
    arguments += ["--digits", str(OLD_DIGITS), "--prefix", OLD_PREFIX]
    started, peak = time.perf_counter(), 0
    with spawned(arguments, home=home, environment=environment) as (process, log):
        watched = psutil.Process(process.pid)
        while process.poll() is None:
            try:
                peak = max(peak, watched.memory_info().rss)
            except psutil.NoSuchProcess:
                break
            time.sleep(0.05)
        if process.wait():
            raise BadAnswers(f"import-cards: {log.read_text(encoding='utf-8')[-1_000:]}")
    return time.perf_counter() - started, peak


async def _million(ground: Ground) -> list[Seeded]:
    await ground.connection.execute(_MILLION)
    return await members(ground, 1)


async def _add(ground: Ground) -> UUID:
    kind_id = await add_kind(ground, "later", prefix="70", digits=14, is_issued=True)
    await ground.connection.execute(_JOB, new_id(), str(kind_id))
    return kind_id


def _first_touch(server: Running, somebody: Seeded, added: float) -> tuple[float, float]:
    """Seconds from adding the kind until GET /me/cards shows it, and those of that request itself."""
    while time.perf_counter() - added < 30:
        began = time.perf_counter()
        if "later" in _cards(server, somebody):
            return time.perf_counter() - added, time.perf_counter() - began
        time.sleep(0.05)
    raise BadAnswers("the kind is not recognised at first touch")


def _cards(server: Running, somebody: Seeded) -> set[str]:
    """Which kinds of card GET /me/cards shows them."""
    _, answer = get(server.url, "/api/v1/me/cards", somebody.token)
    return {card["kind"] for card in orjson.loads(answer)["items"]}


async def _watched(ground: Ground, kind_id: UUID, *, whole: bool) -> tuple[int, float]:
    """How many members the job went over once it had begun, and in how many seconds."""
    last = await ground.connection.fetchval("SELECT max(ordinal) FROM member")
    first = 0
    deadline = time.perf_counter() + 60
    while not first and time.perf_counter() < deadline:
        first = await ground.connection.fetchval(CURSOR, kind_id)
    began, now_at = time.perf_counter(), first
    while now_at < last and (whole or time.perf_counter() - began < WATCHED_SECONDS):
        await asyncio.sleep(0.2)
        now_at = await ground.connection.fetchval(CURSOR, kind_id)
        if time.perf_counter() - began > 1_200:
            break
    return now_at - first, time.perf_counter() - began
