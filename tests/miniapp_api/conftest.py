"""The example capability behind the real door, over a real socket."""

from collections.abc import Awaitable, Callable

import pytest
from aiohttp.test_utils import TestClient

from tests.miniapp_api.example import TOKEN, Limiter, Seen, example_app

SIGNED_IN = {"Authorization": f"Bearer {TOKEN}"}


@pytest.fixture
def seen() -> Seen:
    return Seen()


@pytest.fixture
def limiter() -> Limiter:
    return Limiter()


@pytest.fixture
async def client(aiohttp_client: Callable[..., Awaitable[TestClient]], limiter: Limiter, seen: Seen) -> TestClient:
    return await aiohttp_client(example_app(limiter, seen))
