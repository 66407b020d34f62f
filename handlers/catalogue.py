"""Every use case the doors and the worker may call: one typed field per capability, filled in `app/container.py`."""

import asyncio
from dataclasses import dataclass

from handlers.accounts.accounts import Accounts
from handlers.accounts.operator_accounts import OperatorAccounts
from handlers.benefits.benefit_quotas import BenefitQuotas
from handlers.benefits.benefit_reviews import BenefitReviews
from handlers.benefits.benefits import Benefits
from handlers.benefits.code_stock import CodeStock
from handlers.benefits.operator_code_pools import OperatorCodePools
from handlers.cards.card_binding import CardBinding
from handlers.cards.card_desk import CardDesk
from handlers.cards.card_kind_editing import CardKindEditing
from handlers.cards.card_kinds import CardKinds
from handlers.cards.cards import Cards
from handlers.cards.member_codes import MemberCodes
from handlers.cards.operator_card_imports import OperatorCardImports
from handlers.carrier_billing.room import CarrierRoom
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
from handlers.co_brands.room import CoBrandHandlers
from handlers.desk.operator_block_list import OperatorBlockList
from handlers.desk.operator_members import OperatorMembers
from handlers.desk.operator_reviews import OperatorReviews
from handlers.distribution.commission_rules import CommissionRules
from handlers.distribution.leaderboard import PromoterDays
from handlers.distribution.operator_promoters import OperatorPromoters
from handlers.distribution.promoter_links import PromoterLinks
from handlers.distribution.promoters import Promoters
from handlers.distribution.releasing import CommissionReleasing
from handlers.draws.draw_approvals import DrawApprovals
from handlers.draws.draw_editing import DrawEditing
from handlers.draws.draw_stock import DrawStock
from handlers.draws.draw_winners import DrawWinners
from handlers.draws.draws import Draws
from handlers.draws.due_prizes import DuePrizes
from handlers.draws.own_chances import OwnChances
from handlers.draws.parcels import Parcels
from handlers.draws.prize_reminders import PrizeReminders
from handlers.draws.revealing import Revealing
from handlers.draws.spinning import Spinning
from handlers.draws.waiting_prizes import WaitingPrizes
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
from handlers.identity.sessions import Sessions
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
from handlers.levels.overriding import LevelOverriding
from handlers.membership.membership import Membership
from handlers.offers.catalogue_of_offers import OfferCatalogue
from handlers.offers.offer_editing import OfferEditing
from handlers.offers.offer_stock import OfferStocks
from handlers.offline.conflicts import OfflineConflicts
from handlers.offline.cut_off import OfflineCutOff
from handlers.offline.packs import OfflinePacks
from handlers.offline.uploads import OfflineUploads
from handlers.operators.audit_chain import AuditChain
from handlers.operators.operator_jobs import OperatorJobs
from handlers.operators.operator_sessions import OperatorSessions
from handlers.operators.operators import Operators
from handlers.operators.organizations import Organizations
from handlers.orders.operator_orders import OperatorOrders
from handlers.orders.ordering import Ordering
from handlers.orders.orders import Orders
from handlers.orders.refund_proposals import RefundProposals
from handlers.orders.refunds import OrderRefunds
from handlers.orders.shipping import OrderShipping
from handlers.orders.watching import OrderWatch
from handlers.outside_points.books import OutsideBooks
from handlers.outside_points.holding import OutsideHolds
from handlers.outside_points.returning import OutsideReturns
from handlers.plans.room import PlanHandlers
from handlers.points.points import Points
from handlers.points.points_adjusting import PointsAdjusting
from handlers.points.points_reminders import PointsReminders
from handlers.points.points_terms import PointsTermsEditing
from handlers.privacy.authorizations import Authorizations
from handlers.privacy.departures import Departures
from handlers.privacy.personal_data import PersonalDataRights
from handlers.purchases.looking_up import BuyerLookup
from handlers.purchases.purchase_rules import PurchaseRules
from handlers.purchases.purchases import Purchases
from handlers.purchases.waiting import WaitingPurchases
from handlers.reconciliation.reconciliations import Reconciliations
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
from handlers.settlement.deferring import SaleDeferring
from handlers.settlement.payouts import Payouts
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
from handlers.simulation.draw_outcomes import DrawOutcomes
from handlers.simulation.draw_simulating import DrawSimulating
from handlers.simulation.odds_watch import OddsWatch
from handlers.tasks.task_editing import TaskEditing
from handlers.tasks.tasks import Tasks
from handlers.withdrawals.room import WithdrawalRoom


@dataclass(frozen=True, slots=True)
class Handlers:
    """The house's use cases, built once per process."""

    accounts: Accounts
    assisting: Assisting
    audit_chain: AuditChain
    authorizations: Authorizations
    benefit_quotas: BenefitQuotas
    benefit_reviews: BenefitReviews
    benefits: Benefits
    brands: Owners
    card_binding: CardBinding
    card_desk: CardDesk
    card_kind_editing: CardKindEditing
    card_kinds: CardKinds
    cards: Cards
    buyer_lookup: BuyerLookup
    channel_gate: ChannelGate
    channel_wallet: ChannelWallet
    channels: Channels
    chat_links: ChatLinks
    code_stock: CodeStock
    check_in_calendar: CheckInCalendar
    check_in_terms: CheckInTermsEditing
    check_ins: CheckIns
    carrier_billing: CarrierRoom
    claim_desk: ClaimDesk
    claim_expiry: ClaimExpiry
    claim_reminders: ClaimReminders
    claiming: Claiming
    clerk_sessions: ClerkSessions
    clerk_switching: ClerkSwitching
    clerks: Clerks
    co_brands: CoBrandHandlers
    commission_releasing: CommissionReleasing
    commission_rules: CommissionRules
    consents: Consents
    departures: Departures
    draw_approvals: DrawApprovals
    draw_editing: DrawEditing
    draw_winners: DrawWinners
    draw_outcomes: DrawOutcomes
    draw_revealing: Revealing
    draw_simulating: DrawSimulating
    draw_stock: DrawStock
    draws: Draws
    own_chances: OwnChances
    outside_books: OutsideBooks
    outside_holds: OutsideHolds
    outside_returns: OutsideReturns
    parcels: Parcels
    due_prizes: DuePrizes
    prize_reminders: PrizeReminders
    waiting_prizes: WaitingPrizes
    spinning: Spinning
    following: Following
    hold_expiry: HoldExpiry
    identifying: Identifying
    grant_resuming: GrantResuming
    granting: Granting
    grants: Grants
    hand_settling: HandSettling
    top_up_cancelling: TopUpCancelling
    identity: Identity
    key_rotation: KeyRotation
    ledger_checkpoints: LedgerCheckpoints
    ledger_due: LedgerDue
    ladder_editing: LadderEditing
    level_judging: LevelJudging
    level_overriding: LevelOverriding
    level_reminders: LevelReminders
    level_right_editing: LevelRightEditing
    level_rights_giving: LevelRightsGiving
    my_level: MyLevel
    links: Links
    member_codes: MemberCodes
    membership: Membership
    menu_editing: MenuEditing
    menus: Menus
    merchants: Merchants
    nearby_stores: NearbyStores
    notices: Notices
    numbers: Numbers
    offline_conflicts: OfflineConflicts
    offline_cut_off: OfflineCutOff
    offline_packs: OfflinePacks
    offline_uploads: OfflineUploads
    odds_watch: OddsWatch
    offer_catalogue: OfferCatalogue
    offer_editing: OfferEditing
    offer_stocks: OfferStocks
    operator_accounts: OperatorAccounts
    operator_block_list: OperatorBlockList
    operator_card_imports: OperatorCardImports
    operator_code_pools: OperatorCodePools
    operator_jobs: OperatorJobs
    operator_members: OperatorMembers
    operator_reviews: OperatorReviews
    operator_sessions: OperatorSessions
    operator_orders: OperatorOrders
    operator_promoters: OperatorPromoters
    operators: Operators
    order_refunds: OrderRefunds
    refund_proposals: RefundProposals
    order_shipping: OrderShipping
    order_watch: OrderWatch
    ordering: Ordering
    orders: Orders
    organizations: Organizations
    replies: Replies
    reply_editing: ReplyEditing
    passes: Passes
    package_parts: PackageParts
    personal_data: PersonalDataRights
    payouts: Payouts
    plans: PlanHandlers
    points: Points
    points_adjusting: PointsAdjusting
    points_reminders: PointsReminders
    points_terms: PointsTermsEditing
    promoter_days: PromoterDays
    promoter_links: PromoterLinks
    promoters: Promoters
    purchase_rules: PurchaseRules
    purchases: Purchases
    waiting_purchases: WaitingPurchases
    reconciliations: Reconciliations
    redemption_history: RedemptionHistory
    redemption_reports: RedemptionReports
    redemptions: Redemptions
    regranting: Regranting
    reversals: Reversals
    sale_deferring: SaleDeferring
    sessions: Sessions
    settlement_terms: SettlementTermsEditing
    sealing: Sealing
    statement_closing: StatementClosing
    statement_replies: StatementReplies
    statements: Statements
    shifts: Shifts
    stores: Stores
    suppliers: Suppliers
    task_editing: TaskEditing
    tasks: Tasks
    top_up_orders: TopUpOrders
    transfers: Transfers
    void_requests: VoidRequests
    voiding: Voiding
    wallet: Wallet
    withdrawals: WithdrawalRoom

    async def close(self) -> None:
        """Let those who wait in a lane be answered; called once nobody new comes."""
        lanes = (
            self.identity,
            self.membership,
            self.claiming,
            self.redemptions,
            self.purchases,
            self.channel_gate,
            self.check_ins,
            self.spinning,
            self.ordering,
            self.order_watch,
            self.order_refunds,
            self.withdrawals.sending,
        )
        await asyncio.gather(*(each.close() for each in lanes))
