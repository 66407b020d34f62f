"""The system's Chromium, driven by Playwright, for tests that look at pages."""

import shutil
from collections.abc import AsyncIterator
from contextlib import asynccontextmanager

from playwright.async_api import Page, async_playwright, expect

# Names other than this machine's lead nowhere: the browser is held to loopback as our own sockets are.
_ARGUMENTS = ("--no-sandbox", "--host-resolver-rules=MAP * ~NOTFOUND, EXCLUDE 127.0.0.1")


class BrowserMissing(Exception):
    """No Chromium on this machine; the text says what to install."""

    def __init__(self) -> None:
        super().__init__("these tests need Chromium and a CJK font: apt-get install chromium fonts-wqy-microhei")


def chromium() -> str:
    """The path of the system's Chromium. Raises BrowserMissing."""
    path = shutil.which("chromium") or shutil.which("chromium-browser")
    if path is None:
        raise BrowserMissing
    return path


@asynccontextmanager
async def a_page(width: int, height: int, *, patience: float = 10.0) -> AsyncIterator[Page]:
    """A page in a fresh browser; it fails whoever opened it when a script of the page failed.

    `patience`, in seconds, is for each thing that is looked for.
    """
    async with async_playwright() as playwright:
        browser = await playwright.chromium.launch(executable_path=chromium(), args=_ARGUMENTS)
        try:
            page = await browser.new_page(viewport={"width": width, "height": height}, locale="zh-CN")
            page.set_default_timeout(patience * 1000)
            expect.set_options(timeout=patience * 1000)
            complaints: list[str] = []
            page.on("pageerror", lambda error: complaints.append(str(error)))
            page.on("console", lambda line: complaints.append(line.text) if line.type == "error" else None)
            yield page
            assert not complaints, complaints
        finally:
            await browser.close()
