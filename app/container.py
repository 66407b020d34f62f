"""The composition root: builds everything once, in one order, and takes it apart in the opposite one."""

import asyncio
import contextlib
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from dataclasses import dataclass

import aiohttp

from app.first_accounts import first_accounts, plain
from app.games import games
from app.measures import limits_of, registry_of
from app.money import money
from app.outward import Outward, open_outward
from app.schema import Settings
from app.work import Registry, work
from bot.routes import all_routes
from bot.wording import normalise
from gateways.clock import SystemClock, SystemRandomness
from gateways.passwords import Argon2Passwords
from gateways.signing import Ed25519Signer
from gateways.stores.answers import RedisAnswers
from gateways.stores.codes import RedisExchangedCodes
from gateways.stores.commands import BatchedRedis
from gateways.stores.connection import connected
from gateways.stores.dialogues import RedisDialogues
from gateways.stores.limits import ProcessRateLimiter
from gateways.stores.member_codes import RedisMemberCodes
from gateways.stores.nudge import Nudge
from gateways.stores.passes import RedisPasses
from gateways.stores.sessions import RedisSessions
from gateways.totp import Totp
from gateways.vault import FieldVault
from gateways.wechat import WeChatApi
from handlers.accounts.accounts import Accounts, ensure_root
from handlers.accounts.codes import CodeExchange
from handlers.accounts.mini_program_links import MiniProgramLinks
from handlers.accounts.operator_accounts import OperatorAccounts
from handlers.benefits.benefit_quotas import BenefitQuotas
from handlers.benefits.benefit_reviews import BenefitReviews
from handlers.benefits.benefits import Benefits
from handlers.benefits.code_stock import CodeStock
from handlers.benefits.operator_code_pools import OperatorCodePools
from handlers.cards.card_binding import CardBinding
from handlers.cards.card_desk import CardDesk
from handlers.cards.card_kind_editing import CardKindEditing
from handlers.cards.card_kinds import CardKinds, ensure_programme
from handlers.cards.cards import Cards
from handlers.cards.member_codes import MemberCodes
from handlers.cards.operator_card_imports import OperatorCardImports
from handlers.catalogue import Handlers
from handlers.channels.channels import Channels
from handlers.channels.gate import ChannelGate
from handlers.chat.menu_editing import MenuEditing
from handlers.chat.menus import Menus
from handlers.chat.notices import Notices
from handlers.chat.replies import Replies
from handlers.chat.reply_editing import ReplyEditing
from handlers.checkins.calendar import CheckInCalendar
from handlers.checkins.check_in_terms import CheckInTermsEditing
from handlers.checkins.check_ins import CheckIns
from handlers.claims.channel_wallet import ChannelWallet
from handlers.claims.chat_links import ChatLinks
from handlers.claims.claim_expiry import ClaimExpiry
from handlers.claims.claim_reminders import ClaimReminders
from handlers.claims.claiming import Claiming
from handlers.claims.package_parts import PackageParts
from handlers.claims.wallet import Wallet
from handlers.desk.operator_block_list import OperatorBlockList
from handlers.desk.operator_members import OperatorMembers
from handlers.desk.operator_reviews import OperatorReviews
from handlers.fulfillment.cancelling import TopUpCancelling
from handlers.fulfillment.hand_settling import HandSettling
from handlers.fulfillment.suppliers import Suppliers
from handlers.fulfillment.top_up_orders import TopUpOrders
from handlers.grants.claim_desk import ClaimDesk
from handlers.grants.grant_resuming import GrantResuming
from handlers.grants.granting import Granting
from handlers.grants.grants import Grants
from handlers.grants.regranting import Regranting
from handlers.identity.consents import Consents
from handlers.identity.following import Following
from handlers.identity.identity import Identity
from handlers.identity.links import Links
from handlers.identity.numbers import Numbers
from handlers.identity.phones import Phones
from handlers.identity.sessions import Sessions
from handlers.identity.tickets import Tickets
from handlers.identity.transfers import Transfers
from handlers.key_rotation import KeyRotation
from handlers.ledger.checkpoints import LedgerCheckpoints
from handlers.ledger.due import LedgerDue
from handlers.ledger.holding import HoldExpiry
from handlers.level_rights.giving import LevelRightsGiving
from handlers.level_rights.my_level import MyLevel
from handlers.level_rights.right_editing import LevelRightEditing
from handlers.levels.judging import LevelJudging
from handlers.levels.ladder_editing import LadderEditing
from handlers.levels.level_reminders import LevelReminders
from handlers.levels.my_level import LevelViews
from handlers.levels.overriding import LevelOverriding
from handlers.membership.membership import Membership
from handlers.offers.catalogue_of_offers import OfferCatalogue
from handlers.offers.offer_editing import OfferEditing
from handlers.offers.offer_stock import OfferStocks
from handlers.offline.conflicts import OfflineConflicts
from handlers.offline.cut_off import OfflineCutOff
from handlers.offline.packs import OfflinePacks
from handlers.offline.uploads import OfflineUploads
from handlers.offline.waiting import missing_scans
from handlers.operators.audit_chain import AuditChain
from handlers.operators.operator_jobs import OperatorJobs
from handlers.operators.operator_sessions import OperatorSessions
from handlers.operators.operators import Operators
from handlers.operators.organizations import Organizations
from handlers.outside_points.books import OutsideBooks
from handlers.outside_points.holding import OutsideHolds
from handlers.outside_points.returning import OutsideReturns
from handlers.points.points import Points
from handlers.points.points_adjusting import PointsAdjusting
from handlers.points.points_reminders import PointsReminders
from handlers.points.points_terms import PointsTermsEditing
from handlers.ports import Answers, Clock, Dialogues, RateLimiter, Vault, WeChat
from handlers.privacy.authorizations import Authorizations
from handlers.privacy.departures import Departures
from handlers.privacy.personal_data import PersonalDataRights
from handlers.purchases.looking_up import BuyerLookup
from handlers.purchases.purchase_rules import PurchaseRules
from handlers.purchases.purchases import Purchases
from handlers.purchases.waiting import WaitingPurchases
from handlers.redemptions.passes import Passes
from handlers.redemptions.redemption_history import RedemptionHistory
from handlers.redemptions.redemptions import Redemptions
from handlers.redemptions.reversals import Reversals
from handlers.serving.assisting import Assisting
from handlers.serving.clerk_switching import ClerkSwitching
from handlers.serving.identifying import Identifying
from handlers.serving.shifts import Shifts
from handlers.serving.void_requests import VoidRequests
from handlers.serving.voiding import Voiding
from handlers.settlement.redemption_reports import RedemptionReports
from handlers.settlement.sealing import Sealing
from handlers.settlement.settlement_terms import SettlementTermsEditing
from handlers.settlement.statement_closing import StatementClosing
from handlers.settlement.statement_replies import StatementReplies
from handlers.settlement.statements import Statements
from handlers.shops.clerk_sessions import ClerkSessions
from handlers.shops.clerks import Clerks
from handlers.shops.merchants import Merchants, Owners
from handlers.shops.nearby_stores import NearbyStores
from handlers.shops.stores import Stores
from handlers.tasks.task_editing import TaskEditing
from handlers.tasks.tasks import Tasks
from models import database
from models.words import Namespace


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
        async with (
            connected(settings.redis_url) as redis,
            aiohttp.ClientSession() as session,
            open_outward(settings, session, clock) as outward,
        ):
            commands, vault = BatchedRedis(redis), FieldVault(settings.field_key_bytes(), settings.index_key_bytes())
            wechat = WeChatApi(settings.wechat.api_url, session, commands, vault, clock)
            nudge = Nudge(redis, commands)
            handlers = build_handlers(settings, clock, vault, wechat, commands, outward)
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
                    rate_limiter=ProcessRateLimiter(limits_of(settings.rate), clock),
                    registry=work(),
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


def build_handlers(
    settings: Settings, clock: Clock, vault: Vault, wechat: WeChat, commands: BatchedRedis, outward: Outward
) -> Handlers:
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
    passes = RedisPasses(commands)
    replies = Replies(clock)
    operator_members = OperatorMembers(clock, vault, store, measure)
    phones, randomness = Phones(clock, wechat, exchange, vault), SystemRandomness()
    kinds, links, tickets = CardKinds(), MiniProgramLinks(wechat, accounts), Tickets(vault, randomness)
    passwords, second_factor = Argon2Passwords(), Totp(settings.brand.name or "饭票")
    supplier, points_outside, payments, carrier = outward
    top_up_orders, holds = TopUpOrders(clock, vault, supplier), OutsideHolds(clock, vault, points_outside)
    gate, dormant_after = ChannelGate(clock, vault), measure[Namespace.PHONE].dormant_after
    paid = money(clock, vault, randomness, wechat, accounts, payments, carrier, gate)
    hindering = top_up_orders, holds, paid["orders"], paid["withdrawals"].asking, paid["promoters"]
    hindrances = [each.hinders_leaving for each in hindering]
    departures = Departures(clock, vault, sessions, RedisDialogues(commands), hindrances)
    points = Points(clock)
    level_views, level_rights = LevelViews(clock), LevelRightsGiving(clock, vault)
    signer = Ed25519Signer()
    catalogue = OfferCatalogue(clock)
    member_codes = MemberCodes(clock, randomness, RedisMemberCodes(commands), links)
    return Handlers(
        accounts=accounts,
        assisting=Assisting(clock, vault, accounts, kinds, tickets, links, settings.public_url),
        audit_chain=AuditChain(clock, vault),
        authorizations=Authorizations(clock, vault, departures),
        operator_accounts=OperatorAccounts(clock, vault, accounts),
        operator_block_list=OperatorBlockList(clock, vault),
        operator_card_imports=OperatorCardImports(),
        operator_code_pools=OperatorCodePools(clock),
        operator_jobs=OperatorJobs(clock),
        operator_members=operator_members,
        operator_reviews=OperatorReviews(clock, vault, operator_members, measure),
        operator_sessions=OperatorSessions(clock, SystemRandomness(), vault, passwords, second_factor),
        operators=Operators(clock, vault, passwords, second_factor, plain(settings.operator.bootstrap_token)),
        organizations=Organizations(clock),
        benefit_quotas=BenefitQuotas(clock),
        benefit_reviews=BenefitReviews(clock),
        benefits=Benefits(clock),
        brands=Owners(clock, "brand"),
        card_binding=CardBinding(clock, vault, kinds, accounts, phones, tickets, links),
        card_desk=CardDesk(clock, vault),
        card_kind_editing=CardKindEditing(clock, kinds),
        card_kinds=kinds,
        cards=Cards(clock, vault, kinds),
        member_codes=member_codes,
        buyer_lookup=BuyerLookup(clock, gate, dormant_after),
        channel_gate=gate,
        channel_wallet=ChannelWallet(clock, gate, catalogue),
        channels=Channels(clock, vault),
        chat_links=ChatLinks(clock, tickets, links),
        code_stock=CodeStock(clock),
        check_in_calendar=CheckInCalendar(clock, vault),
        check_in_terms=CheckInTermsEditing(clock),
        check_ins=CheckIns(clock, vault),
        claim_desk=ClaimDesk(clock),
        claim_expiry=ClaimExpiry(clock),
        claim_reminders=ClaimReminders(clock),
        claiming=Claiming(clock, vault, holds),
        clerk_sessions=ClerkSessions(clock, randomness, sessions),
        clerk_switching=ClerkSwitching(clock, randomness, vault, passwords, sessions),
        clerks=Clerks(clock, vault, sessions),
        consents=Consents(clock, accounts, vault),
        departures=departures,
        outside_books=OutsideBooks(),
        outside_holds=holds,
        outside_returns=OutsideReturns(clock, vault, points_outside),
        following=following,
        hold_expiry=HoldExpiry(clock),
        identifying=Identifying(clock, vault, member_codes),
        grant_resuming=GrantResuming(clock),
        granting=Granting(clock, vault),
        grants=Grants(clock, vault),
        hand_settling=HandSettling(clock),
        top_up_cancelling=TopUpCancelling(clock),
        identity=identity,
        key_rotation=KeyRotation(vault),
        ledger_checkpoints=LedgerCheckpoints(),
        ledger_due=LedgerDue(clock),
        ladder_editing=LadderEditing(clock),
        level_judging=LevelJudging(clock),
        level_overriding=LevelOverriding(clock, level_views),
        level_reminders=LevelReminders(clock, level_views),
        level_right_editing=LevelRightEditing(clock),
        level_rights_giving=level_rights,
        my_level=MyLevel(level_views, level_rights),
        links=Links(clock, vault, tickets, sessions, measure),
        membership=Membership(clock, vault, accounts, phones, kinds, measure),
        menu_editing=MenuEditing(clock, wechat, accounts, settings.public_url),
        menus=Menus(clock, wechat, accounts, settings.public_url),
        merchants=Merchants(clock),
        nearby_stores=NearbyStores(clock),
        notices=Notices(clock, vault, wechat, accounts, following),
        numbers=Numbers(clock, vault, accounts, phones),
        offline_conflicts=OfflineConflicts(clock),
        offline_cut_off=OfflineCutOff(clock),
        offline_packs=OfflinePacks(clock, vault, signer),
        offline_uploads=OfflineUploads(clock, vault),
        offer_catalogue=catalogue,
        offer_editing=OfferEditing(clock, takes_money=bool(payments.mch_id), takes_bill=bool(carrier.mch_id)),
        offer_stocks=OfferStocks(clock),
        replies=replies,
        reply_editing=ReplyEditing(clock, replies, comparable=normalise, commands=all_routes().words),
        passes=Passes(clock, randomness, vault, passes),
        package_parts=PackageParts(clock, vault),
        personal_data=PersonalDataRights(clock, vault, sessions),
        points=points,
        points_adjusting=PointsAdjusting(clock, points),
        points_reminders=PointsReminders(clock, points),
        points_terms=PointsTermsEditing(clock),
        purchase_rules=PurchaseRules(clock),
        purchases=Purchases(clock, vault, dormant_after),
        waiting_purchases=WaitingPurchases(clock, dormant_after),
        redemption_history=RedemptionHistory(),
        redemption_reports=RedemptionReports(),
        redemptions=Redemptions(clock, vault, passes),
        regranting=Regranting(clock, vault, alone_fen=settings.grant.alone_fen),
        reversals=Reversals(clock),
        sessions=sessions,
        settlement_terms=SettlementTermsEditing(clock),
        sealing=Sealing(clock),
        statement_closing=StatementClosing(clock),
        statement_replies=StatementReplies(clock),
        statements=Statements(),
        shifts=Shifts(clock, [missing_scans]),
        stores=Stores(clock),
        suppliers=Suppliers(clock, vault),
        task_editing=TaskEditing(clock),
        tasks=Tasks(clock, vault, randomness),
        top_up_orders=top_up_orders,
        transfers=Transfers(clock, vault, accounts, phones, sessions, measure),
        void_requests=VoidRequests(clock),
        voiding=Voiding(clock),
        wallet=Wallet(clock, vault),
        **games(clock, vault, signer, links, settings),
        **paid,
    )
