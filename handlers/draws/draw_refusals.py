"""Why somebody cannot spin, in the words of refusals."""

from datetime import datetime
from zoneinfo import ZoneInfo

from handlers.draws.held import HeldDraw
from handlers.errors import DomainError, DrawClosed, DrawNotForYou, DrawNotOpen, DrawPaused, DrawUnknown
from handlers.offers.offer_refusals import meant
from handlers.offers.offers import shown_time
from handlers.rules.eligibility import Asker, outside_of
from models.words import DrawState


def not_now(held: HeldDraw, now: datetime) -> DomainError | None:
    """Why nobody can spin at this instant; None: somebody can. The window is half-open."""
    rules = held.version.terms.rules
    if held.state is DrawState.ENDED or now >= rules.closes_at:
        return DrawClosed(title=rules.title, closed_at=rules.closes_at)
    if held.state is not DrawState.PUBLISHED:
        return DrawPaused(title=rules.title)
    if now < rules.opens_at:
        return DrawNotOpen(title=rules.title, time=shown_time(rules.opens_at), opens_at=rules.opens_at)
    return None


def outside(held: HeldDraw, who: Asker, now: datetime, zone: ZoneInfo) -> DomainError | None:
    """Why this person is not meant; None: they are."""
    if held.organization_id not in who.organization_path:
        return DrawUnknown()
    audience = held.version.terms.audience
    part = outside_of(audience, who, now, zone)
    if part is None:
        return None
    title = held.version.terms.rules.title
    return DrawNotForYou(title=title, audience=part.value, meant=meant(part, audience, held.level_names))
