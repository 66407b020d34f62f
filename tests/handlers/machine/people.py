"""Steps of who somebody is: what they prove, tell and agree to; what joins two people, and takes them apart."""

import contextlib
from datetime import timedelta
from uuid import uuid4

from hypothesis import strategies as st
from hypothesis.stateful import precondition, rule

from handlers.actors import Operator
from handlers.errors import (
    DomainError,
    LaterMergeFirst,
    LinkHeld,
    LinkRefused,
    LinkToConfirm,
    MergeNotReversible,
    SameMember,
    TicketOwn,
)
from handlers.identity.unmerging import unmerge
from models.database import atomic
from models.identity import IdentityEvent, MemberMerge
from models.linking import Review
from models.organizations import Organization
from models.words import IdentityAct, OperatorRole
from tests.handlers.conftest import MARKETING
from tests.handlers.machine.world import Act, World, users
from tests.handlers.snapshots import who_is_who


class PeopleSteps(World):
    """Attach, tell, agree, link, merge, unmerge."""

    @rule(user=users, unionid=st.booleans())
    def attach(self, user, unionid):
        self.do(self.seen(user, unionid=unionid))

    @rule(user=users, nickname=st.sampled_from(["小明", "小红", None]))
    def tell_something(self, user, nickname):
        async def tell():
            person = await self.member(user)
            await self.rooms.handlers.membership.change_profile(person, changes={"nickname": nickname})

        self.do(tell())

    @rule(user=users, is_given=st.booleans())
    def decide_on_marketing(self, user, is_given):
        async def decide():
            person = await self.member(user)
            await self.rooms.handlers.consents.give(person, agreed=MARKETING)
            if not is_given:
                await self.rooms.handlers.consents.withdraw(person, purpose=MARKETING.purpose)

        self.do(decide())

    async def link_act(self, maker, user, *, is_confirmed: bool) -> Act:
        person, other = await self.seen(user), await self.member(maker)
        token = (await self.rooms.handlers.links.issue(other, request_id=None)).value.token
        conflicts = await IdentityEvent.filter(act=IdentityAct.CONFLICT).count()

        async def link(key):
            try:
                await self.rooms.handlers.links.link(person, ticket=token, confirmed=is_confirmed, request_id=key)
            except (LinkRefused, LinkHeld):  # never without a conflict on record, and a case
                assert await IdentityEvent.filter(act=IdentityAct.CONFLICT).count() == conflicts + 1
                assert await Review.filter(member_id__in=[person.member_id, other.member_id]).exists()
                self.seen_happen["a link was refused"] += 1
            except TicketOwn:
                assert person.member_id == other.member_id
            except LinkToConfirm:
                assert not is_confirmed
            else:
                self.seen_happen["two were linked"] += 1

        return link

    @rule(maker=users, user=users, is_confirmed=st.booleans())
    def link(self, maker, user, is_confirmed):
        async def redeem():
            await (await self.link_act(maker, user, is_confirmed=is_confirmed))(None)

        self.do(redeem())

    @rule(one=users, other=users, who_agrees=st.sampled_from([0, 1, None]))
    def merge_and_unmerge_at_once(self, one, other, who_agrees):
        """With nothing in between, exactly the state before."""

        async def there_and_back():
            self.rooms.clock.advance(timedelta(hours=25))  # a new day, a new budget
            person, maker = await self.member(one), await self.member(other)
            if who_agrees is not None:  # a consent that perhaps only one of them has given
                await self.rooms.handlers.consents.give((person, maker)[who_agrees], agreed=MARKETING)
            token = (await self.rooms.handlers.links.issue(maker, request_id=None)).value.token
            before = await who_is_who()
            with contextlib.suppress(DomainError):
                linked = await self.rooms.handlers.links.link(person, ticket=token, confirmed=True, request_id=None)
                merge = await MemberMerge.filter(winner_id=linked.value.member_id).order_by("-id").first()
                await self._undo(merge.id)
                assert await who_is_who() == before
                self.seen_happen["a merge was taken back"] += 1

        self.do(there_and_back())

    @rule(one=users, other=users, is_undone=st.booleans())
    def operators_merge(self, one, other, is_undone):
        async def merge_by_hand():
            root = await Organization.get(parent=None)
            operator = Operator(uuid4(), root.id, OperatorRole.ADMIN, "root", uuid4())
            person, second = await self.member(one), await self.member(other)
            before = await who_is_who(but="request")
            desk, ids = self.rooms.handlers.operator_members, (person.member_id, second.member_id)
            try:
                merged = await desk.merge(operator, ids[0], other_id=ids[1], request_id=str(uuid4()))
            except SameMember:
                assert ids[0] == ids[1]
            except DomainError:
                assert await who_is_who(but="request") == before
                self.seen_happen["operators were refused a merge"] += 1
            else:
                self.seen_happen["operators merged two"] += 1
                if is_undone:
                    await desk.undo_merge(operator, merged.value.merge_id, request_id=str(uuid4()))
                    assert await who_is_who(but="request") == before

        self.do(merge_by_hand())

    @precondition(lambda self: self.members)
    @rule(which=st.integers(0, 5))
    def unmerge(self, which):
        async def undo():
            merges = await MemberMerge.filter(loser_id__in=list(self.members)).order_by("merged_at", "id")
            if merges:
                with contextlib.suppress(LaterMergeFirst, MergeNotReversible):
                    await self._undo(merges[which % len(merges)].id)
                    self.seen_happen["a merge was taken back later"] += 1

        self.do(undo())

    async def _undo(self, merge_id) -> None:
        async with atomic():
            await unmerge(merge_id, now=self.rooms.clock.now(), vault=self.rooms.vault)

    @rule(hours=st.sampled_from([1, 2, 25, 26, 24 * 190]))
    def time_passes(self, hours):
        self.rooms.clock.advance(timedelta(hours=hours))
