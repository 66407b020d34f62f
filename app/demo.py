"""`make demo`: a whole town on one machine. The pretend platform in a process of its own, the server and worker here."""

import asyncio
import contextlib
import json
import os
import secrets
import signal
import string
import sys
from collections.abc import AsyncIterator, Mapping, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import aiohttp

from app.commands import say
from app.container import open_house
from app.logs import configure_logging
from app.schema import Settings
from app.server import serving, until_signalled
from app.settings import SettingsRefused, load_settings
from handlers.ports import WeChatError
from models import database

SCENES = ("store_7", "poster_spring", "clerk_lin")
READY_SECONDS = 20.0

THREE_THINGS = """
  1. 打开 {phone} ，选“小明”，点关注，再说“入会”，然后说“同意”。
  2. 切到小程序一屏，点一键入会：已经是同一位会员；换“小红”，先在小程序入会，再到公众号说“我的”。
  3. 打开“推送”一栏，看每次推送的原文；在“故障开关”里打开“重复推送”或“丢弃应答”，再说一句话，看只发生一次。

  接口文档：{api}/api/v1/docs    健康：{api}/readyz    指标：{api}/metrics
  按 Ctrl-C 结束。
"""


def run_demo() -> int:
    """Run until Ctrl-C. The exit code is 0, or 2 when a port is taken or the settings are wrong."""
    folder = Path("var/demo")
    folder.mkdir(parents=True, exist_ok=True)
    for name, value in _environment(folder).items():
        os.environ.setdefault(name, value)
    try:
        settings = load_settings()
    except SettingsRefused as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 2
    configure_logging(stream=(folder / "server.log").open("a", encoding="utf-8"))
    try:
        return asyncio.run(_demo(settings))
    except OSError as trouble:
        sys.stderr.write(
            f"演示没有启动：{trouble.strerror}。端口被占用时，用 FANPIAO_PORT 和 FANPIAO_SIMULATOR__PORT 换一个。\n"
        )
        return 2


def _environment(folder: Path) -> Mapping[str, str]:
    """Settings of the demo. Accounts are made up at the first start and kept, so that people stay who they are."""
    kept = folder / "accounts.json"
    if not kept.exists():
        kept.write_text(json.dumps(_made_up(), indent=2), encoding="utf-8")
        kept.chmod(0o600)
    port = os.environ.get("FANPIAO_SIMULATOR__PORT", "8090")
    return {
        "FANPIAO_DATABASE_URL": f"sqlite://{folder}/fanpiao.db",
        "FANPIAO_BRAND__NAME": "江南书店",
        "FANPIAO_BRAND__SERVICE_HOURS": "9:00-21:00",
        "FANPIAO_BRAND__SERVICE_PHONE": "400-000-0000",
        "FANPIAO_WECHAT__API_URL": f"http://127.0.0.1:{port}",
        **json.loads(kept.read_text(encoding="utf-8")),
    }


def _made_up() -> dict[str, str]:
    letters, hexadecimal = string.ascii_letters + string.digits, "0123456789abcdef"

    def pick(alphabet: str, length: int) -> str:
        return "".join(secrets.choice(alphabet) for _ in range(length))

    return {
        "FANPIAO_WECHAT__OA_APP_ID": f"wx{pick(hexadecimal, 16)}",
        "FANPIAO_WECHAT__OA_SECRET": pick(hexadecimal, 32),
        "FANPIAO_WECHAT__OA_TOKEN": pick(letters, 24),
        "FANPIAO_WECHAT__OA_AES_KEY": pick(letters, 43),
        "FANPIAO_WECHAT__OA_ORIGINAL_ID": f"gh_{pick(hexadecimal, 12)}",
        "FANPIAO_WECHAT__MP_APP_ID": f"wx{pick(hexadecimal, 16)}",
        "FANPIAO_WECHAT__MP_SECRET": pick(hexadecimal, 32),
        "FANPIAO_WECHAT__MP_TOKEN": pick(letters, 24),
        "FANPIAO_WECHAT__MP_AES_KEY": pick(letters, 43),
    }


async def _demo(settings: Settings) -> int:
    await _migrate(settings)
    async with _simulator(settings) as platform, open_house(settings) as house, serving(house) as address:
        try:
            await house.handlers.menus.publish("oa")
        except WeChatError:
            say("菜单没有发布成功，其余照常。")
        await _make_codes(settings, platform)
        say(f"演示已启动。\n{THREE_THINGS.format(phone=f'{platform}/phone', api=address)}")
        await until_signalled()
    say("演示已结束")
    return 0


async def _migrate(settings: Settings) -> None:
    await database.connect(settings.database_url, pool=1)
    try:
        await database.migrate()
    finally:
        await database.disconnect()


async def _make_codes(settings: Settings, platform: str) -> None:
    """A few scene codes to scan, made by the official account itself."""
    app_id, secret = settings.wechat.oa_app_id, settings.wechat.oa_secret
    if app_id is None or secret is None:
        return
    credential = {"grant_type": "client_credential", "appid": app_id, "secret": secret.get_secret_value()}
    async with aiohttp.ClientSession(platform) as session:
        async with session.post("/cgi-bin/stable_token", json=credential) as answer:
            token = (await answer.json(content_type=None))["access_token"]
        for scene in SCENES:
            body = {"action_name": "QR_LIMIT_STR_SCENE", "action_info": {"scene": {"scene_str": scene}}}
            async with session.post("/cgi-bin/qrcode/create", params={"access_token": token}, json=body):
                pass


@asynccontextmanager
async def _simulator(settings: Settings) -> AsyncIterator[str]:
    """The pretend platform, with the accounts of the environment; gives its address once it answers."""
    port = settings.simulator.port
    arguments = ("--port", str(port), "--backend", f"http://{settings.host}:{settings.port}")
    process = await _start_simulator(arguments)
    address = f"http://127.0.0.1:{port}"
    try:
        await _until_ready(address, process)
        yield address
    finally:
        await _stop(process)


async def _start_simulator(arguments: Sequence[str]) -> asyncio.subprocess.Process:
    # A group of its own: Ctrl-C reaches us alone, and we stop it when nothing needs it any more.
    return await asyncio.create_subprocess_exec(
        sys.executable, "-m", "simulator", *arguments, stdout=asyncio.subprocess.DEVNULL, start_new_session=True
    )


async def _until_ready(address: str, process: asyncio.subprocess.Process) -> None:
    async with asyncio.timeout(READY_SECONDS), aiohttp.ClientSession() as session:
        while process.returncode is None:
            with contextlib.suppress(aiohttp.ClientError):
                async with session.get(f"{address}/phone") as answer:
                    if answer.status == 200:
                        return
            await asyncio.sleep(0.1)
    raise OSError(98, "模拟平台没有启动（端口被占用？）")


async def _stop(process: asyncio.subprocess.Process) -> None:
    if process.returncode is not None:
        return
    process.send_signal(signal.SIGTERM)
    try:
        async with asyncio.timeout(3.0):
            await process.wait()
    except TimeoutError:
        process.kill()
        await process.wait()


async def run_simulator(arguments: Sequence[str]) -> int:
    """The pretend platform alone, until a signal."""
    process = await _start_simulator(arguments)
    try:
        waiting = asyncio.create_task(process.wait())
        stopping = asyncio.create_task(until_signalled())
        await asyncio.wait({waiting, stopping}, return_when=asyncio.FIRST_COMPLETED)
        stopping.cancel()
    finally:
        await _stop(process)
    return process.returncode or 0
