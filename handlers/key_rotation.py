"""Every encrypted column, and putting all of them under the current key while the house serves.

The order of a rotation without a pause: add the new key as the last of FANPIAO_FIELD_KEYS and restart every process, so
that all can read it; put it first and restart again, so that all write it; run this, or let the worker do it, a minute
in every ten; wait the 72 hours for which stored answers (`request.result`) live; remove the old key. Nothing has to be
resumed: a cipher itself says under which key it stands, so a second run takes up what is left.
"""

import time
from collections.abc import AsyncGenerator, Sequence
from contextlib import aclosing
from dataclasses import dataclass
from uuid import UUID

import orjson

from handlers.ports import Vault, VaultError
from handlers.retrying import refusing
from models.database import atomic, rows
from models.sql import as_uuid
from models.statements import key_rotation as statements

BATCH = 500
LONGEST = 60.0  # seconds at a time of the rotation that goes on by itself


@dataclass(frozen=True, slots=True)
class CipherColumn:
    """One column of ciphers. `word` is what they are bound to besides their row."""

    table: str
    column: str
    word: str

    def bound_to(self, row_id: UUID) -> str:
        """What the cipher in this row is bound to."""
        return f"{self.table}:{row_id}:{self.word}"

    @property
    def name(self) -> str:
        """`table.column`."""
        return f"{self.table}.{self.column}"


CARD = CipherColumn("card", "number_cipher", "number")
BOUND_NUMBER = CipherColumn("bound_number", "number_cipher", "number")
POOL_CODE = CipherColumn("pool_code", "code_cipher", "code")
RECHARGE_TO = CipherColumn("claim", "recharge_to_cipher", "recharge_to")
ORDER_NUMBER = CipherColumn("sales_order", "recharge_to_cipher", "recharge_to")
GRANT_NUMBER = CipherColumn("grant_number", "number_cipher", "recharge_to")
SUPPLIER_SECRET = CipherColumn("supplier", "secret_cipher", "secret")
CHANNEL_KEY = CipherColumn("channel", "key_cipher", "key")
PREVIOUS_CHANNEL_KEY = CipherColumn("channel", "previous_key_cipher", "key")
SIGNING_KEY = CipherColumn("signing_key", "private_key_cipher", "private_key")
DRAW_SEED = CipherColumn("draw_day", "seed_cipher", "seed")
PARCEL_ADDRESS = CipherColumn("parcel", "address_cipher", "address")
WITHDRAWAL_NAME = CipherColumn("withdrawal", "name_cipher", "name")
# All of them: a test compares this list with the tables.
COLUMNS = (
    CipherColumn("account", "secret_cipher", "secret"),
    CipherColumn("account", "token_cipher", "token"),
    CipherColumn("account", "aes_key_cipher", "aes_key"),
    CipherColumn("account", "previous_aes_key_cipher", "previous_aes_key"),
    CipherColumn("identifier", "value_cipher", "value"),
    CipherColumn("member", "profile_cipher", "profile"),
    CARD,
    BOUND_NUMBER,
    POOL_CODE,
    RECHARGE_TO,
    ORDER_NUMBER,
    GRANT_NUMBER,
    SUPPLIER_SECRET,
    CipherColumn("operator", "totp_cipher", "totp"),
    CHANNEL_KEY,
    PREVIOUS_CHANNEL_KEY,
    SIGNING_KEY,
    DRAW_SEED,
    PARCEL_ADDRESS,
    WITHDRAWAL_NAME,
)


@dataclass(frozen=True, slots=True)
class Rotated:
    """How far one column has come: re-encrypted so far, and those that no configured key opens."""

    name: str
    renewed: int
    unreadable: int


async def rotate_keys(vault: Vault, *, batch: int = BATCH) -> AsyncGenerator[Rotated, None]:
    """Re-encrypt under the current key, a batch per transaction; tells after each batch, and once per column at least.

    A value that changes meanwhile is left as it was written: `stale_ciphers` says afterwards whether anything is left.
    """
    for column in COLUMNS:
        renewed = unreadable = 0
        after: UUID | None = UUID(int=0)
        while after is not None:
            found = await rows(
                statements.stale(column.table, column.column),
                after,
                len(vault.key_ids[0]) + 1,
                f"{vault.key_ids[0]}.",
                batch,
            )
            fresh = [(as_uuid(each["id"]), each["cipher"], _renewed(vault, column, each)) for each in found]
            readable = [(row_id, old, new) for row_id, old, new in fresh if new is not None]
            unreadable += len(fresh) - len(readable)
            renewed += await _write(column, readable)
            after = fresh[-1][0] if len(fresh) == batch else None
            yield Rotated(column.name, renewed, unreadable)


@refusing
class KeyRotation:
    """The rotation that goes on by itself, for whoever serves from one process and cannot run a command beside it."""

    def __init__(self, vault: Vault) -> None:
        self._vault = vault

    async def go_on(self, *, seconds: float = LONGEST) -> int:
        """Re-encrypt for so long what is not under the current key; how many. With one key alone there is nothing."""
        if len(self._vault.key_ids) < 2:
            return 0
        until, renewed = time.monotonic() + seconds, dict[str, int]()
        async with aclosing(rotate_keys(self._vault)) as progress:
            async for column in progress:
                renewed[column.name] = column.renewed
                if column.renewed and time.monotonic() >= until:  # each turn does something, whatever it had to look at
                    break
        return sum(renewed.values())


def _renewed(vault: Vault, column: CipherColumn, found: dict[str, object]) -> str | None:
    bound_to = column.bound_to(as_uuid(found["id"]))
    try:
        return vault.encrypt(vault.decrypt(str(found["cipher"]), bound_to=bound_to), bound_to=bound_to)
    except VaultError:
        return None


async def _write(column: CipherColumn, renewed: Sequence[tuple[UUID, str, str]]) -> int:
    if not renewed:
        return 0
    text = orjson.dumps([{"id": str(row_id), "old": old, "fresh": fresh} for row_id, old, fresh in renewed]).decode()
    async with atomic():
        return len(await rows(statements.renew(column.table, column.column), text))


@dataclass(frozen=True, slots=True)
class KeyUse:
    """How many ciphers of one column stand under one key."""

    name: str
    key_id: str
    number: int


async def stale_ciphers(vault: Vault) -> list[KeyUse]:
    """What does not stand under the current key; also what stands under a key that is not configured any more."""
    current = vault.key_ids[0]
    return [use for use in await key_uses() if use.key_id != current]


async def unreadable_ciphers(vault: Vault) -> list[KeyUse]:
    """What stands under keys that are not configured: lost, unless the key is put back."""
    return [use for use in await key_uses() if use.key_id not in vault.key_ids]


async def key_uses() -> list[KeyUse]:
    """Which keys are in use, column by column; one pass over each table."""
    return [
        KeyUse(column.name, str(each["key_id"]), int(each["number"]))
        for column in COLUMNS
        for each in await rows(statements.by_key(column.table, column.column))
    ]
