"""One lucky draw from the operator's draft to a stranger who recomputes every spin with public data alone."""

import asyncio
import json
import sys
import time
from datetime import timedelta
from pathlib import Path

import pytest

from handlers.recurring import BUSINESS_ZONE
from tests.stories.desk import at_the_desk
from tests.stories.test_claiming import member, screen_of

VERIFIER = Path(__file__).parents[2] / "docs" / "fairness" / "verify_draw.py"
NOTICE = {
    "organiser": "江南书店",
    "contact": "400-000-0000",
    "conditions": "会员都可以参加",
    "redemption": "即时到账，水壶30天内填地址",
    "delivery": "7天内寄出",
    "forfeiture": "逾期视为放弃",
}
PLAN = {"expected_spins": 200, "members": 50, "virtual_spins": 8_000, "budget_fen": 1_000}
PAUSED_WITHIN = 2.0  # seconds

pytestmark = pytest.mark.timeout(180)


def terms(now):
    return {
        "title": "开业转盘",
        "opens_at": now.isoformat(),
        "closes_at": (now + timedelta(days=9)).isoformat(),
        "prizes": [
            {"code": "kettle", "name": "水壶", "kind": "goods", "ppm": 400_000, "rarity": 2, "value_fen": 9_900,
             "stock": 2, "fallback": "points"},
            {"code": "points", "name": "5积分", "kind": "points", "ppm": 300_000, "amount": 5, "value_fen": 5},
            {"code": "thanks", "name": "谢谢参与", "kind": "thanks", "ppm": 300_000},
        ],
        "pity": {"rarity": 2, "guaranteed_at": 9},
        "price": {"free_daily": 12},
        "notice": NOTICE,
    }  # fmt: skip


async def verified(*arguments) -> tuple[int, str]:
    """The stand-alone verifier in a process of its own, which sees nothing of ours."""
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-I", VERIFIER, *arguments), stdout=asyncio.subprocess.PIPE, stderr=asyncio.subprocess.STDOUT
    )
    told, _ = await process.communicate()
    return process.returncode, told.decode()


async def test_a_draw_is_drafted_simulated_published_spun_paused_revealed_and_verified_by_anybody(town, tmp_path):
    ming, hong = await member(town, "小明"), await member(town, "小红")
    async with at_the_desk(town) as desk:
        if town.clock.now().astimezone(BUSINESS_ZONE).hour == 23:  # the whole first part is on one business day
            town.wait(timedelta(hours=1))
            await desk.come_back(town.clock.now())
        # A draft is simulated; what it would cost is more than there is, and the operator is told.
        begins = town.clock.now().replace(microsecond=0)
        status, draw = await desk.ask("POST", "/draws", {"code": "opening", "terms": terms(begins), "keyword": "转盘"})
        assert (status, draw["state"], draw["version"]) == (201, "draft", 0)
        path = f"/draws/{draw['id']}"
        status, simulated = await desk.ask("POST", f"{path}/simulations", PLAN)
        assert (status, simulated["is_draft"], simulated["report"]["virtual_spins"]) == (201, True, 8_000)
        warnings = {each["code"] for each in simulated["report"]["warnings"]}
        assert warnings >= {"over_budget", "runs_out_early", "often_replaced"}
        answer, picture = await desk.file(f"{path}/simulations/{simulated['id']}/plot?format=png")
        assert (answer.status, answer.content_type, picture[1:4]) == (200, "image/png", b"PNG")
        listed = (await desk.ask("GET", f"{path}/simulations"))[1]["items"]
        assert [each["id"] for each in listed] == [simulated["id"]]
        refused = await desk.ask("POST", f"{path}/simulations", {**PLAN, "members": 0})
        assert (refused[0], refused[1]["code"], refused[1]["problems"][0]["field"]) == (
            *(422, "draw.not_simulable", "members"),
        )
        assert "没有可以参加的抽奖" in (await ming.say(town.oa, "抽奖")).text

        # It is published all the same; what the house promises can be read before the first spin.
        status, draw = await desk.ask("POST", f"{path}/publish")
        assert (status, draw["state"]) == (200, "published")
        screen = await screen_of(town, hong)
        promised = (await screen.draws.look_at_fairness(draw["id"])).answer
        before = promised["commitments"][0]["hash"]
        assert (promised["commitments"][0]["kind"], promised["days"][0]["seed"]) == ("open", "")

        # In chat and in the mini-program.
        said = (await ming.say(town.oa, "抽 转盘")).text
        assert "免费11次，最多再抽" in said
        assert "结果编号1，" in said
        done = await screen.draws.spin(draw["id"], times=10)
        assert (done.status, [each["sequence"] for each in done.answer["spins"]]) == (201, list(range(2, 12)))
        first = next(each for each in done.answer["spins"] if each["prize"] == "kettle" or each["rolled"] == "kettle")
        assert first["rolled"] == "kettle"  # within nine spins, as is promised

        # The operator watches, and stops it.
        status, burn = await desk.ask("GET", f"{path}/burn")
        assert (status, burn["spins"], burn["is_alarming"]) == (200, 11, False)
        assert sum(each["rolled"] for each in burn["prizes"]) == 11
        paused_at = time.monotonic()
        assert (await desk.ask("POST", f"{path}/pause", {"reason": "核对"}))[0] == 200
        late = await screen.draws.spin(draw["id"])
        assert time.monotonic() - paused_at < PAUSED_WITHIN
        assert (late.status, late.answer["code"]) == (409, "draw.paused")
        assert (await ming.say(town.oa, "抽 转盘")).text == "开业转盘暂停中，次数不会减少，请稍后再来。"
        assert (await desk.ask("POST", f"{path}/resume", {"reason": "无误"}))[0] == 200
        assert (await screen.draws.spin(draw["id"])).status == 201
        day = begins.astimezone(BUSINESS_ZONE).date().isoformat()
        early = await desk.ask("POST", f"{path}/reveal", {"day": day})
        assert (early[0], early[1]["code"]) == (409, "draw.day_not_over")

        # The day closes; the seed is made public, and the record leaves the house.
        town.wait(timedelta(days=1))
        await desk.come_back(town.clock.now())
        status, revealed = await desk.ask("POST", f"{path}/reveal", {"day": day})
        assert (status, len(revealed["seed"])) == (200, 64)
        answer, record = await desk.file(f"{path}/records?day={day}")
        assert answer.status == 200
        status, outcome = await desk.ask("GET", f"{path}/outcome")
        assert (status, outcome["simulation_id"], outcome["spins"]) == (200, simulated["id"], 12)
        assert (outcome["planned_spins"], outcome["is_cost_as_planned"]) == (200, None)  # far from the plan

    # Anybody: the public log, the promise that was read before, and the receipt that 小红 kept.
    screen = await screen_of(town, hong)
    public = str((await screen.draws.download(draw["id"], day)).answer)
    assert public.encode() == record
    key = (await screen.draws.look_at_fairness(draw["id"])).answer["public_keys"][-1]["public_key"]
    log, receipts = tmp_path / f"{day}.jsonl", tmp_path / "receipts.jsonl"
    log.write_text(public, "utf-8")
    receipts.write_text(json.dumps(done.answer["receipt"]), "utf-8")
    asked = ("--receipts", receipts, f"--key={key}", "--commitment", before, "--sequence", "7")
    code, told = await verified(log, *asked)
    assert code == 0, told
    assert "ALL IS AS PROMISED" in told
    assert "#7: " in told

    # A prize that is taken from its winner, a row that is cut off, another promise: all of it is found.
    lines = public.splitlines(keepends=True)
    place, row = next((place, line) for place, line in enumerate(lines) if '"kettle","as_rolled"' in line)
    taken = [*lines[:place], row.replace('"kettle","as_rolled"', '"points","out"'), *lines[place + 1 :]]
    for tampered, arguments in ((taken, ()), (lines[:-1], ()), (lines, ("--commitment", "0" * 64))):
        log.write_text("".join(tampered), "utf-8")
        code, told = await verified(log, *asked, *arguments)
        assert code == 1, told
        assert "WRONG" in told
