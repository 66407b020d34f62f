"""等级 as its member asks for it: what the clock has decided and what the level brings is done first."""

from handlers.actors import Person
from handlers.level_rights.giving import LevelRightsGiving
from handlers.levels.my_level import LevelStep, LevelView, LevelViews
from handlers.retrying import refusing
from handlers.standing import canonical


@refusing
class MyLevel:
    """Tells a member's level. What is due is given at this touch, whether or not a job has been there."""

    def __init__(self, views: LevelViews, giving: LevelRightsGiving) -> None:
        self._views = views
        self._giving = giving

    async def view(self, person: Person) -> LevelView:
        """How it stands now. Raises NotSignedIn."""
        member_id = await canonical(person.member_id)
        seen = await self._views.of_member(member_id)
        if seen.is_due or await self._giving.is_due(member_id, seen.code):
            await self._giving.reach(member_id)
            seen = await self._views.of_member(member_id)
        return seen

    async def history(self, person: Person, *, limit: int) -> tuple[LevelStep, ...]:
        """The newest steps first."""
        return await self._views.history(person.member_id, before=None, limit=limit)
