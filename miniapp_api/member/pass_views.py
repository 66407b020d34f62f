"""核销码: the pass of one claim, for the counter."""

from datetime import datetime

from aiohttp import web
from pydantic import Field

from handlers.errors import BenefitPaused, ClaimUnknown, NotAMember, Overloaded, PassUnavailable
from miniapp_api.auth import person
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.pictures import qr_svg
from miniapp_api.replies import Created
from miniapp_api.shapes import Id, Out


class PassOut(Out):
    """`qr_svg` holds the token. `code` is there where the offer lets it be typed."""

    token: str
    expires_at: datetime
    code: str | None = Field(default=None, description="for a clerk without a camera")
    qr_svg: str


@endpoint(tags=["claim"], auth="person", refuses=[NotAMember, ClaimUnknown, PassUnavailable, BenefitPaused, Overloaded])
async def show_pass(request: web.Request, claim_id: Id, /) -> Created[PassOut]:
    """A pass for one redemption, 60 seconds. Asking again gives another."""
    shown = await handlers(request).passes.show(person(request), claim_id)
    picture = qr_svg(shown.token)
    return Created(PassOut(token=shown.token, expires_at=shown.expires_at, code=shown.code, qr_svg=picture))


ROUTES = [web.post("/me/claims/{claim_id}/pass", show_pass)]
