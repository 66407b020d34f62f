"""How much the settings allow: of one person's identifiers, and of calls in a minute."""

from datetime import timedelta

from app.schema import IdentityMeasure, Rate
from bot.flood import CHAT, CHAT_TOLD
from gateways.stores.limits import Limit
from handlers.rules import namespaces


def registry_of(identity: IdentityMeasure) -> namespaces.Registry:
    """The registry of namespaces with the measure of the settings."""
    return namespaces.registry(
        merges_a_day=identity.merges_per_day,
        identifiers_of_one=identity.identifiers_per_member,
        phone_dormant_after=timedelta(days=identity.phone_dormant_days),
    )


def limits_of(rate: Rate) -> dict[str, Limit]:
    """Limits by name; 0 in the settings means none, which is one that nobody reaches."""
    minute, no_limit = timedelta(minutes=1), 10**9
    return {
        "member": Limit(rate.member_per_minute or no_limit, minute),
        "address": Limit(rate.address_per_minute or no_limit, minute),
        "login": Limit(rate.login_per_minute or no_limit, minute),
        CHAT: Limit(rate.chat_per_minute or no_limit, minute),
        CHAT_TOLD: Limit(1, minute),
    }
