"""WeChat's single-use codes, exchanged once and remembered: a retried call must not fail on a used code."""

import asyncio
from collections.abc import Awaitable, Callable, Mapping

import orjson

from handlers.errors import DomainError, WeChatUnavailable
from handlers.ports import PENDING, ExchangedCodes, Vault, VaultError, WeChatError, WeChatRetryLater, WeChatUserRefused

WAIT_SECONDS, WAITS = 0.1, 40  # for a twin that exchanges the same code right now


class CodeExchange:
    """Exchanges a code for what it proves, at most once at WeChat, any number of times here (10 minutes)."""

    def __init__(self, codes: ExchangedCodes, vault: Vault) -> None:
        self._codes = codes
        self._vault = vault

    async def exchange(
        self,
        kind: str,
        app_id: str,
        code: str,
        ask: Callable[[], Awaitable[Mapping[str, str]]],
        *,
        refused: Callable[[WeChatUserRefused], DomainError],
    ) -> Mapping[str, str]:
        """The facts that `ask` gave for this code, now or up to 10 minutes ago.

        Raises what `refused` makes of WeChat's refusal, and WeChatUnavailable when WeChat cannot be asked.
        """
        code_hash = self._vault.blind_index(f"code:{kind}", f"{app_id}:{code}")
        for _ in range(WAITS):
            known = await self._codes.take(code_hash)
            if known is None:
                return await self._ask(code_hash, ask, refused)
            if known != PENDING:
                return self._open(known, code_hash)
            await asyncio.sleep(WAIT_SECONDS)
        raise WeChatUnavailable(retry_after=1)

    async def _ask(
        self,
        code_hash: str,
        ask: Callable[[], Awaitable[Mapping[str, str]]],
        refused: Callable[[WeChatUserRefused], DomainError],
    ) -> Mapping[str, str]:
        try:
            facts = await ask()
        except BaseException as trouble:
            await self._codes.release(code_hash)
            if (told := _told(trouble, refused)) is not None:
                raise told from trouble
            raise
        cipher = self._vault.encrypt(orjson.dumps(dict(facts)).decode(), bound_to=code_hash)
        self._codes.remember(code_hash, cipher)
        return facts

    def _open(self, cipher: str, code_hash: str) -> Mapping[str, str]:
        try:
            facts: Mapping[str, str] = orjson.loads(self._vault.decrypt(cipher, bound_to=code_hash))
        except VaultError as trouble:
            raise WeChatUnavailable from trouble
        return facts


def _told(trouble: BaseException, refused: Callable[[WeChatUserRefused], DomainError]) -> DomainError | None:
    """What the person is told of WeChat's refusal or absence; None when it is neither."""
    match trouble:
        case WeChatUserRefused():
            return refused(trouble)
        case WeChatRetryLater():
            return WeChatUnavailable(retry_after=int(trouble.retry_after or 2))
        case WeChatError():
            return WeChatUnavailable()
    return None
