"""The composition root: builds everything once, in one order, and takes it apart in the opposite one."""

import asyncio
import contextlib
from collections.abc import AsyncIterator, Iterator
from contextlib import asynccontextmanager
from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

import aiohttp
from pydantic import SecretStr

from app.jobs import JobRegistry, add_housekeeping
from app.schema import IdentityMeasure, Rate, Settings
from bot import texts
from bot.flood import CHAT, CHAT_TOLD
from bot.routes import all_routes
from bot.wording import normalise
from gateways.clock import SystemClock, SystemRandomness
from gateways.passwords import Argon2Passwords
from gateways.stores.answers import RedisAnswers
from gateways.stores.codes import RedisExchangedCodes
from gateways.stores.commands import BatchedRedis
from gateways.stores.connection import connected
from gateways.stores.dialogues import RedisDialogues
from gateways.stores.limits import Limit, ProcessRateLimiter
from gateways.stores.member_codes import RedisMemberCodes
from gateways.stores.nudge import Nudge
from gateways.stores.sessions import RedisSessions
from gateways.totp import Totp
from gateways.vault import FieldVault
from gateways.wechat import WeChatApi
from handlers.accounts import AccountDraft, Accounts, ensure_root
from handlers.audit_chain import AuditChain
from handlers.authorizations import Authorizations
from handlers.card_binding import CardBinding
from handlers.card_desk import CardDesk
from handlers.card_kind_editing import CardKindEditing
from handlers.card_kinds import CardKinds, ensure_programme
from handlers.cards import Cards
from handlers.catalogue import Handlers
from handlers.codes import CodeExchange
from handlers.consents import Consents
from handlers.departures import Departures
from handlers.following import Following
from handlers.identity import Identity
from handlers.key_rotation import KeyRotation
from handlers.links import Links
from handlers.member_codes import MemberCodes
from handlers.membership import Membership
from handlers.menu_editing import MenuEditing
from handlers.menus import Menus
from handlers.merchants import Owners, Stores
from handlers.mini_program_links import MiniProgramLinks
from handlers.notices import Notices
from handlers.numbers import Numbers
from handlers.operator_accounts import OperatorAccounts
from handlers.operator_block_list import OperatorBlockList
from handlers.operator_card_imports import OperatorCardImports
from handlers.operator_jobs import OperatorJobs
from handlers.operator_members import OperatorMembers
from handlers.operator_reviews import OperatorReviews
from handlers.operator_sessions import OperatorSessions
from handlers.operators import Operators
from handlers.outbox import JobContext
from handlers.personal_data import PersonalDataRights
from handlers.phones import Phones
from handlers.ports import Answers, Clock, Dialogues, RateLimiter, Vault, WeChat
from handlers.recurring import Every
from handlers.replies import Replies
from handlers.reply_editing import ReplyEditing
from handlers.rules import namespaces
from handlers.rules.replies import SaidMiniProgram
from handlers.sessions import Sessions
from handlers.tickets import Tickets
from handlers.transfers import Transfers
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
                await ensure_programme(settings.brand.name or "会员计划", clock)
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
                        await handlers.close()
                        await wechat.aclose()
                        await nudge.aclose()
                        await commands.aclose()
    finally:
        await database.disconnect()


def build_handlers(settings: Settings, clock: Clock, vault: Vault, wechat: WeChat, commands: BatchedRedis) -> Handlers:
    """Every use case over the given outside world; tests give one of their own."""
    measure = registry_of(settings.identity)
    accounts, identity = Accounts(vault), Identity(clock, vault, measure)
    exchange = CodeExchange(RedisExchangedCodes(commands), vault)
    following = Following(clock, wechat, identity)
    store = RedisSessions(commands, clock)
    sessions = Sessions(
        clock=clock,
        randomness=SystemRandomness(),
        vault=vault,
        wechat=wechat,
        store=store,
        exchange=exchange,
        accounts=accounts,
        identity=identity,
    )
    replies = Replies(clock)
    operator_members = OperatorMembers(clock, vault, store, measure)
    phones, randomness = Phones(clock, wechat, exchange, vault), SystemRandomness()
    kinds, links, tickets = CardKinds(), MiniProgramLinks(wechat, accounts), Tickets(vault, randomness)
    passwords, second_factor = Argon2Passwords(), Totp(settings.brand.name or "饭票")
    departures = Departures(clock, vault, sessions, RedisDialogues(commands))
    return Handlers(
        accounts=accounts,
        audit_chain=AuditChain(clock, vault),
        authorizations=Authorizations(clock, vault, departures),
        operator_accounts=OperatorAccounts(clock, vault, accounts),
        operator_block_list=OperatorBlockList(clock, vault),
        operator_card_imports=OperatorCardImports(),
        operator_jobs=OperatorJobs(clock),
        operator_members=operator_members,
        operator_reviews=OperatorReviews(clock, vault, operator_members, measure),
        operator_sessions=OperatorSessions(clock, SystemRandomness(), vault, passwords, second_factor),
        operators=Operators(clock, vault, passwords, second_factor, _plain(settings.operator.bootstrap_token)),
        brands=Owners(clock, "brand"),
        card_binding=CardBinding(clock, vault, kinds, accounts, phones, tickets, links),
        card_desk=CardDesk(clock, vault),
        card_kind_editing=CardKindEditing(clock, kinds),
        card_kinds=kinds,
        cards=Cards(clock, vault, kinds),
        member_codes=MemberCodes(clock, randomness, RedisMemberCodes(commands), links),
        consents=Consents(clock, accounts, vault),
        departures=departures,
        following=following,
        identity=identity,
        key_rotation=KeyRotation(vault),
        links=Links(clock, vault, tickets, sessions, measure),
        membership=Membership(clock, vault, accounts, phones, kinds, measure),
        menu_editing=MenuEditing(clock, wechat, accounts, settings.public_url),
        menus=Menus(clock, wechat, accounts, settings.public_url),
        merchants=Owners(clock, "merchant"),
        notices=Notices(clock, vault, wechat, accounts, following),
        numbers=Numbers(clock, vault, accounts, phones),
        replies=replies,
        reply_editing=ReplyEditing(clock, replies, comparable=normalise, commands=all_routes().words),
        personal_data=PersonalDataRights(clock, vault, sessions),
        sessions=sessions,
        stores=Stores(clock),
        transfers=Transfers(clock, vault, accounts, phones, sessions, measure),
    )


def registry_of(identity: IdentityMeasure) -> namespaces.Registry:
    """The registry of namespaces with the measure of the settings."""
    return namespaces.registry(
        merges_a_day=identity.merges_per_day,
        identifiers_of_one=identity.identifiers_per_member,
        phone_dormant_after=timedelta(days=identity.phone_dormant_days),
    )


def _registry() -> Registry:
    registry: Registry = JobRegistry()
    add_housekeeping(registry)
    registry.every("seal_audit", Every(timedelta(seconds=15)), _seal_audit)
    registry.every("rotate_keys", Every(timedelta(minutes=10)), _rotate_keys)
    registry.every("anchor_audit", Every(timedelta(hours=1)), _anchor_audit)
    registry.add("recognise_kind", _recognise_kind)
    registry.add("say_bound", _say_bound)
    registry.add("send_text", _send_text)
    registry.add("send_mini_program_card", _send_mini_program_card)
    registry.add("learn_unionid", _learn_unionid)
    registry.add("sweep_departure", _sweep_departure)
    return registry


async def _seal_audit(handlers: Handlers, _: JobContext) -> None:
    await handlers.audit_chain.seal()


async def _rotate_keys(handlers: Handlers, _: JobContext) -> None:
    await handlers.key_rotation.go_on()


async def _anchor_audit(handlers: Handlers, _: JobContext) -> None:
    await handlers.audit_chain.anchor()


async def _recognise_kind(handlers: Handlers, job: JobContext) -> None:
    await handlers.cards.recognise_kind(UUID(job.payload["kind_id"]), round_=job.payload.get("round", "0"))


async def _say_bound(handlers: Handlers, job: JobContext) -> None:
    said = job.payload
    text = texts.bound(said["card_kind"], said["last4"], said["also"])
    await handlers.notices.send_text(account=said["account"], member_id=said["member_id"], text=text)


async def _send_text(handlers: Handlers, job: JobContext) -> None:
    payload = job.payload
    await handlers.notices.send_text(account=payload["account"], member_id=payload["member_id"], text=payload["text"])


async def _send_mini_program_card(handlers: Handlers, job: JobContext) -> None:
    account, member_id, card = job.payload["account"], job.payload["member_id"], job.payload["card"]
    # A mapping in a payload is kept as pairs, so that its order survives.
    await handlers.notices.send_mini_program_card(
        account=account, member_id=member_id, card=SaidMiniProgram(**dict(card))
    )


async def _learn_unionid(handlers: Handlers, job: JobContext) -> None:
    await handlers.notices.learn_unionid(account=job.payload["account"], member_id=job.payload["member_id"])


async def _sweep_departure(handlers: Handlers, job: JobContext) -> None:
    await handlers.departures.sweep_again(job.payload["erased_id"])


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
        CHAT: Limit(rate.chat_per_minute or no_limit, minute),
        CHAT_TOLD: Limit(1, minute),
    }
