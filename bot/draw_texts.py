"""What the chat says about lucky draws."""

NO_DRAWS = "现在没有可以参加的抽奖。回复“权益”或“签到”看看今天有什么。"
PAUSED = "暂停中"
ADDRESS = "address"  # what the winner of a thing is asked
IN_DRAWS = "到小程序“抽奖”里"
FAILED = "这次没有抽成，次数和积分已退回。"
CHANCES_USED_UP = "抽奖次数已用完。回复“任务”或“签到”看看怎样得到次数。"


def turn(free: int, chances: int, points: int | None, guaranteed_in: int | None) -> str:
    """What somebody has to spin with, in the order in which it is taken, and how far the guarantee is."""
    parts = [
        f"免费{free}次" if free else "",
        f"抽奖次数{chances}个" if chances else "",
        f"{'之后' if free or chances else ''}每次{points}分" if points is not None else "",
    ]
    has = "，".join(filter(None, parts)) or "次数已用完"
    return f"{has}，最多再抽{guaranteed_in}次必得保底奖品" if guaranteed_in is not None else has


def draws(listed: list[tuple[str, str]]) -> str:
    """抽奖: what can be drawn, each with what there is to spin with; answerable by number."""
    lines = "\n".join(f"{place} {title}（{has}）" for place, (title, has) in enumerate(listed, start=1))
    more = "连抽十次请回复“十连”加活动名称，奖品和概率请在小程序“抽奖”里查看。"
    return f"可以参加的抽奖（回复数字抽一次）：\n{lines}\n{more}"


def which_draw(listed: list[str], times: int) -> str:
    """A word that several draws have, or none for several draws."""
    lines = "\n".join(f"{place} {title}" for place, title in enumerate(listed, start=1))
    return f"要抽哪一个？回复数字抽{times}次：\n{lines}"


def nothing_found(said: str) -> str:
    """A word that no draw has; what was said is theirs, and cut."""
    return f"没有找到抽奖“{said[:12]}”。回复“抽奖”看可以参加的。"


def opens(time: str) -> str:
    """When a draw that is announced begins."""
    return f"{time}开始"


def worth_points(title: str, times: int, points: int) -> str:
    """Before points are spent: on what, how many, and how to go on."""
    return f"{title}抽{times}次需要{points}分，确认请回复“确认”；不想抽了，回复“取消”。"


def too_few(times: int, left: int) -> str:
    """So many at a time cannot be paid, fewer can."""
    return f"连抽{times}次，次数不够，您还有{left}次。请一次一次抽。"


def short_of_points(points: int, has: int) -> str:
    """What there is besides points is used up, and points are not enough."""
    return f"这次需要{points}分，您有{has}分。回复“签到”或“任务”可以得积分。"


def asked(asks: str | None) -> str:
    """What a winner is asked in the mini-program, never in chat."""
    said = {"number": "填写要充值的手机号", "choices": "选好要领的内容", ADDRESS: "填写收货地址"}
    return said.get(asks or "", "领取")


def prize_waits(name: str, asks: str | None, until: str, link: str | None, *, is_again: bool) -> str:
    """A benefit was won and asks something; `is_again`: what was said came to nothing. `link` is ready to be shown."""
    first = f"{name}没有充值成功，奖品仍为您保留" if is_again else f"抽中{name}"
    where = link if link is not None else IN_DRAWS
    return f"{first}。请在{until}前{where}{asked(asks)}，逾期视为放弃。"


def prize_lapsed(name: str) -> str:
    """Nothing was said in time."""
    return f"您抽中的{name}逾期没有领取，已退回奖池。"


def prizes_waiting(items: list[tuple[str, str, str | None]], count: int, link: str | None) -> str:
    """What was won and waits for a word, each with its last day and what is asked; what ends first first.

    `link`, ready to be shown, leads to the benefits among these; the address of a thing is said where draws are.
    """
    if count == 1:
        ((name, until, asks),) = items
        where = link if link is not None else IN_DRAWS
        return f"您抽中的{name}还没有领，请在{until}前{where}{asked(asks)}，逾期视为放弃。"
    lines = "\n".join(f"{name}（{until}前{asked(asks)}）" for name, until, asks in items)
    if link is None:
        return f"您抽中的{count}件奖品还没有领，逾期视为放弃：\n{lines}\n请{IN_DRAWS}办理。"
    things = f"收货地址请{IN_DRAWS}填写。" if any(asks == ADDRESS for _, _, asks in items) else ""
    return f"您抽中的{count}件奖品还没有领，逾期视为放弃：\n{lines}\n请{link}领取。{things}"


def won(kind: str, name: str, amount: int, until: str, asks: str | None = None) -> str:
    """One prize, and what to do with it. `until`: the last day of a claim, or of the time for what is asked."""
    match kind:
        case "benefit" if asks is not None:
            return prize_waits(name, asks, until, None, is_again=False)
        case "thanks":
            return "这次没有抽中，谢谢参与。"
        case "benefit":
            valid = "长期有效" if until == "长期" else f"{until}前有效"
            return f"抽中{name}，已放进“我的权益”，{valid}。"
        case "points":
            return f"抽中{name}，{amount}分已到账，回复“积分”查看。"
        case "chances":
            return f"抽中{name}，抽奖次数加{amount}，回复“抽奖”接着抽。"
        case "growth":
            return f"抽中{name}，成长值加{amount}，回复“等级”查看。"
        case _:
            return f"抽中{name}。请在{until}前{IN_DRAWS}{asked(ADDRESS)}，逾期视为放弃。"


def instead(rolled: str) -> str:
    """Why it is another prize than the one that was rolled."""
    return f"（抽到的“{rolled}”已发完或已到上限，按规则改为这一项）"


def many(title: str, counted: list[tuple[str, int]], nexts: list[str]) -> str:
    """Ten at once: each prize with how often, then what to do next, once for each kind."""
    lines = "\n".join(f"{name} {count}次" for name, count in counted)
    return "\n".join([f"{title}抽了{sum(count for _, count in counted)}次：", lines, *nexts])


def after(has: str, first: int, last: int) -> str:
    """Under every result: what is left, and under which numbers the results stand in the public log."""
    numbers = f"{first}" if first == last else f"{first}至{last}"
    return f"{has}。结果编号{numbers}，可在小程序“抽奖”里核对。"
