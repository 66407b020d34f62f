"""Operators' passwords and one-time codes as the libraries make them."""

import asyncio
from datetime import UTC, datetime, timedelta

import pytest
from argon2 import PasswordHasher

from gateways.passwords import Argon2Passwords
from gateways.totp import Totp
from handlers.rules.passwords import is_acceptable

SECRET = "GEZDGNBVGY3TQOJQGEZDGNBVGY3TQOJQ"  # RFC 6238, appendix B: "12345678901234567890"
AT = datetime.fromtimestamp(1111111109, UTC)


def test_codes_are_those_of_the_standard():
    assert Totp("饭票").step(SECRET, "081804", AT) == 1111111109 // 30  # the last six of 07081804


@pytest.mark.parametrize(("seconds", "offset"), [(0, 0), (30, -1), (-30, 1), (60, None), (-60, None)])
def test_one_step_early_or_late_is_fine(seconds, offset):
    step = Totp("饭票").step(SECRET, "081804", AT + timedelta(seconds=seconds))
    assert step == (None if offset is None else 1111111109 // 30)


@pytest.mark.parametrize("code", ["081805", "81804", "", "０８１８０４", "0818040"])
def test_other_codes_are_none(code):
    assert Totp("饭票").step(SECRET, code, AT) is None


def test_the_address_names_issuer_and_login():
    totp = Totp("饭票")
    secret = totp.new_secret()
    assert len(secret) == 32
    uri = totp.uri(secret, login="root")
    assert uri.startswith("otpauth://totp/")
    assert f"secret={secret}" in uri
    assert "root" in uri


async def test_a_password_fits_its_own_hash_only_and_nobodys_never():
    passwords = Argon2Passwords(PasswordHasher(time_cost=1, memory_cost=8192))
    hashed = await passwords.hash("Correct-Horse-7")
    assert hashed.startswith("$argon2id$")
    assert await passwords.verify("Correct-Horse-7", hashed)
    assert not await passwords.verify("correct-horse-7", hashed)
    assert not await passwords.verify("nobody has this password", None)
    assert not await passwords.verify("x", "not a hash")
    assert not passwords.is_outdated(hashed)
    assert Argon2Passwords().is_outdated(hashed)


async def test_hashing_does_not_hold_up_the_event_loop():
    passwords, turns = Argon2Passwords(PasswordHasher()), 0

    async def count():
        nonlocal turns
        while True:
            turns += 1
            await asyncio.sleep(0.001)

    counting = asyncio.create_task(count())
    await asyncio.gather(*(passwords.hash("Correct-Horse-7") for _ in range(4)))
    counting.cancel()
    assert turns >= 5  # on the loop itself it would be one


@pytest.mark.parametrize(
    ("password", "fits"),
    [
        ("Correct-Horse-7", True),
        ("correct horse battery staple", True),
        ("Abcdef-12345", True),
        ("Abcdef-1234", False),
        ("abcdefgh1234", False),
        ("Aa1-Aa1-Aa1-", False),
        ("x-ROOT-y-12345", False),
        ("A1-" + "bcdefgh" * 20, False),
    ],
)
def test_what_a_password_must_be(password, fits):
    assert is_acceptable(password, login="root") is fits
