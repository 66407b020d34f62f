"""What a clerk previewed in chat and has not confirmed yet."""

from dataclasses import dataclass
from uuid import UUID

from bot.turn import Turn
from handlers.ports import DialogueState

REDEEMING, PREVIEWED = "redeem", "previewed"


@dataclass(frozen=True, slots=True)
class OnCounter:
    """What was previewed and waits for 确认, as the open question keeps it."""

    claims: tuple[UUID, ...]
    tokens: str
    named: str
    uses_left: int  # of the only one; 1 where uses are not counted
    needs_bill: bool
    bill_fen: int | None

    @classmethod
    def of(cls, question: DialogueState) -> "OnCounter":
        """What this question is about."""
        kept = question.facts
        return cls(
            claims=tuple(UUID(each) for each in kept["claims"].split(" ")),
            tokens=kept["tokens"],
            named=kept["named"],
            uses_left=int(kept["uses_left"]),
            needs_bill=kept["needs_bill"] == "yes",
            bill_fen=int(kept["bill_fen"]) if kept["bill_fen"] else None,
        )

    async def keep(self, turn: Turn) -> None:
        """Ask: this is what the next answer is about."""
        await turn.ask(
            REDEEMING,
            PREVIEWED,
            claims=" ".join(map(str, self.claims)),
            tokens=self.tokens,
            named=self.named,
            uses_left=str(self.uses_left),
            needs_bill="yes" if self.needs_bill else "",
            bill_fen=str(self.bill_fen or ""),
        )

    @property
    def lacks_bill(self) -> bool:
        """Whether the amount of the bill is still to be said."""
        return self.needs_bill and self.bill_fen is None
