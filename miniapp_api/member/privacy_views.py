"""Personal-data rights: see and copy everything, and leave. Correcting is `PATCH /me`."""

from typing import Annotated, Literal

from aiohttp import web
from pydantic import Field

from handlers.errors import DepartureHindered
from handlers.privacy.departures import GivenUp
from handlers.privacy.personal_data import PersonalData
from miniapp_api.auth import person
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.member.privacy_page import POLICY, personal_data_page
from miniapp_api.replies import Html, NoContent, Ok

Format = Annotated[
    Literal["json", "html"] | None, Field(description="`html` for a page to read; without it, what `Accept` prefers")
]

FenLeft = Annotated[int, Field(ge=0, le=10**12, description="the money that is left, where somebody gives it up")]
ClaimsLeft = Annotated[int, Field(ge=0, le=10**9, description="how many claims are paid for and unused; the same")]


@endpoint(tags=["privacy"], auth="person", even_frozen=True)
async def export_me(
    request: web.Request,
    format: Format = None,  # noqa: A002 - the word in the address
) -> Ok[PersonalData] | Html:
    """Everything that is held about the person, in the clear.

    Keyed hashes are not part of it: they hold nothing that does not stand here.
    """
    data = await handlers(request).personal_data.export(person(request))
    if format == "html" or (format is None and _prefers_a_page(request)):
        return Html(personal_data_page(data), policy=POLICY)
    return Ok(data)


def _prefers_a_page(request: web.Request) -> bool:
    accepted = [part.partition(";")[0].strip().lower() for part in request.headers.get("Accept", "").split(",")]
    return "text/html" in accepted and "application/json" not in accepted


@endpoint(tags=["privacy"], auth="person", even_frozen=True, refuses=[DepartureHindered])
async def leave(
    request: web.Request,
    gives_up_fen: FenLeft = 0,
    gives_up_claims: ClaimsLeft = 0,
    *,
    idempotency_key: str | None = None,
) -> NoContent:
    """Delete the person: identifiers, profile, numbers, cards, sessions; for good, and at once.

    Doing it twice is doing it once: a repeated request finds no session any more and answers 401. Who has money here or
    claims that they paid for is told how much and how many (`left_fen`, `paid_claims`): they take it out, use them or
    get their money back, or name the same as given up.
    """
    await handlers(request).departures.leave(person(request), GivenUp(gives_up_fen, gives_up_claims))
    return NoContent()


ROUTES = [
    web.get("/me/export", export_me),
    web.delete("/me", leave),
]
