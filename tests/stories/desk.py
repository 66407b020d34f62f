"""The operators' door as its users come to it: the first operator, signed in with password and authenticator."""

import uuid
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from datetime import UTC, datetime

import aiohttp
import pyotp
from aiohttp.client import _RequestContextManager

from tests.operating import PASSWORD
from tests.stories.conftest import BOOTSTRAP_TOKEN


class SignedIn:
    """One operator at the desk."""

    def __init__(self, session: aiohttp.ClientSession) -> None:
        self._session = session
        self._headers: dict[str, str] = {}
        self._uri = ""

    async def ask(self, method: str, path: str, body: object = None) -> tuple[int, dict]:
        """Any call below /operator; every POST with a key of its own."""
        headers = {**self._headers, **({"Idempotency-Key": str(uuid.uuid4())} if method == "POST" else {})}
        async with self._session.request(method, f"/api/v1/operator{path}", json=body, headers=headers) as answer:
            return answer.status, await answer.json() if answer.status != 204 else {}

    def keyed(self, method: str, path: str, body: object, key: str) -> "_RequestContextManager":
        """A call below /operator with this key, whatever the method."""
        headers = {**self._headers, "Idempotency-Key": key}
        return self._session.request(method, f"/api/v1/operator{path}", json=body, headers=headers)

    async def sign_in(self, login: str = "root") -> None:
        """The very first operator of the house."""
        first = {"token": BOOTSTRAP_TOKEN, "login": login, "password": PASSWORD}
        _, made = await self.ask("POST", "/bootstrap", first)
        self._uri = made["otpauth_uri"]
        await self.come_back(datetime.now(UTC), login)

    async def come_back(self, at: datetime, login: str = "root") -> None:
        """Signed in again at this time of the town's clock: sessions end after an hour without a request."""
        totp = pyotp.parse_uri(self._uri)
        assert isinstance(totp, pyotp.TOTP)
        body = {"login": login, "password": PASSWORD, "otp": totp.at(at)}
        status, opened = await self.ask("POST", "/sessions", body)
        assert status == 201, opened
        self._headers = {"Authorization": f"Bearer {opened['token']}"}

    async def file(self, path: str) -> tuple[aiohttp.ClientResponse, bytes]:
        """A download below /operator."""
        async with self._session.get(f"/api/v1/operator{path}", headers=self._headers) as answer:
            return answer, await answer.read()


@asynccontextmanager
async def at_the_desk(town) -> AsyncIterator[SignedIn]:
    """An operator of the root, until the block ends."""
    async with aiohttp.ClientSession(town.address) as session:
        desk = SignedIn(session)
        await desk.sign_in()
        yield desk
