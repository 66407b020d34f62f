"""The record of winners as lines of a file."""

from collections.abc import AsyncIterator, Sequence

from handlers.draws.draw_winners import WonRow
from miniapp_api.spreadsheets import Rows

WON_HEADER = ("序号", "时间", "营业日", "会员号", "奖品编号", "奖品", "参与方式", "花费积分", "状态", "运单号")
_PAID = {"free": "免费次数", "chance": "抽奖机会", "points": "积分"}
_STATES = {
    "pending": "处理中",
    "issued": "已发放",
    "partly_used": "部分使用",
    "used": "已使用",
    "expired": "已过期",
    "revoked": "已收回",
    "waiting": "待填地址",
    "addressed": "待寄出",
    "sent": "已寄出",
    "lapsed": "逾期未领",
}


async def won_cells(pages: AsyncIterator[Sequence[WonRow]]) -> AsyncIterator[Rows]:
    """A page at a time; words that are not known here stay as they are."""
    async for page in pages:
        yield [
            (
                each.sequence,
                each.happened_at,
                each.day,
                each.member,
                each.prize,
                each.prize_name,
                _PAID.get(each.paid_by.value, each.paid_by.value),
                each.points,
                _STATES.get(each.state, each.state),
                each.waybill,
            )
            for each in page
        ]
