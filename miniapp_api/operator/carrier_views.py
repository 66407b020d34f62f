"""How much may be put on a phone bill, as operators publish it."""

from datetime import datetime

from aiohttp import web

from handlers.carrier_billing.terms import CarrierVersion
from handlers.errors import CarrierTermsWrong, RoleMissing
from handlers.rules.carrier_billing import CarrierRules
from miniapp_api.auth import operator
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.member.order_shapes import MostFen
from miniapp_api.operator.shapes import below, next_place
from miniapp_api.replies import Created, Ok, reply
from miniapp_api.shapes import Body, Cursor, Id, Limit, Out, Page


class CarrierTermsBody(Body):
    """A version, in force at once: the most of one order, and of one number within a calendar month."""

    is_open: bool = True
    per_order_fen: MostFen = 5_000
    per_month_fen: MostFen = 20_000

    def rules(self) -> CarrierRules:
        """As the rules know it."""
        return CarrierRules(self.is_open, self.per_order_fen, self.per_month_fen)


class CarrierTermsOut(Out):
    """One version; it never changes."""

    number: int
    is_open: bool
    per_order_fen: int
    per_month_fen: int
    published_at: datetime
    published_by: Id

    @classmethod
    def of(cls, version: CarrierVersion) -> "CarrierTermsOut":
        """The version with its rules, flat."""
        rules = version.rules
        return cls(
            number=version.number,
            is_open=rules.is_open,
            per_order_fen=rules.per_order_fen,
            per_month_fen=rules.per_month_fen,
            published_at=version.published_at,
            published_by=version.published_by,
        )


@endpoint(tags=["order"], auth="operator", refuses=[RoleMissing])
async def carrier_versions(
    request: web.Request, limit: Limit = 20, cursor: Cursor | None = None
) -> Ok[Page[CarrierTermsOut]]:
    """What was published, the newest first: that one holds."""
    before = below(cursor)
    editing = handlers(request).carrier_billing.terms
    found = await editing.versions(operator(request), before=before, limit=limit + 1)
    more = next_place([each.number for each in found], limit)
    return Ok(Page(items=[CarrierTermsOut.of(each) for each in found[:limit]], next_cursor=more))


@endpoint(tags=["order"], auth="operator", refuses=[RoleMissing, CarrierTermsWrong])
async def publish_carrier_terms(
    request: web.Request, body: CarrierTermsBody, *, idempotency_key: str
) -> Created[CarrierTermsOut]:
    """A next version, for what is ordered from now on. Before the first one the house's own limits hold."""
    editing = handlers(request).carrier_billing.terms
    answer = await editing.publish(operator(request), body.rules(), request_id=idempotency_key)
    return reply(answer, CarrierTermsOut.of, status=201)


ROUTES = [
    web.get("/operator/carrier/terms", carrier_versions),
    web.post("/operator/carrier/terms", publish_carrier_terms),
]
