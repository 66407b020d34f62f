"""Sessions of the mini-program: opened by a wx.login code, carried by an opaque random token, kept under its hash."""

import hashlib
import time
from collections.abc import Awaitable, Callable, Iterable, Mapping
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from uuid import UUID

from handlers.accounts.accounts import AccountFacts, Accounts
from handlers.accounts.codes import CodeExchange
from handlers.actors import Person
from handlers.errors import (
    AccountUnknown,
    DomainError,
    LoginBlocked,
    LoginCodeRefused,
    NotSignedIn,
    PhoneCodeRefused,
    WeChatUnavailable,
)
from handlers.identity.devices import seen_on
from handlers.identity.following import attribute
from handlers.identity.identity import Identity
from handlers.identity.proofs import wechat_proofs
from handlers.ports import (
    Clock,
    Randomness,
    SessionRecord,
    SessionStore,
    Vault,
    VaultError,
    WeChat,
    WeChatUserRefused,
)
from handlers.requests import Answer, Asked, once, recalled
from handlers.retrying import refusing
from handlers.standing import ids_of, standing
from models.database import atomic
from models.words import AccountKind, Touchpoint

# With the half second of the store beneath, an ended session is dead everywhere within one second.
REMEMBERED_SECONDS, REMEMBERED_AT_MOST = 0.5, 20_000
LASTS_AT_MOST = timedelta(days=30)  # absolute end; the store ends idle ones sooner


@dataclass(frozen=True, slots=True)
class Opened:
    """A new session. The token is shown once and never stored."""

    token: str = field(repr=False)
    expires_at: datetime
    person: Person


@dataclass(frozen=True, slots=True)
class Closed:
    """So many sessions ended."""

    count: int


@refusing
class Sessions:
    """Opens, finds and ends sessions."""

    def __init__(
        self,
        clock: Clock,
        randomness: Randomness,
        vault: Vault,
        wechat: WeChat,
        store: SessionStore,
        exchange: CodeExchange,
        accounts: Accounts,
        identity: Identity,
    ) -> None:
        self._clock = clock
        self._randomness = randomness
        self._vault = vault
        self._wechat = wechat
        self._store = store
        self._exchange = exchange
        self._accounts = accounts
        self._identity = identity
        self._recent: dict[str, tuple[float, Person]] = {}  # token hash -> (until, who): monotonic seconds
        self._endings = 0  # what was read before an ending is not remembered after it

    async def open(
        self, *, code: str, account: str | None = None, scene: str | None = None, device_id: str | None = None
    ) -> Opened:
        """Sign in with a wx.login code; the person becomes known if they were not. Several sessions may live.

        `device_id`: what an app around the mini-program calls its device, if it does.

        When the login shows that two known people are one, their other sessions end: each was opened as one of them.
        A frozen person signs in too, for what stays their right; everything else refuses them (`who`).
        Raises LoginCodeRefused, LoginBlocked, AccountUnknown, WeChatUnavailable.
        """
        facts = await self._mini_program(account)
        login = await self._login(facts, code)
        person = await self._recognise(facts, login, even_frozen=True)
        now = self._clock.now()
        if scene:
            async with atomic():
                await attribute(await standing(person.member_id, even_frozen=True), facts.id, scene, at=now)
        if device_id:
            await seen_on(person.member_id, device_id, at=now, vault=self._vault)
        token = self._randomness.token()
        token_hash = hash_token(token)
        record = SessionRecord(
            member_id=str(person.member_id),
            account=facts.key,
            session_key_cipher=self._vault.encrypt(login["session_key"], bound_to=token_hash),
            opened_at=now,
            expires_at=now + LASTS_AT_MOST,
        )
        await self._store.save(token_hash, record)
        return Opened(token, record.expires_at, person)

    async def identify(self, *, code: str, account: str | None = None) -> Person:
        """Who has this wx.login code, known from now on; no session is opened. Raises as `open`, MemberFrozen."""
        facts = await self._mini_program(account)
        return await self._recognise(facts, await self._login(facts, code), even_frozen=False)

    async def who(self, token: str, *, even_frozen: bool = False) -> Person:
        """The person behind a token; a member may be up to a second out of date. Raises NotSignedIn, MemberFrozen.

        `even_frozen` is for the rights that a freeze leaves: to see, to correct, to withdraw, to leave.
        """
        if even_frozen:
            record = await self._record(hash_token(token))
            member_id, through = UUID(record.member_id), Touchpoint.MINI_PROGRAM
            return await self._identity.person(member_id, record.account, through=through, even_frozen=True)
        token_hash, now = hash_token(token), time.monotonic()
        hit = self._recent.get(token_hash)
        if hit is not None and hit[0] > now:
            return hit[1]
        endings = self._endings
        record = await self._record(token_hash)
        person = await self._identity.person(UUID(record.member_id), record.account, through=Touchpoint.MINI_PROGRAM)
        # Whoever is about to join must be seen to have joined at once.
        if person.is_member and endings == self._endings:
            if len(self._recent) >= REMEMBERED_AT_MOST:
                self._recent.clear()
            self._recent[token_hash] = (now + REMEMBERED_SECONDS, person)
        return person

    async def session_key(self, token: str) -> str:
        """WeChat's session key of this login, for encryptedData; it never leaves the server."""
        record = await self._record(hash_token(token))
        try:
            return self._vault.decrypt(record.session_key_cipher, bound_to=hash_token(token))
        except VaultError as trouble:
            raise PhoneCodeRefused from trouble

    async def close(self, person: Person, *, token: str, request_id: str | None = None) -> Answer[Closed]:
        """End this session; ending it again is fine. Raises Overloaded, KeyReused (it was another session's)."""

        async def end() -> int:
            try:
                await self._store.drop(hash_token(token), str(person.member_id))
            finally:
                self._endings += 1
                self._recent.pop(hash_token(token), None)
            return 1

        return await _closed(person, "close_session", request_id, hash_token(token), end)

    async def close_all(self, person: Person, *, request_id: str | None = None) -> Answer[Closed]:
        """End every session of this person, also those of the rows that were merged into theirs.

        Asked again with its key from a session that was opened since, it ends none. Raises Overloaded, KeyReused.
        """

        async def end() -> int:
            ended = 0
            try:
                for member_id in await ids_of(person.member_id):
                    ended += await self._store.drop_all(str(member_id))
            finally:
                self._endings += 1
                self._recent.clear()
            return ended

        return await _closed(person, "close_sessions", request_id, None, end)

    async def close_others(self, member_id: UUID, *, token: str | None) -> int:
        """End every session of this person but the one with this token; how many ended.

        For acts after which nobody else should still be in: a binding, a changed phone, a merge. Without a token (they
        act in chat) all of them end. Raises Overloaded.
        """
        kept, ended = hash_token(token) if token else None, 0
        try:
            for each in await ids_of(member_id):
                ended += await self._store.drop_all(str(each), keep=kept)
        finally:
            self._endings += 1
            self._recent.clear()
        return ended

    async def end_all(self, member_ids: Iterable[UUID]) -> int:
        """End every session of these members, of which one person may have had several; how many ended."""
        self._recent.clear()
        return sum([await self._store.drop_all(str(member_id)) for member_id in member_ids])

    async def of(self, member_ids: Iterable[UUID]) -> list[SessionRecord]:
        """The live sessions of these members, the oldest first."""
        records = [record for member_id in member_ids for record in await self._store.of(str(member_id))]
        return sorted(records, key=lambda record: record.opened_at)

    async def _recognise(self, facts: AccountFacts, login: Mapping[str, str], *, even_frozen: bool) -> Person:
        proofs = wechat_proofs(facts.app.app_id, facts.open_platform, login["openid"], login["unionid"] or None)
        person, resolution = await self._identity.recognise_or_resolve(
            proofs, facts.key, through=Touchpoint.MINI_PROGRAM, even_frozen=even_frozen
        )
        if resolution is not None and resolution.absorbed:
            await self.close_all(person)
        return person

    async def _record(self, token_hash: str) -> SessionRecord:
        record = await self._store.find(token_hash)
        if record is None or record.expires_at <= self._clock.now():
            raise NotSignedIn
        return record

    async def _mini_program(self, account: str | None) -> AccountFacts:
        facts = await (self._accounts.get(account) if account else self._accounts.only(AccountKind.MINI_PROGRAM))
        if facts.kind is not AccountKind.MINI_PROGRAM:
            raise AccountUnknown
        return facts

    async def _login(self, facts: AccountFacts, code: str) -> Mapping[str, str]:
        async def ask() -> Mapping[str, str]:
            login = await self._wechat.exchange_login_code(facts.app, code)
            return {"openid": login.openid, "unionid": login.unionid or "", "session_key": login.session_key}

        return await self._exchange.exchange("login", facts.app.app_id, code, ask, refused=_refused)


async def _closed(
    person: Person, operation: str, request_id: str | None, facts: object, end: Callable[[], Awaitable[int]]
) -> Answer[Closed]:
    """Sessions are no rows of the database: they end first, which may be done twice, and then the answer is kept."""
    if request_id is None:
        return Answer(Closed(await end()))
    if before := await recalled(Asked.of(person, operation, request_id, facts), Closed):
        return before
    closed = Closed(await end())

    async def effect() -> Closed:
        return closed

    return await once(person, operation, request_id, facts=facts, result=Closed, effect=effect)


def _refused(refusal: WeChatUserRefused) -> DomainError:
    if refusal.errcode == 40226:
        return LoginBlocked()
    # 45011: more than 100 logins a minute of one person.
    return WeChatUnavailable(retry_after=60) if refusal.errcode == 45011 else LoginCodeRefused()


def hash_token(token: str) -> str:
    """How a token is stored. Plain SHA-256 is enough: the token itself has 256 random bits."""
    return hashlib.sha256(token.encode()).hexdigest()
