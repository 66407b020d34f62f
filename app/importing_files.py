"""What commands that import a file have in common: progress that is said, and a report of the refused rows."""

import csv
import sys
import time
from collections.abc import AsyncGenerator, Mapping
from contextlib import aclosing
from pathlib import Path

from handlers.import_files import ImportFile
from handlers.importing import Progress, Refusal

SHOWN_EVERY = 1.0  # seconds between two lines of progress
TAKEN_ELSEWHERE = "另一个进程正在导入同一个文件，请等它完成。"


async def followed(file: ImportFile, running: AsyncGenerator[Progress, None]) -> Progress:
    """Run an import to its end, saying how far it is; its last progress."""
    say(f"{file.path.name}：{file.size / 1e6:.1f} MB，{file.encoding}")
    last: Progress | None = None
    shown = time.monotonic()
    async with aclosing(running):
        async for progress in running:
            last = progress
            if time.monotonic() - shown >= SHOWN_EVERY:
                shown = time.monotonic()
                say(f"{progress.share:4.0%}  {counts(progress)}")
    assert last is not None  # noqa: S101 - an import ends with its last progress
    return last


async def reported(
    refusals: AsyncGenerator[Refusal, None], reasons: Mapping[str, str], report: Path | None, file: ImportFile
) -> None:
    """Line numbers and reasons; never what stood in the line. With a BOM, so that spreadsheets read it."""
    report = report or file.path.with_name(f"{file.path.stem}-未导入.csv")
    with report.open("w", encoding="utf-8-sig", newline="") as written:
        writer = csv.writer(written)
        writer.writerow(["行号", "代码", "原因"])
        async with aclosing(refusals):
            async for refusal in refusals:
                writer.writerow([refusal.row_number, refusal.code, reasons.get(refusal.code, "")])
    say(f"未导入的行和原因：{report}")


def counts(progress: Progress) -> str:
    """The figures of an import, in words."""
    return (
        f"已读 {progress.row_count} 行，导入 {progress.added_count}，"
        f"以前已有 {progress.repeated_count}，未导入 {progress.refused_count}"
    )


def say(line: str) -> None:
    """One line for whoever runs the command."""
    sys.stdout.write(f"{line}\n")
    sys.stdout.flush()
