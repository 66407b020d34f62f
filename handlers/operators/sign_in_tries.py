"""Tries to sign in as an operator, counted in the database before a password is looked at.

So guesses in parallel count as well, and a flush of Redis hands out no new ones. Logins that nobody has are counted
and refused like those that somebody has: whoever guesses learns nothing from it. Addresses are kept by keyed hash.
"""

from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from handlers.errors import SignInTriesUsedUp
from handlers.ports import Vault
from handlers.rules import sign_in_tries as rules
from models.database import require_atomic, row, rows
from models.ids import new_id
from models.sql import as_instant
from models.statements import cards, operators

ADDRESSES_KEPT = timedelta(days=90)  # after the last sign-in from there


@dataclass(frozen=True, slots=True)
class Origin:
    """Which login is tried from where, by keyed hashes."""

    login_hash: str
    address_hash: str
    both_hash: str

    @property
    def subject(self) -> str:
        """What tries at this login from this address are counted under."""
        return f"sign_in:{self.both_hash}"

    @property
    def caps(self) -> tuple[rules.Cap, ...]:
        """What they count under besides when the operator is not known to sign in from there."""
        return rules.caps_of_strangers(login_hash=self.login_hash, address_hash=self.address_hash)


@dataclass(frozen=True, slots=True)
class SignInTry:
    """One counted try, the `recent`th at this login from there.

    `rests_until`: it was the last one for now, for all strangers at this login where it `locks_login`.
    """

    origin: Origin
    at: datetime
    is_strangers: bool
    recent: int
    rests_until: datetime | None
    locks_login: bool = False


def origin_of(vault: Vault, *, login: str, address: str) -> Origin:
    """`address` as limits count it. The login in lower case, as it is stored."""
    return Origin(
        login_hash=login_hash(vault, login),
        address_hash=vault.blind_index("operator_address", address),
        both_hash=vault.blind_index("operator_sign_in", f"{address}\n{login}"),
    )


def login_hash(vault: Vault, login: str) -> str:
    """What stands for a login where tries are counted."""
    return vault.blind_index("operator_login", login)


async def count_try(origin: Origin, now: datetime, *, is_strangers: bool) -> SignInTry:
    """Count a try, inside an open transaction. Raises SignInTriesUsedUp, and then nothing is counted."""
    require_atomic()
    counted = await row(cards.COUNT_TRY, new_id(), now, origin.subject, now - rules.WINDOW)
    if counted is None:
        full = await row(cards.FIFTH_TRY, origin.subject)
        opens_at = as_instant(full["fifth_at"]) + rules.WINDOW if full and full["fifth_at"] else now
        # The fifth may have looked at the clock a moment after this one, and been counted before it.
        raise _used_up(min(opens_at, now + rules.WINDOW), now)
    recent = sorted(as_instant(at) for at in counted.values() if at is not None and as_instant(at) > now - rules.WINDOW)
    rests_until = recent[0] + rules.WINDOW if len(recent) == rules.AT_LOGIN_FROM_ADDRESS else None
    locks_login = False
    if is_strangers:
        for cap in origin.caps:
            within = await row(operators.COUNT_WITHIN, new_id(), now, cap.subject, rules.hour_of(now), cap.most)
            if within is None:
                raise _used_up(rules.hour_ends(now), now)
            if cap.is_login and within["tried_count"] == cap.most:
                rests_until, locks_login = rules.hour_ends(now), True
    return SignInTry(origin, now, is_strangers, len(recent), rests_until, locks_login)


async def give_back(tried: SignInTry) -> None:
    """A try that signed in does not count; inside its own open transaction, in the order of counting."""
    require_atomic()
    await rows(cards.GIVE_BACK_TRY, tried.origin.subject, tried.at)
    for cap in tried.origin.caps if tried.is_strangers else ():
        await rows(operators.GIVE_BACK_WITHIN, cap.subject, rules.hour_of(tried.at))


async def let_strangers_try(vault: Vault, login: str) -> None:
    """Forget what strangers tried at this login: the operator may come from anywhere. In an open transaction."""
    require_atomic()
    await rows(operators.FORGET_TRIES, rules.login_subject(login_hash(vault, login)))


async def signed_in_from(operator_id: UUID, origin: Origin, now: datetime) -> None:
    """From now on this operator is known to sign in from there; in the transaction of the sign-in."""
    require_atomic()
    await rows(operators.KNOWN_FROM, new_id(), now, operator_id, origin.address_hash)


async def whom(origin: Origin, login: str, now: datetime) -> dict[str, Any] | None:
    """The active operator of this login, and whether they are `known` to sign in from there."""
    return await row(operators.WHOM, login, origin.address_hash, now - ADDRESSES_KEPT)


def _used_up(opens_at: datetime, now: datetime) -> SignInTriesUsedUp:
    seconds = rules.seconds_until(opens_at, now)
    return SignInTriesUsedUp(minutes=-(-seconds // 60), retry_after=seconds)
