"""Every route of the REST door: one list per capability, put together here."""

from aiohttp import web

from miniapp_api.member import card_views as cards
from miniapp_api.member import linking_views as member_linking
from miniapp_api.member import privacy_views as privacy
from miniapp_api.member import views as member
from miniapp_api.operator import account_views as operator_accounts
from miniapp_api.operator import block_list_views as operator_block_list
from miniapp_api.operator import card_views as operator_cards
from miniapp_api.operator import member_views as operator_members
from miniapp_api.operator import menu_views as operator_menus
from miniapp_api.operator import merchant_views as operator_merchants
from miniapp_api.operator import reply_views as operator_replies
from miniapp_api.operator import views as operator


def all_routes() -> list[web.RouteDef]:
    """What is mounted at `/api/v1`."""
    return [
        *member.ROUTES,
        *member_linking.ROUTES,
        *cards.ROUTES,
        *privacy.ROUTES,
        *operator.ROUTES,
        *operator_accounts.ROUTES,
        *operator_menus.ROUTES,
        *operator_replies.ROUTES,
        *operator_members.ROUTES,
        *operator_block_list.ROUTES,
        *operator_merchants.ROUTES,
        *operator_cards.ROUTES,
    ]
