"""The use cases over a real database and real stores, with a WeChat that does what the test says."""

from collections.abc import AsyncIterator
from dataclasses import dataclass

import pytest

from app.container import build_handlers
from app.first_accounts import first_accounts
from app.outward import Outward
from gateways.stores.commands import BatchedRedis
from gateways.vault import FieldVault
from handlers.accounts.accounts import AccountDraft, ensure_root
from handlers.actors import Person
from handlers.cards.card_kinds import ensure_programme
from handlers.catalogue import Handlers
from handlers.identity.consents import Agreed, current_terms
from handlers.identity.proofs import wechat_proofs
from models.words import AccountKind, ConsentPurpose, Touchpoint
from tests.fakes import FakeCarrier, FakeClock, FakeOutsidePoints, FakePayments, FakeSupplier, FakeWeChat
from tests.stories.conftest import town_settings

MEMBERSHIP = current_terms(ConsentPurpose.MEMBERSHIP)
PHONE = current_terms(ConsentPurpose.PHONE)
MARKETING = current_terms(ConsentPurpose.MARKETING)


@dataclass
class Rooms:
    """What a test of a use case needs."""

    handlers: Handlers
    wechat: FakeWeChat
    clock: FakeClock
    vault: FieldVault
    supplier: FakeSupplier
    points: FakeOutsidePoints
    payments: FakePayments
    carrier: FakeCarrier

    async def person(self, openid: str = "o-ming", unionid: str | None = None, account: str = "mp") -> Person:
        """Somebody WeChat has just proven to be there."""
        facts = await self.handlers.accounts.get(account)
        proofs = wechat_proofs(facts.app.app_id, facts.open_platform, openid, unionid)
        through = Touchpoint.MINI_PROGRAM if account == "mp" else Touchpoint.CHAT
        return await self.handlers.identity.recognise(account, proofs, through=through)

    async def member(self, openid: str = "o-ming", unionid: str | None = None, phone: str | None = None) -> Person:
        """Somebody who joined."""
        person = await self.person(openid, unionid)
        agreed: list[Agreed] = [MEMBERSHIP, PHONE] if phone else [MEMBERSHIP]
        code = self.wechat.phone_code(phone) if phone else None
        await self.handlers.membership.join(person, agreed=agreed, phone_code=code)
        return await self.person(openid, unionid)


@pytest.fixture
async def rooms(database: str, redis, clock: FakeClock) -> AsyncIterator[Rooms]:
    settings = town_settings(database, "memory://", port=8080, platform_port=8090)
    vault = FieldVault(settings.field_key_bytes(), settings.index_key_bytes())
    commands, wechat = BatchedRedis(redis), FakeWeChat()
    supplier, points, payments, carrier = FakeSupplier(), FakeOutsidePoints(), FakePayments(), FakeCarrier()
    handlers = build_handlers(settings, clock, vault, wechat, commands, Outward(supplier, points, payments, carrier))
    await ensure_root("江南书店")
    await ensure_programme("江南书店", clock)
    for draft in first_accounts(settings):
        await handlers.accounts.keep(draft)
    yield Rooms(handlers, wechat, clock, vault, supplier, points, payments, carrier)
    await commands.aclose()


@pytest.fixture
async def far(rooms):
    """Mini-programs of other open platforms: WeChat tells nothing of who is the same person there."""
    for number in range(6):
        await rooms.handlers.accounts.keep(
            AccountDraft(
                key=f"far{number}",
                kind=AccountKind.MINI_PROGRAM,
                app_id=f"wx-far-{number}",
                secret="s",
                token="t",
                open_platform=f"platform-{number}",
            )
        )
    return rooms
