"""Steps of what somebody has: login phone, bound numbers and cards, and members who have nothing but a number."""

from uuid import UUID

from hypothesis import strategies as st
from hypothesis.stateful import rule

from handlers.cards.card_binding import CardProof
from handlers.errors import (
    CardAlreadyYours,
    CardCoolingDown,
    CardHeld,
    CardProofDiffers,
    CardTriesUsedUp,
    CardUnknown,
    NumberUnknown,
    PhoneElsewhere,
    PhoneFactNeeded,
)
from handlers.identity.identity import resolve
from handlers.identity.proofs import Proof
from handlers.identity.transfers import KnownFact
from handlers.membership.member_views import Profile
from handlers.standing import canonical
from models.cards import Card
from models.database import atomic
from models.identity import Identifier, IdentityEvent
from models.linking import Review
from models.words import CardStatus, IdentifierStatus, IdentityAct, Namespace, ReviewKind
from tests.handlers.machine.world import PIN, Act, World, cards, numbers, users
from tests.handlers.profiles import tell

BIRTHDAY = "1990-02-03"


class HoldingSteps(World):
    """Verify, bind, unbind; till members."""

    # --- phones

    async def phone_act(self, user, number, *, knows: bool = True) -> Act:
        person, code = await self.member(user), self.rooms.wechat.phone_code(self.phone(number))
        conflicts = await IdentityEvent.filter(act=IdentityAct.CONFLICT).count()
        change = self.rooms.handlers.transfers.change_phone

        async def prove(key):
            try:
                try:
                    changed = (await change(person, phone_code=code, request_id=key)).value
                except PhoneFactNeeded:  # a till member not seen for 180 days
                    self.seen_happen["a fact was asked for"] += 1
                    fact = KnownFact(birthday=BIRTHDAY if knows else "1991-01-01")
                    key = key and f"{key}-with-fact"
                    changed = (await change(person, phone_code=code, fact=fact, request_id=key)).value
            except PhoneElsewhere:
                assert await IdentityEvent.filter(act=IdentityAct.CONFLICT).count() == conflicts + 1
                self.seen_happen["phone elsewhere"] += 1
            else:
                assert await self.holder(number) == changed.member_id
                self.seen_happen[f"phone {changed.outcome}"] += 1

        return prove

    @rule(user=users, number=numbers, knows=st.booleans())
    def verify_phone(self, user, number, knows):
        async def prove():
            await (await self.phone_act(user, number, knows=knows))(None)

        self.do(prove())

    @rule(number=numbers, has_birthday=st.booleans())
    def till_meets(self, number, has_birthday):
        """Somebody whom a till knows by a number and nothing else; or whoever has that number."""

        async def meet():
            async with atomic():
                proof = Proof(Namespace.PHONE, "86", self.phone(number), "import")
                met = await resolve([proof], now=self.rooms.clock.now(), vault=self.rooms.vault)
                if met.is_new and has_birthday:
                    profile = Profile(birthday=BIRTHDAY)
                    await tell(met.member_id, profile, self.rooms.vault)
            self.members.add(met.member_id)
            self.seen_happen["a till member"] += met.is_new

        self.do(meet())

    async def holder(self, number: int) -> UUID:
        held = await Identifier.get(value_hash=self.phone_hash(number), status=IdentifierStatus.ACTIVE)
        return held.member_id

    # --- bound numbers

    async def number_act(self, user, number) -> Act:
        person, code = await self.member(user), self.rooms.wechat.phone_code(self.phone(number))

        async def bind(key):
            await self.rooms.handlers.numbers.bind(person, phone_code=code, request_id=key)
            theirs = await self.rooms.handlers.numbers.list(person)
            assert self.phone(number)[-4:] in {each.tail for each in theirs}

        return bind

    @rule(user=users, number=numbers)
    def bind_number(self, user, number):
        async def bind():
            await (await self.number_act(user, number))(None)

        self.do(bind())

    @rule(user=users, owner=users)
    def unbind_number(self, user, owner):
        async def unbind():
            person, other = await self.member(user), await self.member(owner)
            for each in await self.rooms.handlers.numbers.list(other):
                try:
                    await self.rooms.handlers.numbers.unbind(person, each.id)
                except NumberUnknown:
                    assert person.member_id != other.member_id
                else:
                    assert person.member_id == other.member_id
                    self.seen_happen["a number was unbound"] += 1

        self.do(unbind())

    # --- cards

    async def card_act(self, user, card, *, is_right: bool = True) -> Act:
        person, card_id = await self.member(user), self.cards[card]
        proof, number = CardProof(pin=PIN if is_right else "0000"), self.card_number(card)

        async def bind(key):
            try:
                bound = await self.rooms.handlers.card_binding.bind(
                    person, kind="old", number=number, proof=proof, request_id=key
                )
            except CardProofDiffers:  # wrong, or gone with somebody who left
                assert not is_right or (await Card.get(id=card_id)).status is CardStatus.ERASED
            except CardHeld:
                assert await self.card_holder(card_id) not in {None, person.member_id}
                assert await Review.filter(kind=ReviewKind.CARD_HELD).exists()
                self.seen_happen["a card was held by somebody else"] += 1
            except CardAlreadyYours:
                assert await self.card_holder(card_id) == person.member_id
            except CardCoolingDown:
                assert await self.card_holder(card_id) is None
            except CardTriesUsedUp:
                self.seen_happen["tries were used up"] += 1
            else:
                assert is_right
                assert bound.value.card.id == card_id
                self.holders[card_id] = person.member_id
                self.bound_by[card] = user
                self.seen_happen["a card was bound"] += 1

        return bind

    @rule(user=users, card=cards, is_right=st.sampled_from([True, True, True, False]))
    def bind_card(self, user, card, is_right):
        async def bind():
            await (await self.card_act(user, card, is_right=is_right))(None)

        self.do(bind())

    async def unbind_act(self, user, card, *, is_theirs: bool = True) -> Act:
        if is_theirs:
            user = self.bound_by.get(card, user)
        person, card_id = await self.member(user), self.cards[card]
        may = await self.card_holder(card_id) == person.member_id

        async def unbind(key):
            try:
                await self.rooms.handlers.cards.unbind(person, card_id, request_id=key)
            except CardUnknown:
                assert not may
            else:
                assert may
                self.holders[card_id] = None
                self.seen_happen["a card was unbound"] += 1

        return unbind

    @rule(user=users, card=cards, is_theirs=st.booleans())
    def unbind_card(self, user, card, is_theirs):
        async def unbind():
            await (await self.unbind_act(user, card, is_theirs=is_theirs))(None)

        self.do(unbind())

    async def card_holder(self, card_id: UUID) -> UUID | None:
        member_id = (await Card.get(id=card_id)).member_id
        return await canonical(member_id) if member_id else None
