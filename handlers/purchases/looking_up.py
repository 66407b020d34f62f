"""Finding a member for a channel: an opaque id for whoever showed a card or told a phone number, and nothing else."""

from dataclasses import dataclass
from datetime import timedelta
from uuid import UUID

from handlers.channels.gate import ChannelGate, Signed
from handlers.errors import MemberUnknown
from handlers.ports import Clock
from handlers.purchases.buyers import buyers
from handlers.purchases.told import Buyer
from handlers.retrying import refusing


@dataclass(frozen=True, slots=True)
class FoundMember:
    """By which id purchases can name them."""

    id: UUID


@refusing
class BuyerLookup:
    """Looks one up, once the gate has let the call in. `phone_dormant_after`: as `Purchases` has it."""

    def __init__(self, clock: Clock, gate: ChannelGate, phone_dormant_after: timedelta | None) -> None:
        self._clock = clock
        self._gate = gate
        self._phone_dormant_after = phone_dormant_after

    async def find(self, signed: Signed, buyer: Buyer) -> FoundMember:
        """Raises MemberUnknown (nobody, not joined, or more than one), and what the gate raises."""
        await self._gate.let_in(signed)
        found = await buyers([buyer], at=self._clock.now(), dormant_after=self._phone_dormant_after)
        if buyer not in found:
            raise MemberUnknown
        return FoundMember(found[buyer])
