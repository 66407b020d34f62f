"""等级: `GET /me/level`."""

from datetime import datetime

from aiohttp import web
from pydantic import Field

from miniapp_api.auth import person
from miniapp_api.http import endpoint
from miniapp_api.keys import handlers
from miniapp_api.replies import Ok
from miniapp_api.shapes import Out


class NextLevelOut(Out):
    code: str
    name: str
    missing: int = Field(description="growth that is still needed to reach it")


class KeepingOut(Out):
    """What keeps the level for another period."""

    growth: int = Field(description="that has to come within this period")
    earned: int = Field(description="of it so far")
    missing: int
    judged_at: datetime = Field(description="the first instant after this period")


class LevelOut(Out):
    """Where somebody stands. Without a level, `code` and `name` are empty."""

    code: str
    name: str
    growth: int
    next: NextLevelOut | None = Field(description="null: there is none above")
    keep: KeepingOut | None = Field(description="null: nothing has to be kept")
    override_until: datetime | None = Field(description="lifted until then, by hand or by what they have paid for")


@endpoint(tags=["levels"], auth="person")
async def my_level(request: web.Request) -> Ok[LevelOut]:
    """The level, what is missing to the next one, and what keeps it until when."""
    return Ok(LevelOut.model_validate(await handlers(request).my_level.view(person(request))))


ROUTES = [web.get("/me/level", my_level)]
