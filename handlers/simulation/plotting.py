"""The picture of a report: what is given by when, and what it costs. Matplotlib is imported here alone, and late."""

from io import BytesIO
from typing import Literal

from handlers.simulation.reports import Report

FONTS = ["Noto Sans CJK SC", "Noto Sans SC", "WenQuanYi Micro Hei", "SimHei", "Microsoft YaHei", "PingFang SC"]


def plot(report: Report, kind: Literal["png", "svg"]) -> bytes:
    """As PNG or SVG. Takes about a second and is not for the event loop. Without a Chinese font on this machine
    prizes go by their codes."""
    import matplotlib as mpl
    from matplotlib.backends.backend_agg import FigureCanvasAgg
    from matplotlib.figure import Figure
    from matplotlib.font_manager import fontManager

    has_fonts = bool({font.name for font in fontManager.ttflist}.intersection(FONTS))
    with mpl.rc_context({"font.sans-serif": [*FONTS, "DejaVu Sans"], "axes.unicode_minus": False}):
        figure = Figure(figsize=(10, 8), layout="constrained")
        FigureCanvasAgg(figure)
        given, spent = figure.subplots(2, 1)
        parts = [(number + 1) / len(report.ticks) * 100 for number in range(len(report.ticks))]
        for prize, line in zip(report.prizes, report.given, strict=True):
            if prize.cost_fen == 0 and prize.stock is None:
                continue  # thanks would dwarf all the others
            goal = prize.stock or max(line[-1], 1)
            given.plot(parts, [count / goal * 100 for count in line], label=prize.name if has_fonts else prize.code)
        given.set(xlabel="% of the draw's time", ylabel="% of the stock given", xlim=(0, 100))
        given.legend(loc="upper left", fontsize="small")
        costly = [prize for prize in report.prizes if prize.cost_fen]
        names = [prize.name if has_fonts else prize.code for prize in costly]
        spent.barh(names, [prize.cost_fen / 100 for prize in costly])
        spent.set(xlabel="CNY, expected")
        low, mean, high = (
            fen / 100 for fen in (report.cost_low_fen, report.cost_mean_fen, report.cost_high_fen)
        )  # fmt: skip
        figure.suptitle(
            f"{report.expected_spins:,} spins: {mean:,.0f} CNY ({low:,.0f} .. {high:,.0f} in 9 of 10 draws)"
        )
        file = BytesIO()
        figure.savefig(file, format=kind, dpi=120)
    return file.getvalue()
