"""The composition root: builds everything once, in one order, and takes it apart in the opposite one."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta

import aiohttp
from pydantic import SecretStr

from app.jobs import JobRegistry, add_housekeeping
from app.schema import Rate, Settings
from gateways.clock import SystemClock, SystemRandomness
from gateways.stores.answers import RedisAnswers
from gateways.stores.codes import RedisExchangedCodes
from gateways.stores.commands import BatchedRedis
from gateways.stores.connection import connected
from gateways.stores.dialogues import RedisDialogues
from gateways.stores.limits import Limit, ProcessRateLimiter
from gateways.stores.nudge import Nudge
from gateways.stores.sessions import RedisSessions
from gateways.vault import FieldVault
from gateways.wechat import WeChatApi
from handlers.accounts import AccountDraft, Accounts, ensure_root
from handlers.catalogue import Handlers
from handlers.codes import CodeExchange
from handlers.consents import Consents
from handlers.following import Following
from handlers.identity import Identity
from handlers.membership import Membership
from handlers.menus import Menus
from handlers.notices import Notices
from handlers.outbox import JobContext
from handlers.phones import Phones
from handlers.ports import Answers, Clock, Dialogues, RateLimiter, Vault, WeChat
from handlers.sessions import Sessions
from models import database
from models.words import AccountKind

Registry = JobRegistry[Handlers]


@dataclass(frozen=True, slots=True)
class House:
    """Everything a process needs, wired."""

    settings: Settings
    clock: Clock
    redis: BatchedRedis
    nudge: Nudge
    handlers: Handlers
    answers: Answers
    dialogues: Dialogues
    rate_limiter: RateLimiter
    registry: Registry


@asynccontextmanager
async def open_house(
    settings: Settings, *, clock: Clock | None = None, read_only: bool = False
) -> AsyncIterator[House]:
    """Connect, wire, and make the accounts of the settings known; closes everything within 4 s.

    `read_only` takes no writer's lock, so that it opens beside a server on SQLite too; the accounts are those that the
    server made known. Raises DatabaseInUse, DatabaseUnavailable, SchemaOutdated, VaultError (the keys are not those of
    the database).
    """
    clock = clock or SystemClock()
    await database.connect(settings.database_url, pool=settings.database_pool, read_only=read_only)
    try:
        await database.require_current()
        async with connected(settings.redis_url) as redis, aiohttp.ClientSession() as session:
            commands, vault = BatchedRedis(redis), FieldVault(settings.field_key_bytes(), settings.index_key_bytes())
            wechat = WeChatApi(settings.wechat.api_url, session, commands, vault, clock)
            nudge = Nudge(redis, commands)
            handlers = build_handlers(settings, clock, vault, wechat, commands)
            if not read_only:
                await ensure_root(settings.brand.name or "总部")
                for draft in first_accounts(settings):
                    await handlers.accounts.keep(draft)
            try:
                yield House(
                    settings=settings,
                    clock=clock,
                    redis=commands,
                    nudge=nudge,
                    handlers=handlers,
                    answers=RedisAnswers(commands),
                    dialogues=RedisDialogues(commands),
                    rate_limiter=ProcessRateLimiter(_limits(settings.rate), clock),
                    registry=_registry(),
                )
            finally:
                with contextlib.suppress(TimeoutError):
                    async with asyncio.timeout(1.0):
                        await wechat.aclose()
                        await nudge.aclose()
                        await commands.aclose()
    finally:
        await database.disconnect()


def build_handlers(settings: Settings, clock: Clock, vault: Vault, wechat: WeChat, commands: BatchedRedis) -> Handlers:
    """Every use case over the given outside world; tests give one of their own."""
    accounts, identity = Accounts(vault), Identity(clock, vault)
    exchange = CodeExchange(RedisExchangedCodes(commands), vault)
    following = Following(clock, wechat, identity)
    return Handlers(
        accounts=accounts,
        consents=Consents(clock, accounts),
        following=following,
        identity=identity,
        membership=Membership(clock, vault, accounts, Phones(clock, wechat, exchange)),
        menus=Menus(wechat, accounts, settings.public_url),
        notices=Notices(clock, vault, wechat, accounts, following),
        sessions=Sessions(
            clock=clock,
            randomness=SystemRandomness(),
            vault=vault,
            wechat=wechat,
            store=RedisSessions(commands, clock),
            exchange=exchange,
            accounts=accounts,
            identity=identity,
        ),
    )


def _registry() -> Registry:
    registry: Registry = JobRegistry()
    add_housekeeping(registry)
    registry.add("send_text", _send_text)
    registry.add("learn_unionid", _learn_unionid)
    return registry


async def _send_text(handlers: Handlers, job: JobContext) -> None:
    payload = job.payload
    await handlers.notices.send_text(account=payload["account"], member_id=payload["member_id"], text=payload["text"])


async def _learn_unionid(handlers: Handlers, job: JobContext) -> None:
    await handlers.notices.learn_unionid(account=job.payload["account"], member_id=job.payload["member_id"])


def first_accounts(settings: Settings) -> Iterator[AccountDraft]:
    """The official account `oa` and the mini-program `mp`, as far as the settings name them."""
    wechat, brand = settings.wechat, settings.brand
    if wechat.oa_app_id:
        yield AccountDraft(
            key="oa",
            kind=AccountKind.OFFICIAL_ACCOUNT,
            app_id=wechat.oa_app_id,
            secret=_plain(wechat.oa_secret),
            token=_plain(wechat.oa_token),
            aes_key=_plain(wechat.oa_aes_key),
            previous_aes_key=_plain(wechat.oa_previous_aes_key),
            original_id=wechat.oa_original_id or "",
            brand_name=brand.name,
            service_phone=brand.service_phone,
            service_hours=brand.service_hours,
        )
    if wechat.mp_app_id:
        yield AccountDraft(
            key="mp",
            kind=AccountKind.MINI_PROGRAM,
            app_id=wechat.mp_app_id,
            secret=_plain(wechat.mp_secret),
            token=_plain(wechat.mp_token),
            aes_key=_plain(wechat.mp_aes_key),
            brand_name=brand.name,
            service_phone=brand.service_phone,
            service_hours=brand.service_hours,
        )


def _plain(secret: SecretStr | None) -> str:
    return secret.get_secret_value() if secret else ""


def _limits(rate: Rate) -> dict[str, Limit]:
    """Limits by name; 0 in the settings means none, which is one that nobody reaches."""
    minute, no_limit = timedelta(minutes=1), 10**9
    return {
        "member": Limit(rate.member_per_minute or no_limit, minute),
        "address": Limit(rate.address_per_minute or no_limit, minute),
        "login": Limit(rate.login_per_minute or no_limit, minute),
    }
