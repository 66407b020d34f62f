"""The use cases of money, wired: orders, plans, partners, withdrawals, distribution, bills and paying merchants."""

from typing import TypedDict

from app.outward import Telecom
from handlers.accounts.accounts import Accounts
from handlers.carrier_billing.buying import CarrierBuying
from handlers.carrier_billing.codes import Codes
from handlers.carrier_billing.confirming import Confirming
from handlers.carrier_billing.months import BillingMonths
from handlers.carrier_billing.room import CarrierRoom
from handlers.carrier_billing.terms import CarrierTermsEditing
from handlers.channels.gate import ChannelGate
from handlers.co_brands.editing import CoBrandEditing
from handlers.co_brands.ending import CoBrandEnding
from handlers.co_brands.entries import CoBrandEntries
from handlers.co_brands.figures import CoBrandFiguring
from handlers.co_brands.joining import CoBrandJoining
from handlers.co_brands.room import CoBrandHandlers
from handlers.distribution.commission_rules import CommissionRules
from handlers.distribution.leaderboard import PromoterDays
from handlers.distribution.operator_promoters import OperatorPromoters
from handlers.distribution.promoter_links import PromoterLinks
from handlers.distribution.promoters import Promoters
from handlers.distribution.releasing import CommissionReleasing
from handlers.orders.operator_orders import OperatorOrders
from handlers.orders.ordering import Ordering
from handlers.orders.orders import Orders
from handlers.orders.refund_proposals import RefundProposals
from handlers.orders.refunds import OrderRefunds
from handlers.orders.services import PaymentServices
from handlers.orders.shipping import OrderShipping
from handlers.orders.watching import OrderWatch
from handlers.plans.buying import PlanBuying
from handlers.plans.codes import PlanCodes
from handlers.plans.fee_figures import FeeFigures
from handlers.plans.my_membership import MyMembership
from handlers.plans.plan_editing import PlanEditing
from handlers.plans.plan_reminders import PlanReminders
from handlers.plans.room import PlanHandlers
from handlers.plans.trials import Trials
from handlers.ports import Clock, Payments, Randomness, Vault, WeChat
from handlers.reconciliation.reconciliations import Reconciliations
from handlers.settlement.deferring import SaleDeferring
from handlers.settlement.payouts import Payouts
from handlers.withdrawals.reviewing import WithdrawalReviews
from handlers.withdrawals.room import WithdrawalRoom
from handlers.withdrawals.sending import WithdrawalSending
from handlers.withdrawals.withdrawal_terms import WithdrawalTermsEditing
from handlers.withdrawals.withdrawals import Withdrawals


class Money(TypedDict):
    """By the names that the catalogue has for them."""

    carrier_billing: CarrierRoom
    co_brands: CoBrandHandlers
    commission_releasing: CommissionReleasing
    commission_rules: CommissionRules
    operator_orders: OperatorOrders
    operator_promoters: OperatorPromoters
    order_refunds: OrderRefunds
    order_shipping: OrderShipping
    order_watch: OrderWatch
    ordering: Ordering
    orders: Orders
    payouts: Payouts
    plans: PlanHandlers
    promoter_days: PromoterDays
    promoter_links: PromoterLinks
    promoters: Promoters
    reconciliations: Reconciliations
    refund_proposals: RefundProposals
    sale_deferring: SaleDeferring
    withdrawals: WithdrawalRoom


def money(
    clock: Clock,
    vault: Vault,
    randomness: Randomness,
    wechat: WeChat,
    accounts: Accounts,
    payments: Payments,
    carrier: Telecom,
    gate: ChannelGate,
) -> Money:
    """Over the given outside world."""
    ordering, services = Ordering(clock, vault, accounts, payments), PaymentServices(payments, carrier)
    codes = Codes(clock, vault, carrier)
    return Money(
        carrier_billing=CarrierRoom(
            buying=CarrierBuying(vault, carrier, carrier, ordering, codes),
            codes=codes,
            confirming=Confirming(clock, vault, carrier, codes),
            months=BillingMonths(clock),
            terms=CarrierTermsEditing(clock),
        ),
        co_brands=CoBrandHandlers(
            editing=CoBrandEditing(clock, randomness),
            ending=CoBrandEnding(clock),
            entries=CoBrandEntries(wechat, accounts),
            figures=CoBrandFiguring(clock, gate),
            joining=CoBrandJoining(clock, vault, randomness),
        ),
        commission_releasing=CommissionReleasing(clock),
        commission_rules=CommissionRules(clock),
        operator_orders=OperatorOrders(clock),
        operator_promoters=OperatorPromoters(clock),
        order_refunds=OrderRefunds(clock, services),
        order_shipping=OrderShipping(clock, vault, wechat, accounts),
        order_watch=OrderWatch(clock, vault, services),
        ordering=ordering,
        orders=Orders(clock, payments),
        payouts=Payouts(clock),
        plans=PlanHandlers(
            buying=PlanBuying(clock, vault, accounts, payments, ordering),
            codes=PlanCodes(clock, vault),
            editing=PlanEditing(clock),
            fees=FeeFigures(),
            mine=MyMembership(clock),
            reminders=PlanReminders(clock),
            trials=Trials(clock, vault),
        ),
        promoter_days=PromoterDays(clock),
        promoter_links=PromoterLinks(clock, randomness, wechat, accounts),
        promoters=Promoters(clock),
        reconciliations=Reconciliations(clock, services),
        refund_proposals=RefundProposals(clock),
        sale_deferring=SaleDeferring(clock),
        withdrawals=WithdrawalRoom(
            asking=Withdrawals(clock, vault, accounts, payments),
            sending=WithdrawalSending(clock, vault, payments),
            reviews=WithdrawalReviews(clock),
            terms=WithdrawalTermsEditing(clock),
        ),
    )
