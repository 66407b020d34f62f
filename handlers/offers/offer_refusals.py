"""Why somebody cannot have an offer, in the words of refusals. The catalogue says the same as a claim would."""

from collections.abc import Mapping
from datetime import datetime

from handlers.errors import (
    DomainError,
    OfferClosed,
    OfferLimitReached,
    OfferNotForYou,
    OfferNotOpen,
    OfferPaused,
    OfferSoldOut,
    OfferUnknown,
)
from handlers.recurring import BUSINESS_ZONE
from handlers.rules.eligibility import AudienceWord, PublishedOffer, Reason, Verdict
from handlers.rules.offer_terms import Audience, Limit, Period

_MEANT: Mapping[AudienceWord, str] = {
    AudienceWord.MEMBERS: "会员",
    AudienceWord.CARD_KINDS: "指定会员卡的持卡人",
    AudienceWord.CITY: "指定城市的会员",
    AudienceWord.NEW_MEMBERS: "新会员",
    AudienceWord.LIST: "受邀会员",
}


def refusal_of(offer: PublishedOffer, verdict: Verdict) -> DomainError:
    """Why not, in words. Raises ValueError for a verdict that is none."""
    title = offer.title
    match verdict.reason:
        case Reason.UNKNOWN:
            return OfferUnknown()
        case Reason.PAUSED:
            return OfferPaused(title=title)
        case Reason.NOT_FOR_YOU if verdict.audience is not None:
            return OfferNotForYou(
                title=title,
                audience=verdict.audience.value,
                meant=meant(verdict.audience, offer.terms.audience, offer.level_names),
            )
        case Reason.NOT_OPEN if verdict.opens_at is not None:
            return OfferNotOpen(title=title, time=shown_time(verdict.opens_at), opens_at=verdict.opens_at)
        case Reason.CLOSED:
            since = f"于{shown_time(verdict.closed_at)}" if verdict.closed_at else ""
            return OfferClosed(title=title, time=since, closed_at=verdict.closed_at)
    raise ValueError("they can have it")


def meant(outside: AudienceWord, audience: Audience, level_names: Mapping[str, str]) -> str:
    """For whom something is, in the words for people: the part of the audience they do not belong to."""
    if outside is not AudienceWord.LEVEL:
        return _MEANT[outside]
    if audience.level_at_least is not None:
        return f"{level_names.get(audience.level_at_least, '更高等级')}及以上"
    return "、".join(level_names.get(each, each) for each in audience.levels)


def shown_time(at: datetime) -> str:
    """An instant as people read it: `11月22日10:00`."""
    local = at.astimezone(BUSINESS_ZONE)
    return f"{local.month}月{local.day}日{local:%H:%M}"


def sold_out(offer: PublishedOffer, next_at: datetime | None) -> OfferSoldOut:
    """Nothing is left; there is more at `next_at`, or never again by itself."""
    more = f"下一批{shown_time(next_at)}开放" if next_at else "暂无下一批"
    return OfferSoldOut(title=offer.title, next_at=next_at, more=more)


_WITHIN: Mapping[Period, str] = {
    Period.EVER: "",
    Period.DAY: "今天",
    Period.WEEK: "本周",
    Period.MONTH: "本月",
    Period.YEAR: "今年",
}


def limit_reached(offer: PublishedOffer, limit: Limit, next_at: datetime | None) -> OfferLimitReached:
    """They had all that one member gets in a period; the next one begins at `next_at`."""
    return OfferLimitReached(
        title=offer.title,
        period=limit.period.value,
        count=limit.count,
        next_at=next_at,
        within=_WITHIN[limit.period],
        more=f"{shown_time(next_at)}起可以再领" if next_at else "可到“我的权益”查看",
    )
