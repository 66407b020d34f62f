"""The line to our server: everything the simulator sends there goes through here."""

from collections.abc import Mapping
from dataclasses import dataclass

import aiohttp


class LineError(Exception):
    """No answer; the words say why."""


@dataclass(frozen=True)
class Response:
    """A whole answer. Header names are lower case."""

    status: int
    headers: Mapping[str, str]
    body: bytes


class Line:
    """HTTP to one server; connections are opened on first use."""

    def __init__(self, backend: str) -> None:
        self.backend = backend.rstrip("/")
        self._http: aiohttp.ClientSession | None = None

    async def request(
        self,
        method: str,
        path: str,
        *,
        timeout: float,
        params: Mapping[str, str] | None = None,
        headers: Mapping[str, str] | None = None,
        body: bytes | None = None,
    ) -> Response:
        """One request, never repeated or redirected. Raises LineError; `timeout` in seconds."""
        if self._http is None:
            self._http = aiohttp.ClientSession(cookie_jar=aiohttp.DummyCookieJar())
        try:
            async with self._http.request(
                method,
                self.backend + path,
                params=params,
                headers=headers,
                data=body,
                timeout=aiohttp.ClientTimeout(total=timeout),
                allow_redirects=False,
            ) as answer:
                names = {name.lower(): value for name, value in answer.headers.items()}
                return Response(answer.status, names, await answer.read())
        except TimeoutError as error:
            raise LineError(f"no answer within {timeout:g} s") from error
        except aiohttp.ClientError as error:
            raise LineError(f"no connection: {type(error).__name__}") from error

    async def close(self) -> None:
        """Close the connections."""
        if self._http is not None:
            await self._http.close()
            self._http = None
