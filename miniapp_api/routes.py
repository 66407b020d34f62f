"""Every route of the REST door: one list per capability, put together here."""

from aiohttp import web

from miniapp_api.channel import co_brand_views as channel_co_brands
from miniapp_api.channel import views as channel
from miniapp_api.clerk import offline_views as clerk_offline
from miniapp_api.clerk import serving_views as clerk_serving
from miniapp_api.clerk import shift_views as clerk_shifts
from miniapp_api.clerk import statement_views as clerk_statements
from miniapp_api.clerk import views as clerk
from miniapp_api.member import card_views as cards
from miniapp_api.member import check_in_views as member_check_ins
from miniapp_api.member import claims as member_claims
from miniapp_api.member import co_brand_views as member_co_brands
from miniapp_api.member import draw_views as member_draws
from miniapp_api.member import level_views as member_levels
from miniapp_api.member import linking_views as member_linking
from miniapp_api.member import offers as member_offers
from miniapp_api.member import order_views as member_orders
from miniapp_api.member import organization_views as member_organizations
from miniapp_api.member import pass_views as member_passes
from miniapp_api.member import plan_views as member_plans
from miniapp_api.member import points_views as member_points
from miniapp_api.member import privacy_views as privacy
from miniapp_api.member import prizes as member_prizes
from miniapp_api.member import promoter_views as member_promoters
from miniapp_api.member import store_views as member_stores
from miniapp_api.member import task_views as member_tasks
from miniapp_api.member import views as member
from miniapp_api.member import withdrawal_views as member_withdrawals
from miniapp_api.operator import account_views as operator_accounts
from miniapp_api.operator import benefit_views as operator_benefits
from miniapp_api.operator import block_list_views as operator_block_list
from miniapp_api.operator import card_views as operator_cards
from miniapp_api.operator import carrier_views as operator_carrier
from miniapp_api.operator import channel_views as operator_channels
from miniapp_api.operator import check_in_views as operator_check_ins
from miniapp_api.operator import claim_views as operator_claims
from miniapp_api.operator import clerk_views as operator_clerks
from miniapp_api.operator import co_brand_views as operator_co_brands
from miniapp_api.operator import code_pool_views as operator_code_pools
from miniapp_api.operator import commission_views as operator_commissions
from miniapp_api.operator import draw_approval_views as operator_draw_approvals
from miniapp_api.operator import draw_simulation_views as operator_draw_simulations
from miniapp_api.operator import draw_views as operator_draws
from miniapp_api.operator import grant_views as operator_grants
from miniapp_api.operator import level_views as operator_levels
from miniapp_api.operator import member_views as operator_members
from miniapp_api.operator import menu_views as operator_menus
from miniapp_api.operator import merchant_views as operator_merchants
from miniapp_api.operator import offers as operator_offers
from miniapp_api.operator import offline_views as operator_offline
from miniapp_api.operator import order_views as operator_orders
from miniapp_api.operator import organization_views as operator_organizations
from miniapp_api.operator import payout_views as operator_payouts
from miniapp_api.operator import plan_share_views as operator_plan_shares
from miniapp_api.operator import plan_views as operator_plans
from miniapp_api.operator import points_views as operator_points
from miniapp_api.operator import promoter_views as operator_promoters
from miniapp_api.operator import reconciliation_views as operator_reconciliations
from miniapp_api.operator import reply_views as operator_replies
from miniapp_api.operator import settlement_views as operator_settlement
from miniapp_api.operator import supplier_views as operator_suppliers
from miniapp_api.operator import task_views as operator_tasks
from miniapp_api.operator import top_up_views as operator_top_ups
from miniapp_api.operator import views as operator
from miniapp_api.operator import void_views as operator_voids
from miniapp_api.operator import withdrawal_views as operator_withdrawals


def all_routes() -> list[web.RouteDef]:
    """What is mounted at `/api/v1`."""
    return [
        *member.ROUTES,
        *member_linking.ROUTES,
        *member_organizations.ROUTES,
        *member_offers.ROUTES,
        *member_stores.ROUTES,
        *member_claims.ROUTES,
        *member_orders.ROUTES,
        *member_withdrawals.ROUTES,
        *member_plans.ROUTES,
        *member_co_brands.ROUTES,
        *cards.ROUTES,
        *member_passes.ROUTES,
        *member_points.ROUTES,
        *member_levels.ROUTES,
        *member_check_ins.ROUTES,
        *member_tasks.ROUTES,
        *member_draws.ROUTES,
        *member_prizes.ROUTES,
        *member_promoters.ROUTES,
        *privacy.ROUTES,
        *clerk.ROUTES,
        *clerk_statements.ROUTES,
        *clerk_serving.ROUTES,
        *clerk_shifts.ROUTES,
        *clerk_offline.ROUTES,
        *operator.ROUTES,
        *operator_accounts.ROUTES,
        *operator_menus.ROUTES,
        *operator_replies.ROUTES,
        *operator_members.ROUTES,
        *operator_block_list.ROUTES,
        *operator_organizations.ROUTES,
        *operator_merchants.ROUTES,
        *operator_clerks.ROUTES,
        *operator_offline.ROUTES,
        *operator_benefits.ROUTES,
        *operator_cards.ROUTES,
        *operator_offers.ROUTES,
        *operator_code_pools.ROUTES,
        *operator_settlement.ROUTES,
        *operator_payouts.ROUTES,
        *operator_suppliers.ROUTES,
        *operator_top_ups.ROUTES,
        *operator_voids.ROUTES,
        *operator_orders.ROUTES,
        *operator_withdrawals.ROUTES,
        *operator_carrier.ROUTES,
        *operator_reconciliations.ROUTES,
        *operator_co_brands.ROUTES,
        *operator_plans.ROUTES,
        *operator_plan_shares.ROUTES,
        *operator_grants.ROUTES,
        *operator_claims.ROUTES,
        *operator_points.ROUTES,
        *operator_levels.ROUTES,
        *operator_channels.ROUTES,
        *channel.ROUTES,
        *channel_co_brands.ROUTES,
        *operator_check_ins.ROUTES,
        *operator_tasks.ROUTES,
        *operator_draws.ROUTES,
        *operator_draw_approvals.ROUTES,
        *operator_draw_simulations.ROUTES,
        *operator_promoters.ROUTES,
        *operator_commissions.ROUTES,
    ]
