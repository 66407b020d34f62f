"""`fanpiao ...`, the same as `python -m app ...`; every command stands in `_parser`."""

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

INTERRUPTED = 130  # what shells call a program that Ctrl-C ended


def main(argv: Sequence[str] | None = None) -> int:
    """Run one command; the exit code is 0 when all is well, 1 when it is not, 2 when it could not start.

    130 and 143: it was interrupted before it had started, by Ctrl-C and by SIGTERM.
    """
    try:
        parser = _parser()
        options, further = parser.parse_known_args(argv)
        if further and options.command != "simulate":
            parser.error(f"不认识的参数：{' '.join(further)}")
        options.arguments = further
        # Loading everything takes a second, in which Ctrl-C must not end in a traceback; and --help needs none of it.
        from app.starting import start

        return start(options)
    except KeyboardInterrupt:
        return INTERRUPTED


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="fanpiao", description="会员与权益服务：公众号对话和小程序接口。")
    known = parser.add_subparsers(dest="command", required=True, metavar="command")

    def add(name: str, summary: str) -> argparse.ArgumentParser:
        return known.add_parser(name, help=summary, description=summary)

    add("serve", "启动服务（SQLite 下同时处理后台任务）")
    add("worker", "单独启动后台任务进程")
    add("migrate", "把数据库结构更新到最新")
    add("demo", "启动演示：模拟平台和服务")
    add("simulate", "启动微信模拟平台；其余参数传给它，见 python -m simulator --help")
    add("doctor", "只读检查：设置、连接、结构、数据规则、失败任务")
    add("rotate-keys", "把全部密文换到第一个密钥下（PostgreSQL 不用停服务）")
    cards = add("import-cards", "导入旧会员卡（CSV），可重复运行，不会重复导入")
    cards.add_argument("file", type=Path, help="CSV：卡号，以及手机号、密码、姓名和门店，可有积分；UTF-8 或 GBK")
    cards.add_argument("--kind", required=True, metavar="CODE", help="卡种编号")
    cards.add_argument("--new", metavar="NAME", default="", help="卡种还没有时，以这个名称新建")
    cards.add_argument("--digits", type=int, default=16, help="新建卡种的卡号位数，默认 16")
    cards.add_argument("--prefix", default="", help="新建卡种的卡号开头")
    cards.add_argument("--merchant", default=None, metavar="CODE", help="新建卡种所属的商户编号")
    cards.add_argument("--report", type=Path, default=None, help="未导入的行写到这个文件，默认在原文件旁边")
    codes = add("import-codes", "导入第三方券码（CSV），可重复运行，不会重复导入")
    codes.add_argument("file", type=Path, help="CSV：券码，可有密码；UTF-8 或 GBK")
    codes.add_argument("--pool", required=True, metavar="CODE", help="码池编号")
    codes.add_argument("--new", metavar="NAME", default="", help="码池还没有时，以这个名称新建")
    codes.add_argument("--benefit", metavar="CODE", default="", help="新建码池所属的码券权益编号")
    codes.add_argument("--expires", metavar="DAY", default=None, help="新建码池的券码有效到这一天（含），如 2027-01-31")
    codes.add_argument("--report", type=Path, default=None, help="未导入的行写到这个文件，默认在原文件旁边")
    given = add("grant", "读入发放名单（CSV）并预演；提交和批准后才发放，可重复运行")
    given.add_argument("file", type=Path, help="CSV：手机号、卡号、会员或 openid，可有份数；UTF-8 或 GBK")
    given.add_argument("--offer", required=True, metavar="CODE", help="活动编号")
    given.add_argument("--reason", required=True, help="为什么发放")
    given.add_argument("--choice", action="append", default=[], metavar="CODE", help="组合权益里选择的权益编号，可重复")
    given.add_argument("--beyond-limits", action="store_true", help="不计每人限领，需在批准时一并同意")
    given.add_argument("--tell", action="store_true", help="发放后通知会员")
    given.add_argument("--again", action="store_true", help="同一份名单确实要再发一次")
    given.add_argument("--report", type=Path, default=None, help="不能发放的行写到这个文件，默认在原文件旁边")
    virtual = add("simulate-draw", "发布前模拟一个抽奖：花费、何时发完、保底的作用，并给出提醒")
    virtual.add_argument("file", type=Path, nargs="?", help="JSON：创建抽奖接口里的 terms")
    virtual.add_argument("--draw", metavar="CODE", default=None, help="改为模拟这个编号的抽奖草稿")
    virtual.add_argument("--spins", type=int, default=100_000, help="预计整场抽多少次，默认 100000")
    virtual.add_argument("--members", type=int, default=20_000, help="预计多少人参加，默认 20000")
    virtual.add_argument("--virtual", type=int, default=1_000_000, help="一共模拟多少次，默认 1000000")
    virtual.add_argument("--decay", type=int, default=0, metavar="PERCENT", help="每天比前一天少百分之几")
    virtual.add_argument("--blocked-ppm", type=int, default=0, help="一百万人里有多少在名单内只得安慰奖")
    virtual.add_argument("--budget-fen", type=int, default=None, help="预算（分），可能超出时提醒")
    virtual.add_argument("--seed", type=int, default=1, help="相同的种子得到相同的报告")
    virtual.add_argument("--report", type=Path, default=None, help="报告写到这个 JSON 文件")
    virtual.add_argument("--plot", type=Path, default=None, help="图写到这个 PNG 或 SVG 文件")
    menu = add("menu", "对比公众号菜单，加 --publish 才发布")
    menu.add_argument("account", nargs="?", default="oa", help="公众号的名字，默认 oa")
    menu.add_argument("--publish", action="store_true", help="显示差异后发布")
    jobs = add("jobs", "列出失败的后台任务；重新执行或放弃其中一个")
    chosen = jobs.add_mutually_exclusive_group()
    chosen.add_argument("--requeue", metavar="ID", help="重新执行")
    chosen.add_argument("--discard", metavar="ID", help="放弃")
    jobs.add_argument("--reason", default="", help="放弃的原因")
    return parser


if __name__ == "__main__":
    sys.exit(main())
