"""`make demo`: a whole town on one machine. The pretend platform has its own process, server and worker are here."""

import asyncio
import errno
import json
import os
import secrets
import socket
import string
import sys
from collections.abc import Mapping
from functools import partial
from pathlib import Path

import aiohttp

from app.commands import say
from app.container import House, open_house
from app.demo_pay import pay_environment
from app.demo_seeds import Charger, seed
from app.listening import CannotListen, until_signalled
from app.logs import configure_logging
from app.schema import Settings
from app.server import serving
from app.settings import SettingsRefused, load_settings
from app.simulation import SimulatorSilent, simulating
from handlers.actors import CommandLine
from handlers.errors import DomainError
from handlers.ports import WeChatError
from models import database
from models.failures import DatabaseInUse, DatabaseUnavailable

SCENES = ("store_7", "poster_spring", "clerk_lin")
FOLDER = Path("var/demo")
CLERK = "小林"  # one of the simulator's people

THREE_THINGS = """演示已启动。用浏览器打开 {phone}

  1. 在公众号里入会，小程序认得同一个人
     点“关注公众号”，再点左下角的键盘图标，发送“入会”，然后发送“同意”。
     在“小程序”里点“打开小程序”：会员号相同。
  2. 领一张券，到店里核销
     在公众号里发送“领 咖啡”，在小程序的“卡包”里点开它，出示券码。在页面顶部
     换成“小林”，打开小程序，点“店员”“店员登录”“扫一扫”，查验后确认核销。
     “领券”里还有限时抢购、每日限量和只给金卡的；卡号密码在 {folder}/gold-cards.csv。
     在“我的”里把城市选成“宁波”，“领券”里就有海鲜市集券。在公众号里发位置，回答最近的门店。
     “话费直充10元”填手机号就能领，几秒后在“卡包”的“已使用”里看到已到账。
     每天在“抽奖”里免费转一次大转盘，签到和任务得的积分还能再转；公众号里发“抽奖”也一样。
     “提拉米苏一份”要用微信支付买：点“购买”，再点“确认支付”；也可以“话费支付”，填短信里的验证码。
     “我的”里有订单和退款、付费会员，还有推广：生成推广码，换个人来扫，佣金可以提现。
  3. 平台重复推送，事情只做一次
     在“故障开关”里把“重复推送”改成 2，点“一直”，再发一句话：
     “推送”里有 3 次投递，聊天里只有一次回答。

  接口文档  {api}/api/v1/docs
  健康      {api}/readyz
  指标      {api}/metrics
  运营账号  {folder}/operators.json

  数据和日志在 {folder}/，重新启动后会员还在；要从头再来，停止后删除它。
  按 Ctrl-C 结束。"""


class DemoRefused(Exception):
    """The demo cannot start; the text says what to do."""


def run_demo() -> int:
    """Run until Ctrl-C. The exit code is 0, or 2 when a port is taken or the settings are wrong."""
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, value in _environment(FOLDER).items():
        os.environ.setdefault(name, value)
    try:
        # Not the `.env` of the working directory: that one may name the databases of a real house.
        settings = load_settings(FOLDER / ".env")
    except SettingsRefused as refusal:
        sys.stderr.write(f"{refusal}\n")
        return 2
    with (FOLDER / "server.log").open("a", encoding="utf-8") as log:
        configure_logging(stream=log)
        try:
            asyncio.run(_demo(settings))
        except KeyboardInterrupt:  # while starting; later it is a signal like any other
            pass
        except (DemoRefused, SimulatorSilent, CannotListen, DatabaseInUse, DatabaseUnavailable, OSError) as trouble:
            sys.stderr.write(f"演示没有启动：{_reason(trouble)}\n")
            return 2
    say("\n演示已结束")
    return 0


def _reason(trouble: Exception) -> str:
    if isinstance(trouble, DatabaseInUse):
        return f"它已经在运行（进程号 {trouble.pid}）。请用那一个，或先停掉它。"
    if isinstance(trouble, DatabaseUnavailable):
        return "连不上数据库。请检查 FANPIAO_DATABASE_URL，或不设它，用自带的 SQLite。"
    return f"{trouble}"


def _environment(folder: Path) -> Mapping[str, str]:
    """Settings of the demo. Accounts are made up at the first start and kept, so that people stay who they are."""
    kept = folder / "accounts.json"
    known = json.loads(kept.read_text(encoding="utf-8")) if kept.exists() else {}
    made_up = _made_up()
    if made_up.keys() - known.keys():  # a first start, or one of before there were so many
        known = made_up | known
        kept.write_text(json.dumps(known, indent=2), encoding="utf-8")
        kept.chmod(0o600)
    port = os.environ.get("FANPIAO_SIMULATOR__PORT", "8090")
    return {
        "FANPIAO_DATABASE_URL": f"sqlite://{folder}/fanpiao.db",
        "FANPIAO_BRAND__NAME": "江南书店",
        "FANPIAO_BRAND__SERVICE_HOURS": "9:00-21:00",
        "FANPIAO_BRAND__SERVICE_PHONE": "400-000-0000",
        "FANPIAO_WECHAT__API_URL": f"http://127.0.0.1:{port}",
        **pay_environment(folder, f"http://127.0.0.1:{port}"),
        "FANPIAO_CARRIER__API_URL": f"http://127.0.0.1:{port}/carrier",
        "FANPIAO_CARRIER__CODE": "carrier",
        **known,
    }


def _made_up() -> dict[str, str]:
    letters, hexadecimal = string.ascii_letters + string.digits, "0123456789abcdef"

    def pick(alphabet: str, length: int) -> str:
        return "".join(secrets.choice(alphabet) for _ in range(length))

    return {
        "FANPIAO_OPERATOR__BOOTSTRAP_TOKEN": pick(letters, 32),
        "FANPIAO_PAY__API_V3_KEY": pick(letters, 32),
        "FANPIAO_CARRIER__SECRET": pick(letters, 32),
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


async def _demo(settings: Settings) -> None:
    say("正在启动演示……")
    _require_free_port(settings.host, settings.port, "FANPIAO_PORT")
    _require_free_port("127.0.0.1", settings.simulator.port, "FANPIAO_SIMULATOR__PORT")
    await _migrate(settings)
    async with simulating(settings) as platform, open_house(settings) as house, serving(house) as address:
        try:
            await house.handlers.menus.publish(CommandLine("demo"), "oa")
        except WeChatError:
            say("菜单没有发布成功，其余照常。")
        await _make_codes(settings, platform)
        await _fill(house, platform)
        say(THREE_THINGS.format(phone=f"{platform}/phone", api=address, folder=FOLDER))
        await until_signalled()


async def _fill(house: House, platform: str) -> None:
    """Benefits to claim and a clerk to redeem them, where nobody has set the house up before."""
    try:
        await seed(house, FOLDER, partial(_accept, platform), await _charger(platform))
    except DomainError as trouble:
        say(f"演示的权益没有放进去：{trouble.sentence}其余照常。")


async def _charger(platform: str) -> Charger:
    """The supplier that the simulator pretends to be."""
    async with aiohttp.ClientSession(platform) as session, session.get("/control/supplier") as answer:
        told = await answer.json()
    return Charger(f"{platform}{told['path']}", told["secret"])


async def _accept(platform: str, invitation: str) -> None:
    """The clerk's own phone: it joins and accepts the invitation, as anybody would."""
    async with aiohttp.ClientSession(platform) as session:
        async with session.get("/control/state") as answer:
            people = (await answer.json())["people"]
        person = next(each["id"] for each in people if each["name"] == CLERK)
        async with session.post(f"/control/people/{person}/accounts/mp/screens") as answer:
            screen = (await answer.json())["id"]
        for gesture in (
            {"gesture": "join", "with_phone": True},
            {"gesture": "accept", "invitation": invitation},
        ):
            async with session.post(f"/control/people/{person}/screens/{screen}", json=gesture):
                pass


def _require_free_port(host: str, port: int, setting: str) -> None:
    """Raises DemoRefused. Whoever takes the port between this and its use is told by an OSError."""
    with socket.socket(socket.AF_INET6 if ":" in host else socket.AF_INET) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind((host, port))
        except OSError as trouble:
            if trouble.errno != errno.EADDRINUSE:
                raise
            raise DemoRefused(f"端口 {port} 已被占用。请停掉占用它的程序，或设 {setting} 换一个。") from trouble


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
