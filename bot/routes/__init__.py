"""All routes of the chat, in the order they are looked at."""

from bot.router import Router
from bot.routes import (
    authorizations,
    benefits,
    cards,
    check_ins,
    clerk,
    co_brands,
    consents,
    draws,
    flash_sales,
    following,
    levels,
    membership,
    plans,
    points,
    promoters,
    service,
    shifts,
    withdrawals,
)


def all_routes() -> Router:
    """One router with every capability's routes."""
    router = Router()
    for capability in (
        authorizations,
        following,
        membership,
        plans,
        co_brands,
        cards,
        benefits,
        flash_sales,
        points,
        withdrawals,
        levels,
        check_ins,
        draws,
        promoters,
        clerk,
        shifts,
        consents,
        service,
    ):
        router.include(capability.router)
    return router
