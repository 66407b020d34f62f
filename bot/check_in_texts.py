"""What the chat says about check-ins and tasks."""

NOTHING_TO_MEND = "最近没有需要补签的日子。回复“签到”完成今天的签到。"
NO_TASKS = "现在没有可以做的任务。回复“签到”或“权益”看看今天有什么。"


def a_reward(kind: str, amount: int, *, is_cut: bool = False) -> str:
    """One thing that was given; what was cut says so."""
    known = {
        "points": f"{amount}分",
        "makeup_card": f"补签卡{amount}张",
        "growth": f"成长值{amount}",
        "chances": f"抽奖次数{amount}次",
    }
    what = known.get(kind, f"权益{amount}份")
    return f"{what}（已到上限或已发完）" if is_cut else what


def checked_in(streak: int, in_month: int, rewards: list[tuple[str, str]]) -> str:
    """签到: the days in a row, the days of the month, and everything that it gave; of each what for and what."""
    lines = [f"签到成功，已连续{streak}天，本月第{in_month}天。", *(f"{part}：{what}" for part, what in rewards)]
    return "\n".join(lines)


def made_up(day: str, streak: int, rewards: list[tuple[str, str]]) -> str:
    """补签: which day counts now, and what that gave."""
    lines = [f"{day}补签成功，用了1张补签卡，已连续{streak}天。", *(f"{part}：{what}" for part, what in rewards)]
    return "\n".join(lines)


def reward_part(part: str) -> str:
    """What a reward was for: `daily`, `streak:7`, `month:20`."""
    kind, _, days = part.partition(":")
    return {"streak": f"连续{days}天", "month": f"本月累计{days}天"}.get(kind, "每日签到")


def which_day(days: list[str], cards: int) -> str:
    """补签: which missed day; answerable by number."""
    listed = "\u3000".join(f"{place} {day}" for place, day in enumerate(days, start=1))
    return f"您有{cards}张补签卡。要补签哪一天？{listed}。回复数字，不补了回复“取消”。"


def tasks(listed: list[tuple[str, str]]) -> str:
    """任务: each with where it stands."""
    lines = "\n".join(f"{title}：{progress}" for title, progress in listed)
    return f"{lines}\n完成情况按我们的记录为准，奖励请在小程序的任务页领取。"
