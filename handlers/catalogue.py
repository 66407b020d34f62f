"""Every use case the doors and the worker may call: one typed field per capability, filled in `app/container.py`."""

import asyncio
from dataclasses import dataclass

from handlers.accounts import Accounts
from handlers.audit_chain import AuditChain
from handlers.authorizations import Authorizations
from handlers.benefit_quotas import BenefitQuotas
from handlers.benefit_reviews import BenefitReviews
from handlers.benefits import Benefits
from handlers.card_binding import CardBinding
from handlers.card_desk import CardDesk
from handlers.card_kind_editing import CardKindEditing
from handlers.card_kinds import CardKinds
from handlers.cards import Cards
from handlers.catalogue_of_offers import OfferCatalogue
from handlers.claim_expiry import ClaimExpiry
from handlers.claim_reminders import ClaimReminders
from handlers.claiming import Claiming
from handlers.clerk_sessions import ClerkSessions
from handlers.clerks import Clerks
from handlers.code_stock import CodeStock
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
from handlers.merchants import Merchants, Owners
from handlers.notices import Notices
from handlers.numbers import Numbers
from handlers.offer_editing import OfferEditing
from handlers.offer_stock import OfferStocks
from handlers.operator_accounts import OperatorAccounts
from handlers.operator_block_list import OperatorBlockList
from handlers.operator_card_imports import OperatorCardImports
from handlers.operator_code_pools import OperatorCodePools
from handlers.operator_jobs import OperatorJobs
from handlers.operator_members import OperatorMembers
from handlers.operator_reviews import OperatorReviews
from handlers.operator_sessions import OperatorSessions
from handlers.operators import Operators
from handlers.organizations import Organizations
from handlers.package_parts import PackageParts
from handlers.passes import Passes
from handlers.personal_data import PersonalDataRights
from handlers.redemption_history import RedemptionHistory
from handlers.redemptions import Redemptions
from handlers.replies import Replies
from handlers.reply_editing import ReplyEditing
from handlers.reversals import Reversals
from handlers.sessions import Sessions
from handlers.stores import Stores
from handlers.transfers import Transfers
from handlers.wallet import Wallet


@dataclass(frozen=True, slots=True)
class Handlers:
    """The house's use cases, built once per process."""

    accounts: Accounts
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
    code_stock: CodeStock
    claim_expiry: ClaimExpiry
    claim_reminders: ClaimReminders
    claiming: Claiming
    clerk_sessions: ClerkSessions
    clerks: Clerks
    consents: Consents
    departures: Departures
    following: Following
    identity: Identity
    key_rotation: KeyRotation
    links: Links
    member_codes: MemberCodes
    membership: Membership
    menu_editing: MenuEditing
    menus: Menus
    merchants: Merchants
    notices: Notices
    numbers: Numbers
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
    operators: Operators
    organizations: Organizations
    replies: Replies
    reply_editing: ReplyEditing
    passes: Passes
    package_parts: PackageParts
    personal_data: PersonalDataRights
    redemption_history: RedemptionHistory
    redemptions: Redemptions
    reversals: Reversals
    sessions: Sessions
    stores: Stores
    transfers: Transfers
    wallet: Wallet

    async def close(self) -> None:
        """Let those who wait in a lane be answered; called once nobody new comes."""
        await asyncio.gather(self.identity.close(), self.membership.close(), self.claiming.close())
