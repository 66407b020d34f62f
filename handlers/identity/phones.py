"""Phone numbers that WeChat proves for a person who tapped the button."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from uuid import UUID

from handlers.accounts.accounts import AccountFacts
from handlers.accounts.codes import CodeExchange
from handlers.errors import PhoneBlocked, PhoneCodeRefused, WeChatUnavailable
from handlers.identity.block_list import blocked_among, note_blocked
from handlers.identity.proofs import key_of
from handlers.ports import Clock, PhoneNumber, Vault, WeChat, WeChatUserRefused
from handlers.rules.phones import normalise
from handlers.standing import canonical
from models.words import Namespace


@dataclass(frozen=True, slots=True)
class EncryptedPhone:
    """The older way: encryptedData and iv from the client, and the session key of the login they belong to."""

    data: str = field(repr=False)
    iv: str = field(repr=False)
    session_key: str = field(repr=False)


class Phones:
    """Turns a phone code, or the older encrypted data, into a proven number."""

    def __init__(self, clock: Clock, wechat: WeChat, exchange: CodeExchange, vault: Vault) -> None:
        self._clock = clock
        self._vault = vault
        self._wechat = wechat
        self._exchange = exchange

    async def prove(
        self, account: AccountFacts, *, member_id: UUID, code: str | None, encrypted: EncryptedPhone | None
    ) -> PhoneNumber:
        """The number behind a code (once, 5 minutes) or behind encrypted data, for this member.

        Raises PhoneCodeRefused, PhoneBlocked (a store's phone or the hotline: it is nobody's), WeChatUnavailable.
        """
        phone = await self._proven(account, member_id, code, encrypted)
        number = normalise(phone.number, phone.country_code)
        if number is not None:
            key = key_of(Namespace.PHONE, phone.country_code, number, self._vault)
            if await blocked_among([key], self._vault):
                await note_blocked(member_id, key, at=self._clock.now(), vault=self._vault)
                raise PhoneBlocked
        return phone

    async def _proven(
        self, account: AccountFacts, member_id: UUID, code: str | None, encrypted: EncryptedPhone | None
    ) -> PhoneNumber:
        if code is not None:
            return await self._by_code(account, member_id, code)
        if encrypted is None:
            raise PhoneCodeRefused
        try:
            return self._wechat.decrypt_phone(
                account.app, encrypted.session_key, encrypted.data, encrypted.iv, now=self._clock.now()
            )
        except WeChatUserRefused as refusal:
            raise PhoneCodeRefused from refusal

    async def _by_code(self, account: AccountFacts, member_id: UUID, code: str) -> PhoneNumber:
        async def ask() -> Mapping[str, str]:
            phone = await self._wechat.phone_number(account.app, code)
            return {"number": phone.number, "country_code": phone.country_code, "asked_by": str(member_id)}

        facts = await self._exchange.exchange("phone", account.app.app_id, code, ask, refused=_refused)
        asked_by = UUID(facts["asked_by"])
        # A remembered code is a retry of the same person, who may have been merged since; WeChat would refuse anybody.
        if asked_by != member_id and await canonical(asked_by) != await canonical(member_id):
            raise PhoneCodeRefused
        return PhoneNumber(facts["number"], facts["country_code"])


def _refused(refusal: WeChatUserRefused) -> PhoneCodeRefused | WeChatUnavailable:
    # 45011: too many calls a minute for this person.
    return WeChatUnavailable(retry_after=60) if refusal.errcode == 45011 else PhoneCodeRefused()
