"""What is published of a draw besides the rules that decide: for whom, how it looks, how long a thing waits."""

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Any
from uuid import UUID

from handlers.rules.draw_rules import DrawRules, plain, rules_of
from handlers.rules.offer_terms import Audience
from models.words import DrawLook

MOST_ADDRESS_DAYS = 365


@dataclass(frozen=True, slots=True)
class DrawTerms:
    """Everything that a version says. `address_days`: how long what was won waits for an address, or for what else
    it asks of its winner."""

    rules: DrawRules
    audience: Audience = field(default_factory=Audience)
    look: DrawLook = DrawLook.WHEEL
    address_days: int = 30


def stored(terms: DrawTerms) -> dict[str, Any]:
    """As a version's column holds it; the rules in the plain form that is hashed."""
    audience = {name: getattr(terms.audience, name) for name in terms.audience.__slots__}
    audience |= {
        "organizations": _texts(terms.audience.organizations),
        "member_list": _texts(terms.audience.member_list),
    }
    return {
        "rules": plain(terms.rules),
        "audience": audience | {"levels": list(terms.audience.levels), "card_kinds": list(terms.audience.card_kinds)},
        "look": terms.look.value,
        "address_days": terms.address_days,
    }


def terms_of(facts: Mapping[str, Any]) -> DrawTerms:
    """The other way round. Raises KeyError, TypeError or ValueError for what is none."""
    audience = dict(facts["audience"])
    for name in ("organizations", "member_list"):
        audience[name] = tuple(map(UUID, audience[name]))
    for name in ("levels", "card_kinds"):
        audience[name] = tuple(audience[name])
    return DrawTerms(
        rules=rules_of(facts["rules"]),
        audience=Audience(**audience),
        look=DrawLook(facts["look"]),
        address_days=facts["address_days"],
    )


def _texts(ids: tuple[UUID, ...]) -> list[str]:
    return [str(each) for each in ids]
