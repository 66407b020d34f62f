"""What makes a draw provable: commitments before the first spin, results that nobody can choose, rows in a chain.

Everything here can be said again by the standard library of any language; `docs/fairness/README.md` tells how, and
`docs/fairness/verify_draw.py` does so without a line of this module.
Canonical JSON, hashes and messages are those of `handlers/rules/canonical.py`.
"""

import hashlib
import hmac
import re
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from struct import Struct
from typing import Any, NamedTuple

from handlers.rules.canonical import canonical, hash_of, message
from handlers.rules.draw_rules import WHOLE, DrawRules, plain
from handlers.rules.odds import Member, Outcome

SEED_BYTES = 32
OPEN = "open"  # the kind of a day's first commitment
COLUMNS = (
    "sequence", "commitment", "at", "member", "nonce", "roll",
    "spins", "since", "is_blocked", "wins", "wins_today",
    "rolled", "awarded", "why",
)  # fmt: skip
_WORDS = Struct(">I")
_FAIR = 2**32 // WHOLE * WHOLE  # words from here on would favour small rolls
_NONCE = re.compile(r"[\x21-\x7e]{1,255}")


class Row(NamedTuple):
    """One spin as it stands in the log, in the order of COLUMNS: what it found, and what it gave.

    `orjson.dumps(row[:])` of a plain list of these gives the canonical bytes too, faster.
    """

    sequence: int  # from 1, without gaps within a draw
    commitment: int  # the number of the one that ruled it
    at: int  # milliseconds since 1970, UTC
    member: str  # the pseudonym
    nonce: str
    roll: int
    spins: int  # the member's, before
    since: int  # the member's, before
    is_blocked: int  # 0 or 1
    wins: tuple[int, ...]  # the member's, before, in the order of the prizes
    wins_today: tuple[int, ...]
    rolled: str  # codes of prizes
    awarded: str
    why: str


@dataclass(frozen=True, slots=True)
class Commitment:
    """What was fixed before the spin `sequence`, and rules from it on until the next one.

    The first of a business day is of kind `open`. Every change of stock, also what comes back, appends one of kind
    `stock`, every new version one of kind `rules`: no spin in between is decided by anything else.
    """

    draw: str
    number: int  # from 0, without gaps within a draw
    kind: str  # open, stock, rules
    sequence: int  # the first spin that it rules
    at: int  # milliseconds
    day: str  # 2026-11-27, the business day in the zone of the programme
    day_begins: int  # milliseconds
    day_ends: int  # milliseconds; half-open
    seed_hash: str
    version: int
    rules_hash: str
    stock: tuple[int | None, ...]  # left in all, in the order of the prizes, once `change` has been made
    change: tuple[int, ...]  # against what was left before; all 0 where nothing changed
    previous: str  # hash of the commitment before it; of the first, `genesis(draw)`


def rules_hash(rules: DrawRules) -> str:
    """Of the plain form of the rules."""
    return hash_of(plain(rules))


def seed_hash(seed: bytes) -> str:
    """What is published before the first spin of the day. Raises ValueError for a seed of another length."""
    if len(seed) != SEED_BYTES:
        raise ValueError(f"a seed has {SEED_BYTES} bytes")
    return hashlib.sha256(seed).hexdigest()


def genesis(draw: str) -> str:
    """What the first commitment and the first row of a draw follow."""
    return hashlib.sha256(message("draw", draw)).hexdigest()


def commitment_facts(commitment: Commitment) -> dict[str, Any]:
    """The plain form: what is published, and hashed by `commitment_hash`."""
    return {name: getattr(commitment, name) for name in commitment.__slots__}


def commitment_hash(commitment: Commitment) -> str:
    """Of its plain form."""
    return hash_of(commitment_facts(commitment))


def commitment_of(facts: Mapping[str, Any]) -> Commitment:
    """From the plain form, as it comes out of JSON."""
    return Commitment(**{**facts, "stock": tuple(facts["stock"]), "change": tuple(facts["change"])})


def is_nonce(text: str) -> bool:
    """Whether a client's nonce, or the key that stands for one, is 1..255 visible ASCII characters."""
    return _NONCE.fullmatch(text) is not None


def pseudonym(key: bytes, *, draw: str, member: str) -> str:
    """Who spun, as the public log says it: 32 hexadecimal digits, the same throughout a draw, and another one in any
    other draw. Nobody without the key can tell whose it is or that two are the same person's."""
    return hmac.digest(key, message("pseudonym", draw, member), "sha256")[:16].hex()


def roll_of(seed: bytes, *, draw: str, sequence: int, member: str, nonce: str) -> int:
    """The result of a spin, 0..999,999, every one equally likely; `member` is the pseudonym.

    HMAC-SHA256(seed, draw | sequence | member | nonce | block), block 0, 1, ...: of the eight big-endian words of four
    bytes of each block, the first below 4,294,000,000 counts, modulo 1,000,000. Larger ones are passed over, because
    2^32 is no multiple of 1,000,000.
    """
    return roll_in(lambda data: hmac.digest(seed, data, "sha256"), message(draw, str(sequence), member, nonce))


class Roller:
    """`roll_of` for many spins of one draw and seed: the key and the draw are made ready once."""

    __slots__ = ("_draw", "_inner", "_outer")

    def __init__(self, seed: bytes, draw: str) -> None:
        key = seed.ljust(64, b"\0")  # RFC 2104: the block of SHA-256; no longer than that, or seed_hash refuses it
        seed_hash(seed)
        self._inner = hashlib.sha256(bytes(byte ^ 0x36 for byte in key))
        self._outer = hashlib.sha256(bytes(byte ^ 0x5C for byte in key))
        self._draw = message(draw)

    def roll(self, sequence: int, member: str, nonce: str) -> int:
        """See `roll_of`."""
        return roll_in(self._keyed, self._draw + message(str(sequence), member, nonce))

    def _keyed(self, data: bytes) -> bytes:
        inner, outer = self._inner.copy(), self._outer.copy()
        inner.update(data)
        outer.update(inner.digest())
        return outer.digest()


def roll_in(keyed: Callable[[bytes], bytes], start: bytes) -> int:
    """The rejection itself: the first fair word of the keyed blocks of this message."""
    block = 0
    while True:
        digest = keyed(b"%b%d:%d," % (start, len(str(block)), block))
        for (word,) in _WORDS.iter_unpack(digest):
            if word < _FAIR:
                return int(word) % WHOLE
        block += 1


def row_of(
    outcome: Outcome, codes: Sequence[str], *, sequence: int, commitment: int, at: int, member: str, nonce: str,
    roll: int, before: Member,
) -> Row:  # fmt: skip
    """The row of a spin. `codes`: of the prizes, in their order; `before`: the member as the spin found them."""
    return Row(
        sequence, commitment, at, member, nonce, roll,
        before.spins, before.since, int(before.is_blocked), before.wins, before.wins_today,
        codes[outcome.rolled], codes[outcome.awarded], outcome.why.value,
    )  # fmt: skip


def row_bytes(row: Row) -> bytes:
    """The canonical bytes: a JSON list in the order of COLUMNS."""
    return canonical(row)


def chain_hash(previous: str, row: bytes) -> str:
    """Of a row's canonical bytes after the 64 hexadecimal digits of the row before it; of a draw's first row,
    `genesis(draw)`."""
    return hashlib.sha256(previous.encode() + row).hexdigest()
