"""Members, their cards and sessions, and operators, in bulk beside a running server: rows as the server writes them."""

import asyncio
import secrets
from collections.abc import AsyncIterator, Awaitable, Callable, Mapping, Sequence
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any, TypeVar
from uuid import UUID

import asyncpg
import uvloop

from app.shapes import decoded_field_keys, decoded_key
from gateways.clock import SystemClock
from gateways.stores.commands import BatchedRedis
from gateways.stores.connection import connected
from gateways.stores.sessions import RedisSessions
from gateways.vault import FieldVault
from handlers.cards.card_binding import pin_hash
from handlers.cards.card_kinds import MEMBER_FORM, MEMBER_KIND
from handlers.cards.recognition import card_bound_to, number_hash
from handlers.identity.proofs import Proof, bound_to
from handlers.identity.sessions import hash_token
from handlers.ports import SessionRecord
from handlers.rules.card_numbers import IssuedNumbers
from handlers.rules.numbers import check_digit, member_number
from models.ids import new_id
from models.words import CardStatus, IdentifierStatus, MemberStatus, Namespace, Touchpoint
from tests.bench.accounts import MP
from tests.bench.stores import Stores
from tests.fakes import FIELD_KEYS, INDEX_KEY

Result = TypeVar("Result")

OLD_KIND, OLD_PREFIX, OLD_DIGITS = "old", "66", 12
PLATFORM = "bench"  # the open platform of the unionids
PIN = "4321"
LASTS = timedelta(hours=12)
SESSIONS_AT_ONCE = 500


@dataclass(frozen=True)
class Seeded:
    """One member: signed in with `token`, found by any of the others. `card` is unbound, its PIN is `PIN`."""

    id: UUID
    token: str
    openid: str
    unionid: str
    phone: str
    number: str
    card: str


@dataclass(frozen=True)
class Ground:
    """Where rows go."""

    connection: asyncpg.Connection
    sessions: RedisSessions
    vault: FieldVault
    kinds: Mapping[str, UUID]
    programme: UUID


def seeding(stores: Stores, work: Callable[[Ground], Awaitable[Result]]) -> Result:
    """Do it on a loop and connections of its own; to be called between rounds."""

    async def run() -> Result:
        async with _ground(stores) as ground:
            return await work(ground)

    with asyncio.Runner(loop_factory=uvloop.new_event_loop) as runner:
        return runner.run(run())


@asynccontextmanager
async def _ground(stores: Stores) -> AsyncIterator[Ground]:
    connection = await asyncpg.connect(stores.database_url)
    try:
        async with connected(stores.redis_url) as redis:
            commands = BatchedRedis(redis)
            kinds = {each["code"]: each["id"] for each in await connection.fetch("SELECT code, id FROM card_kind")}
            programme = await connection.fetchval("SELECT id FROM programme")
            yield Ground(connection, RedisSessions(commands, SystemClock()), vault(), kinds, programme)
            await commands.aclose()
    finally:
        await connection.close()


def vault() -> FieldVault:
    """With the keys of the bench's servers."""
    return FieldVault(decoded_field_keys(FIELD_KEYS), decoded_key(INDEX_KEY, "index key"))


async def add_kind(ground: Ground, code: str, *, prefix: str, digits: int, is_issued: bool) -> UUID:
    """A kind of card of the main programme, without the job that an issued one needs."""
    kind_id, now = new_id(), _now()
    await ground.connection.execute(
        "INSERT INTO card_kind (id, created_at, programme_id, code, name, prefix, digit_count, is_issued, is_in_chat,"
        " is_active, recognised_up_to) VALUES ($1, $2, $3, $4, $4, $5, $6, $7, true, true, 0)",
        *(kind_id, now, ground.programme, code, prefix, digits, is_issued),
    )
    return kind_id


async def members(ground: Ground, count: int, *, with_old_card: bool = False) -> list[Seeded]:
    """So many who joined: three identifiers, a member card, a session, and an unbound card of an older system."""
    wanted = await ground.connection.fetch(f"SELECT nextval('member_ordinal') FROM generate_series(1, {int(count)})")
    issued, now = IssuedNumbers(MEMBER_KIND, MEMBER_FORM), _now()
    made, people, identifiers, cards = [], [], [], []
    for (ordinal,) in wanted:
        one = _someone(ordinal)
        made.append(one)
        joined = (MemberStatus.ACTIVE.value, one.number, now, Touchpoint.MINI_PROGRAM.value)
        people.append((one.id, now, ordinal, *joined, "", one.phone[-4:]))
        identifiers += [_identifier(proof, one.id, now, ground.vault) for proof in proofs(one)]
        cards.append(_card(ground, MEMBER_KIND, issued.number(ordinal), one.id, now))
        if with_old_card:
            cards.append(_card(ground, OLD_KIND, one.card, None, now))
    await _copy(ground, "member", _MEMBER, people)
    await _copy(ground, "identifier", _IDENTIFIER, identifiers)
    await _copy(ground, "card", _CARD, cards)
    for start in range(0, len(made), SESSIONS_AT_ONCE):
        await asyncio.gather(*(_sign_in(ground, one, now) for one in made[start : start + SESSIONS_AT_ONCE]))
    return made


async def operators(ground: Ground, count: int) -> list[str]:
    """Tokens of so many operators of the root who are signed in, each another one."""
    root, now = await ground.connection.fetchval("SELECT id FROM organization WHERE parent_id IS NULL"), _now()
    tokens, rows, sessions = [], [], []
    for _ in range(count):
        operator_id, token = new_id(), secrets.token_urlsafe(32)
        tokens.append(token)
        rows.append((operator_id, now, root, f"bench-{operator_id}", "", "support", "", 1, True))
        sessions.append((new_id(), now, operator_id, hash_token(token), now + LASTS, now + LASTS))
    await _copy(ground, "operator", _OPERATOR, rows)
    await _copy(ground, "operator_session", _SESSION, sessions)
    return tokens


def proofs(one: Seeded) -> list[Proof]:
    """All that they are known by."""
    return [
        Proof(Namespace.WX_OPENID, MP.app_id, one.openid, "bench"),
        Proof(Namespace.WX_UNIONID, PLATFORM, one.unionid, "bench"),
        Proof(Namespace.PHONE, "86", one.phone, "bench"),
    ]


_MEMBER = "id created_at ordinal status number joined_at joined_through profile_cipher phone_tail"
_IDENTIFIER = (
    "id created_at member_id namespace scope value_hash value_cipher status verified_at verified_by last_seen_at"
)
_CARD = (
    "id created_at kind_id programme_id member_id number_hash number_cipher last4 status is_primary phone_hash"
    " name_hash pin_hash opening_balance bound_at"
)
_OPERATOR = "id created_at organization_id login password_hash role totp_cipher last_totp_step is_active"
_SESSION = "id created_at operator_id token_hash expires_at last_used_at"


async def _copy(ground: Ground, table: str, columns: str, records: Sequence[tuple[Any, ...]]) -> None:
    await ground.connection.copy_records_to_table(table, records=records, columns=columns.split())


def _someone(ordinal: int) -> Seeded:
    body = f"{OLD_PREFIX}{ordinal:0{OLD_DIGITS - len(OLD_PREFIX) - 1}d}"
    return Seeded(
        id=new_id(),
        token=secrets.token_urlsafe(32),
        openid=f"o{secrets.token_urlsafe(20)}",
        unionid=f"u{secrets.token_urlsafe(20)}",
        phone=f"139{ordinal:08d}",
        number=member_number(ordinal),
        card=body + check_digit(body),
    )


def _identifier(proof: Proof, member_id: UUID, now: datetime, sealed: FieldVault) -> tuple[Any, ...]:
    identifier_id, key = new_id(), proof.key(sealed)
    cipher = sealed.encrypt(proof.value, bound_to=bound_to(identifier_id))
    found = (key.namespace.value, key.scope, key.value_hash, cipher, IdentifierStatus.ACTIVE.value)
    return (identifier_id, now, member_id, *found, now, proof.proven_by, now)


def _card(ground: Ground, kind: str, number: str, holder: UUID | None, now: datetime) -> tuple[Any, ...]:
    card_id, is_bound = new_id(), holder is not None
    cipher = ground.vault.encrypt(number, bound_to=card_bound_to(card_id))
    status = (CardStatus.BOUND if is_bound else CardStatus.UNBOUND).value
    shown = (number_hash(ground.vault, number), cipher, number[-4:], status, is_bound)
    pin = "" if is_bound else pin_hash(ground.vault, number, PIN)
    return (
        card_id,
        now,
        ground.kinds[kind],
        ground.programme,
        holder,
        *shown,
        "",
        "",
        pin,
        0,
        now if is_bound else None,
    )


async def _sign_in(ground: Ground, one: Seeded, now: datetime) -> None:
    record = SessionRecord(str(one.id), MP.name, "", now, now + LASTS)
    await ground.sessions.save(hash_token(one.token), record)


def _now() -> datetime:
    return datetime.now(UTC)
