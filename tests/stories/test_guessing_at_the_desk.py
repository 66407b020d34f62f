"""Somebody guesses at the boss's login all night; in the morning the boss signs in from the office as ever."""

import asyncio
from collections import Counter
from datetime import timedelta

import aiohttp
import pyotp
import pytest

from tests.operating import PASSWORD
from tests.stories.conftest import BOOTSTRAP_TOKEN

OFFICE, NIGHT = "127.0.0.1", "127.0.0.66"


class Screen:
    """A sign-in page somewhere: every request leaves from its address."""

    def __init__(self, town, address):
        self.town = town
        self.client = aiohttp.ClientSession(connector=aiohttp.TCPConnector(local_addr=(address, 0)))

    async def post(self, path, body):
        headers = {"Idempotency-Key": "first"} if path == "bootstrap" else {}
        url = f"{self.town.address}/api/v1/operator/{path}"
        async with self.client.post(url, json=body, headers=headers) as answer:
            return answer.status, dict(answer.headers), await answer.json()

    async def sign_in(self, password, otp="000000", login="boss"):
        return await self.post("sessions", {"login": login, "password": password, "otp": otp})


@pytest.fixture
async def screens(town):
    """The page in the office and the one of the night."""
    both = Screen(town, OFFICE), Screen(town, NIGHT)
    yield both
    for screen in both:
        await screen.client.close()


async def test_guesses_of_the_night_do_not_keep_the_boss_out_in_the_morning(town, screens):
    office, night = screens
    _, _, made = await office.post("bootstrap", {"token": BOOTSTRAP_TOKEN, "login": "boss", "password": PASSWORD})
    totp = pyotp.parse_uri(made["otpauth_uri"])
    assert (await office.sign_in(PASSWORD, totp.at(town.clock.now())))[0] == 201

    guesses = await asyncio.gather(*(night.sign_in(f"Guess-of-the-Night-{number}") for number in range(50)))
    assert Counter(status for status, _, _ in guesses) == {401: 5, 429: 45}
    headers, problem = next((headers, told) for status, headers, told in guesses if status == 429)
    assert problem["code"] == "operator.tries_used_up"
    assert problem["title"] == f"登录试得太多，请{problem['minutes']}分钟后再试；急用请联系管理员。"
    assert 0 < int(headers["Retry-After"]) <= 15 * 60

    town.wait(timedelta(seconds=60))  # a code works once
    status, _, opened = await office.sign_in(PASSWORD, totp.at(town.clock.now()))
    assert (status, set(opened)) == (201, {"token", "expires_at", "operator_id", "role"})
    assert (await night.sign_in(PASSWORD, totp.at(town.clock.now())))[0] == 429

    town.wait(timedelta(minutes=15))
    assert (await night.sign_in("Guess-of-the-Night-51"))[0] == 401  # a few more, and no more than that


async def test_whoever_guesses_at_logins_that_nobody_has_is_told_the_same(town, screens):
    _, night = screens
    told = [await night.sign_in("Guess-of-the-Night-1", login="nobody") for _ in range(6)]
    assert [status for status, _, _ in told] == [401] * 5 + [429]
    assert told[-1][2]["code"] == "operator.tries_used_up"
