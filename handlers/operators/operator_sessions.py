"""Operators sign in with password and one-time code; their sessions live in the database and end at once."""

import unicodedata
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from typing import Any
from uuid import UUID

from handlers.actors import Operator
from handlers.audit import record
from handlers.errors import OperatorNotSignedIn, SignInRefused
from handlers.identity.sessions import hash_token
from handlers.operators.sign_in_tries import SignInTry, count_try, give_back, origin_of, signed_in_from, whom
from handlers.ports import Clock, Passwords, Randomness, SecondFactor, Vault, VaultError
from handlers.retrying import refusing
from models.database import atomic, row, rows
from models.operators import Operator as OperatorRow
from models.operators import OperatorSession
from models.sql import as_instant, as_uuid
from models.statements import operators as statements
from models.words import OperatorRole

LASTS_AT_MOST = timedelta(hours=12)
IDLE_AT_MOST = timedelta(hours=1)
TOUCHED_AFTER = timedelta(minutes=1)  # last_used_at is not worth a write per request


@dataclass(frozen=True, slots=True)
class OperatorSignedIn:
    """A new session. The token is shown once and never stored."""

    token: str = field(repr=False)
    expires_at: datetime
    operator: Operator


@refusing
class OperatorSessions:
    """Opens, finds and ends sessions of operators."""

    def __init__(
        self, clock: Clock, randomness: Randomness, vault: Vault, passwords: Passwords, second_factor: SecondFactor
    ) -> None:
        self._clock = clock
        self._randomness = randomness
        self._vault = vault
        self._passwords = passwords
        self._second_factor = second_factor

    async def open(self, *, login: str, password: str, otp: str, address: str) -> OperatorSignedIn:
        """Sign in. A try is counted before anything is looked at, so that guesses in parallel count as well.

        `address`: where it comes from, as limits count it. Password and code are one try, whichever is wrong.

        Raises SignInTriesUsedUp, for logins that nobody has too, and SignInRefused, the same after the same work
        whatever the reason: unknown login, wrong password, wrong or used code, a login that was switched off.
        """
        now, login = self._clock.now(), login.lower()
        known, tried = await self._charge(login, address, now)
        fits = await self._passwords.verify(normal_form(password), known["password_hash"] if known else None)
        step = self._step(known, otp, now)
        if known is None or not fits or step is None:
            raise SignInRefused
        better = normal_form(password) if self._passwords.is_outdated(known["password_hash"]) else None
        better_hash = await self._passwords.hash(better) if better is not None else None
        return await self._admit(known, tried, step, better_hash)

    async def who(self, token: str) -> Operator:
        """The operator behind a token, asked of the database every time: revoking holds at once.

        Raises OperatorNotSignedIn.
        """
        now = self._clock.now()
        found = await row(statements.WHO, hash_token(token), now, now - IDLE_AT_MOST)
        if found is None:
            raise OperatorNotSignedIn
        session_id = as_uuid(found["session_id"])
        if as_instant(found["last_used_at"]) < now - TOUCHED_AFTER:
            await rows(statements.TOUCH, session_id, now, now - TOUCHED_AFTER)
        return _operator(as_uuid(found["operator_id"]), found, session_id)

    async def close(self, operator: Operator) -> None:
        """End this session; ending it again is fine."""
        now = self._clock.now()
        async with atomic():
            if await OperatorSession.filter(id=operator.session_id, revoked_at=None).update(revoked_at=now):
                await record(operator, "operator.signed_out", "operator", operator.id, at=now)

    async def _charge(self, login: str, address: str, now: datetime) -> tuple[dict[str, Any] | None, SignInTry]:
        origin = origin_of(self._vault, login=login, address=address)
        async with atomic():
            known = await whom(origin, login, now)
            tried = await count_try(origin, now, is_strangers=known is None or not known["known"])
            if known is not None and tried.rests_until is not None:
                actor = _operator(as_uuid(known["id"]), known, session_id=UUID(int=0))
                if tried.locks_login:
                    await row(statements.REST, actor.id, tried.rests_until)
                facts: dict[str, Any] = {"tries": tried.recent, "rests_until": tried.rests_until}
                facts |= {"is_strangers": tried.is_strangers}
                await record(actor, "operator.tried", "operator", actor.id, at=now, **facts)
        return known, tried

    def _step(self, known: dict[str, Any] | None, otp: str, now: datetime) -> int | None:
        if known is None:
            self._second_factor.step("A" * 32, otp, now)
            return None
        try:
            secret = self._vault.decrypt(known["totp_cipher"], bound_to=totp_bound_to(as_uuid(known["id"])))
        except VaultError:
            return None
        return self._second_factor.step(secret, otp, now)

    async def _admit(
        self, known: dict[str, Any], tried: SignInTry, step: int, better_hash: str | None
    ) -> OperatorSignedIn:
        operator_id, token, now = as_uuid(known["id"]), self._randomness.token(), tried.at
        async with atomic():
            await give_back(tried)  # before the operator's row is locked: whoever counts locks in this order
            found = await row(statements.ADMIT, operator_id, step, known["password_hash"], known["totp_cipher"])
            if found is None:
                raise SignInRefused
            if better_hash is not None:
                await OperatorRow.filter(id=operator_id).update(password_hash=better_hash)
            await signed_in_from(operator_id, tried.origin, now)
            if tried.is_strangers:
                await rows(statements.STRANGERS_MAY, operator_id)
            session = await OperatorSession.create(
                operator_id=operator_id,
                token_hash=hash_token(token),
                expires_at=now + LASTS_AT_MOST,
                last_used_at=now,
            )
            operator = _operator(operator_id, found, session.id)
            tries: dict[str, Any] = {"failed_tries": tried.recent - 1} if tried.recent > 1 else {}
            await record(operator, "operator.signed_in", "operator", operator_id, at=now, **tries)
        return OperatorSignedIn(token, session.expires_at, operator)


def _operator(operator_id: UUID, found: dict[str, Any], session_id: UUID) -> Operator:
    return Operator(
        id=operator_id,
        organization_id=as_uuid(found["organization_id"]),
        role=OperatorRole(found["role"]),
        login=found["login"],
        session_id=session_id,
    )


def normal_form(password: str) -> str:
    """One spelling of what was typed, whatever the keyboard composed it of (RFC 8265)."""
    return unicodedata.normalize("NFC", password)


def totp_bound_to(operator_id: UUID) -> str:
    """What the cipher of the second factor's secret is bound to."""
    return f"operator:{operator_id}:totp"
