"""By which limits members take money out. Amounts in fen."""

from dataclasses import dataclass
from datetime import datetime, timedelta

NAME_NEEDED_FROM_FEN = 200_000  # the payment service compares the payee's name from 2,000 yuan on
LEAST_OF_ALL_FEN = 30  # below this it takes no name, and below 10 fen nothing
LONGEST_REMARK = 32


@dataclass(frozen=True, slots=True)
class Report:
    """One thing that the scene has to be reported with."""

    what: str
    content: str


@dataclass(frozen=True, slots=True)
class WithdrawalRules:
    """What holds. `daily_count` and `daily_fen` are of one person and one business day.

    From `review_from_fen` on an operator looks at it first, from `second_from_fen` on two of them. After a change of
    phone or WeChat nothing is taken out for `cooling_hours`. `scene_id` and `reports`: as they stand with the merchant.
    """

    is_open: bool = True
    least_fen: int = 100
    most_fen: int = 20_000
    daily_count: int = 3
    daily_fen: int = 200_000
    review_from_fen: int = 50_000
    second_from_fen: int = 200_000
    cooling_hours: int = 24
    scene_id: str = "1005"
    remark: str = "推广佣金"
    reports: tuple[Report, ...] = (Report("岗位类型", "推广员"), Report("报酬说明", "推广佣金"))

    @property
    def cooling(self) -> timedelta:
        return timedelta(hours=self.cooling_hours)


def problems_of(rules: WithdrawalRules) -> list[tuple[str, str]]:
    """Which field is wrong and why, in words for operators."""
    found = []
    if rules.least_fen < LEAST_OF_ALL_FEN:
        found.append(("least_fen", f"最低金额不能少于{LEAST_OF_ALL_FEN}分"))
    if rules.most_fen < rules.least_fen:
        found.append(("most_fen", "单笔上限不能低于最低金额"))
    if rules.daily_fen < rules.most_fen:
        found.append(("daily_fen", "每日上限不能低于单笔上限"))
    if rules.second_from_fen < rules.review_from_fen:
        found.append(("second_from_fen", "两人审核的金额不能低于一人审核的金额"))
    if not rules.reports or len({each.what for each in rules.reports}) < len(rules.reports):
        found.append(("reports", "转账场景需要报备信息，每项填一次"))
    return found


@dataclass(frozen=True, slots=True)
class Today:
    """What one person took out on a business day so far: how often, and how much of it did not come back."""

    count: int
    amount_fen: int


@dataclass(frozen=True, slots=True)
class Verdict:
    """Why it cannot be taken out (empty: it can), and what has to be told with it."""

    reason: str = ""
    limit: int = 0
    until: datetime | None = None


def decide(
    rules: WithdrawalRules, amount_fen: int, today: Today, *, changed_at: datetime | None, has_name: bool, now: datetime
) -> Verdict:
    """Whether so much may be taken out now. What is there of money is the ledger's question, not asked here."""
    if not rules.is_open:
        return Verdict("closed")
    if amount_fen < rules.least_fen:
        return Verdict("too_small", rules.least_fen)
    if amount_fen > rules.most_fen:
        return Verdict("too_large", rules.most_fen)
    if today.count >= rules.daily_count:
        return Verdict("too_often", rules.daily_count)
    if today.amount_fen + amount_fen > rules.daily_fen:
        return Verdict("too_much", max(rules.daily_fen - today.amount_fen, 0))
    if changed_at is not None and now < changed_at + rules.cooling:
        return Verdict("cooling", until=changed_at + rules.cooling)
    if amount_fen >= NAME_NEEDED_FROM_FEN and not has_name:
        return Verdict("nameless", NAME_NEEDED_FROM_FEN)
    return Verdict()


def eyes(rules: WithdrawalRules, amount_fen: int) -> int:
    """How many operators have to agree."""
    return 2 if amount_fen >= rules.second_from_fen else 1 if amount_fen >= rules.review_from_fen else 0
