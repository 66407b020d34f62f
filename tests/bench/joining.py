"""Joins as a phone makes them: sign in with a fresh code, then one tap. A client that costs as little as Python can.

wrk cannot tell which answer belongs to which person, and a join needs the token of its own session.
"""

import asyncio
import re
import time
from collections.abc import Iterator, Sequence
from dataclasses import dataclass
from uuid import uuid4

import orjson

from handlers.identity.consents import current_terms
from models.words import ConsentPurpose
from tests.bench.load import CONNECTIONS, BadAnswers

_LENGTH = re.compile(rb"\r\ncontent-length: (\d+)\r\n", re.IGNORECASE)
JOIN_BODY = orjson.dumps(
    {"consents": [{"purpose": "membership", "version": current_terms(ConsentPurpose.MEMBERSHIP).version}]}
)


@dataclass(frozen=True)
class Join:
    """One person's two calls, in seconds of the machine."""

    code: str
    token: str
    seconds: float
    answer: bytes


class Line:
    """One kept-alive connection that sends one request after another."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    @classmethod
    async def open(cls, port: int) -> "Line":
        """To a server on loopback."""
        return cls(*await asyncio.open_connection("127.0.0.1", port))

    async def post(self, path: str, body: bytes, *headers: str, kind: str = "application/json") -> tuple[int, bytes]:
        """Status and body of the answer."""
        lines = (f"POST {path} HTTP/1.1", "Host: 127.0.0.1", f"Content-Type: {kind}", f"Content-Length: {len(body)}")
        self._writer.write("\r\n".join((*lines, *headers, "", "")).encode() + body)
        head = await self._reader.readuntil(b"\r\n\r\n")
        found = _LENGTH.search(head)
        answer = await self._reader.readexactly(int(found[1])) if found else b""
        return int(head[9:12]), answer

    def close(self) -> None:
        """Hang up."""
        self._writer.close()


async def join(line: Line, code: str) -> Join:
    """POST /sessions, POST /members. Raises BadAnswers unless both are 201."""
    started = time.perf_counter()
    status, answer = await line.post("/api/v1/sessions", orjson.dumps({"code": code, "account": "mp"}))
    if status != 201:
        raise BadAnswers(f"POST /sessions: {status} {answer[:200]!r}")
    token = str(orjson.loads(answer)["token"])
    status, answer = await line.post(
        "/api/v1/members", JOIN_BODY, f"Authorization: Bearer {token}", f"Idempotency-Key: {uuid4()}"
    )
    if status != 201:
        raise BadAnswers(f"POST /members: {status} {answer[:200]!r}")
    return Join(code, token, time.perf_counter() - started, answer)


async def joins(port: int, codes: Sequence[str], *, seconds: float | None = None) -> tuple[list[Join], float]:
    """Join over 32 connections until the codes are used up, or for `seconds`; the joins, and how long it took.

    The last joins of a timed round are let finish, and time runs on for them.
    """
    lines = [await Line.open(port) for _ in range(CONNECTIONS)]
    done: list[Join] = []
    waiting: Iterator[str] = iter(codes)
    started = time.perf_counter()

    async def tap(line: Line) -> None:
        for code in waiting:
            done.append(await join(line, code))
            if seconds is not None and time.perf_counter() - started >= seconds:
                return

    try:
        async with asyncio.timeout((seconds or 60.0) + 60.0), asyncio.TaskGroup() as everybody:
            for line in lines:
                everybody.create_task(tap(line))
        return done, time.perf_counter() - started
    finally:
        for line in lines:
            line.close()
