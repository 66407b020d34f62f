"""积分: `GET /me/points` and its entries."""

from collections.abc import Sequence
from datetime import datetime
from uuid import UUID

from aiohttp import web
from pydantic import Field

from handlers.points.points import EntryKind, PointsEntry
from miniapp_api.auth import person
from miniapp_api.errors import CursorInvalid
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.replies import Ok
from miniapp_api.shapes import Cursor, Id, Limit, Out, Page, decode_cursor, encode_cursor


class EndingOut(Out):
    points: int
    expires_at: datetime = Field(description="the first instant at which they are gone")


class PointsOut(Out):
    """What there is now. `expiring`: what ends within 30 days when nothing is spent before, the soonest first."""

    available: int = Field(description="can be spent now")
    pending: int = Field(description="earned, and cannot be spent yet")
    held: int = Field(description="set aside for something that is under way")
    expiring: list[EndingOut]


class EntryOut(Out):
    """One line: what came is positive, what went negative."""

    id: Id
    kind: EntryKind
    points: int
    note: str = Field(description="to read: the rule's name, or why it was adjusted")
    happened_at: datetime
    available_at: datetime | None = Field(description="from when on it can be spent; null: at once")
    expires_at: datetime | None = Field(description="null: never")

    @classmethod
    def of(cls, entry: PointsEntry) -> "EntryOut":
        """As the handler tells it."""
        return cls(
            id=entry.id,
            kind=entry.kind,
            points=entry.amount,
            note=entry.note,
            happened_at=entry.happened_at,
            available_at=entry.available_at,
            expires_at=entry.expires_at,
        )


@endpoint(tags=["points"], auth="person")
async def my_points(request: web.Request) -> Ok[PointsOut]:
    """How many points there are, what is pending, and what ends soon."""
    return Ok(PointsOut.model_validate(await handlers(request).points.view(person(request))))


@endpoint(tags=["points"], auth="person")
async def my_entries(request: web.Request, limit: Limit = 20, cursor: Cursor | None = None) -> Ok[Page[EntryOut]]:
    """Every entry, the newest first."""
    found = await handlers(request).points.entries(person(request), before=before(cursor), limit=limit + 1)
    return Ok(entry_page(found, limit))


def before(cursor: str | None) -> UUID | None:
    """The last id of the page before. Raises CursorInvalid."""
    if cursor is None:
        return None
    try:
        return UUID(decode_cursor(cursor, str)[0])
    except ValueError as trouble:
        raise CursorInvalid from trouble


def entry_page(found: Sequence[PointsEntry], limit: int) -> Page[EntryOut]:
    """A page of what was asked for with one more than `limit`."""
    more = encode_cursor([str(found[limit - 1].id)]) if len(found) > limit else None
    return Page(items=[EntryOut.of(each) for each in found[:limit]], next_cursor=more)


ROUTES = [web.get("/me/points", my_points), web.get("/me/points/entries", my_entries)]
