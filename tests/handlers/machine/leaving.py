"""Steps of somebody who leaves, and of requests that break half way and are asked again by their key."""

import asyncio
from uuid import UUID, uuid4

from hypothesis import strategies as st
from hypothesis.stateful import rule

from handlers.errors import OutcomeUnknown, Overloaded
from handlers.identity.proofs import bound_to
from handlers.key_rotation import BOUND_NUMBER
from handlers.standing import ids_of
from models.cards import Card
from models.identity import Identifier
from models.linking import BoundNumber
from models.words import IdentifierStatus, Namespace
from tests.dumping import dump, found_in
from tests.handlers.machine.failpoints import Failpoint, How
from tests.handlers.machine.holdings import HoldingSteps
from tests.handlers.machine.people import PeopleSteps
from tests.handlers.machine.world import ACCOUNTS, CARDS, NUMBERS, Act, cards, numbers, users
from tests.handlers.snapshots import who_is_who

acts = st.sampled_from(["phone", "phone", "number", "card", "card", "unbind", "link", "link", "leave"])


class LeavingSteps(PeopleSteps, HoldingSteps):
    """Leave; crash and ask again."""

    async def leave_act(self, user) -> Act:
        person = await self.seen(user)
        ids = await ids_of(person.member_id)
        values, hashes = await self._held(ids)
        theirs = [card for card in await Card.filter(member_id__in=ids) if card.id in self.holders]
        hashes |= {card.number_hash for card in theirs} | {card.pin_hash for card in theirs}

        async def leave(_key):
            await self.rooms.handlers.departures.leave(person)
            self.erased |= set(ids)
            self.gone |= dict.fromkeys(values, self.rooms.clock.now())
            for card in theirs:
                self.holders[card.id] = None
            await self._nothing_is_left_of(hashes)
            self.seen_happen["somebody left"] += 1

        return leave

    async def _held(self, ids: list[UUID]) -> tuple[set[str], set[str]]:
        """Values in the clear and hashes of what identifies them now."""
        values, hashes = set(), set()
        for each in await Identifier.filter(member_id__in=ids, status=IdentifierStatus.ACTIVE):
            hashes.add(each.value_hash)
            if each.namespace is Namespace.WX_OPENID:
                values.add(self.rooms.vault.decrypt(each.value_cipher, bound_to=bound_to(each.id)))
        for number in await BoundNumber.filter(member_id__in=ids, status=IdentifierStatus.ACTIVE):
            hashes.add(number.number_hash)
            assert self.rooms.vault.decrypt(number.number_cipher, bound_to=BOUND_NUMBER.bound_to(number.id))
        return values, hashes

    async def _nothing_is_left_of(self, hashes: set[str]) -> None:
        """Neither their hashes, but for a number that somebody else proved too, nor anybody's value in the clear."""
        others = set(await Identifier.filter(status=IdentifierStatus.ACTIVE).values_list("value_hash", flat=True))
        others |= set(await BoundNumber.filter(status=IdentifierStatus.ACTIVE).values_list("number_hash", flat=True))
        dumped = await dump()
        assert not found_in(dumped, hashes - others)
        clear = {self.openid((account, name)) for account in ACCOUNTS for name in "ab"}
        clear |= {self.phone(number) for number in NUMBERS} | {self.card_number(card) for card in CARDS}
        assert not found_in(dumped, clear)

    @rule(user=users, is_sure=st.sampled_from([True, False, False]))
    def leave(self, user, is_sure):
        async def go():
            if not is_sure:  # otherwise nobody stays long enough for anything to happen
                return
            await (await self.leave_act(user))(None)

        self.do(go())

    @rule(
        what=acts,
        user=users,
        other=users,
        number=numbers,
        card=cards,
        how=st.sampled_from([How.ABORT, How.CANCEL]),
        at=st.integers(0, 9),
    )
    def break_off_and_ask_again(self, what, user, other, number, card, how, at):
        self.do(self.crash(what, user, other, number, card, Failpoint(how, at)))

    @rule(
        what=acts,
        user=users,
        other=users,
        number=numbers,
        card=cards,
        how=st.sampled_from([How.COMMIT_LOST, How.ANSWER_LOST]),
        at=st.sampled_from([0, 0, 1]),
    )
    def be_cut_off_at_the_commit_and_ask_again(self, what, user, other, number, card, how, at):
        self.do(self.crash(what, user, other, number, card, Failpoint(how, at)))

    async def crash(self, what, user, other, number, card, failpoint) -> None:
        act = await self._act(what, user, other, number, card)
        key = str(uuid4())
        before = await who_is_who()
        outcome = await failpoint.strikes(lambda: act(key))
        self.seen_happen[f"struck by {failpoint.how}"] += failpoint.has_struck
        if outcome is not None:
            assert failpoint.has_struck, outcome
            assert isinstance(outcome, Overloaded | OutcomeUnknown | asyncio.CancelledError), outcome
            if failpoint.how is How.ABORT:
                assert await who_is_who() == before
        await act(key)

    async def _act(self, what, user, other, number, card) -> Act:
        if what == "phone":
            return await self.phone_act(user, number)
        if what == "number":
            return await self.number_act(user, number)
        if what == "card":
            return await self.card_act(user, card)
        if what == "unbind":
            return await self.unbind_act(user, card)
        if what == "link":
            return await self.link_act(other, user, is_confirmed=True)
        return await self.leave_act(user)
