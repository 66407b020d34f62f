"""`python -m simulator`: a platform with one official account and one mini-program, on its own port."""

import argparse
import asyncio
import os
import signal
import sys
from collections.abc import Sequence
from pathlib import Path

from aiohttp import web

from simulator.accounts import Account, Kind, Mode
from simulator.pay_crypto import Merchant
from simulator.platform import Platform
from simulator.server import create_app

_ENV, _PAY = "FANPIAO_WECHAT__", "FANPIAO_PAY__"
_STOP_SECONDS = 1.0
_PEOPLE = "小明:13800000001,小红:13800000002,老王,小林:13800000004"
_TEMPLATES = {"TM-REDEEMED": ("thing1", "time2"), "TM-CLAIMED": ("thing1", "time2", "character_string3")}


def main(argv: Sequence[str] | None = None) -> int:
    """Serve until SIGINT or SIGTERM."""
    options = _parser().parse_args(argv)
    try:
        platform = platform_of(options)
    except ValueError as error:
        sys.stderr.write(f"simulator: {error}\n")
        return 2
    try:
        asyncio.run(_serve(platform, options))
    except OSError as error:
        sys.stderr.write(f"simulator: {error.strerror}\n")
        return 1
    return 0


def platform_of(options: argparse.Namespace) -> Platform:
    """The world that the options describe; raises ValueError."""
    official = Account(
        kind=Kind.OFFICIAL_ACCOUNT,
        name="oa",
        title=options.title,
        app_id=options.oa_app_id,
        secret=options.oa_secret,
        token=options.oa_token,
        aes_key=options.oa_aes_key or None,
        previous_aes_key=options.oa_previous_aes_key or None,
        original_id=options.oa_original_id,
        mode=_mode(options.oa_mode, options.oa_aes_key),
        templates=_TEMPLATES,
    )
    mini = Account(
        kind=Kind.MINI_PROGRAM,
        name="mp",
        title=f"{options.title}小程序",
        app_id=options.mp_app_id,
        secret=options.mp_secret,
        token=options.mp_token,
        aes_key=options.mp_aes_key or None,
        original_id=options.mp_original_id,
        mode=_mode(None, options.mp_aes_key),
        templates=_TEMPLATES,
    )
    platform = Platform(
        [official, mini],
        backend=options.backend,
        seed=options.seed,
        merchant=_merchant(options),
        carrier_secret=options.carrier_secret,
    )
    for entry in filter(None, options.people.split(",")):
        name, _, phone = entry.partition(":")
        platform.person(name, phone=phone or None)
        if phone:  # everybody here has a number of the pretend carrier
            platform.carrier.sign_up(phone)
    return platform


def _merchant(options: argparse.Namespace) -> Merchant | None:
    """The merchant of WeChat Pay, where all of it is given; raises ValueError."""
    facts = (options.pay_mch_id, options.pay_serial_no, options.pay_api_v3_key, options.pay_public_key_id)
    if not all((*facts, options.pay_private_key_file, options.pay_key_file)):
        return None
    try:
        merchant_pem, platform_pem = (
            Path(name).read_bytes() for name in (options.pay_private_key_file, options.pay_key_file)
        )
    except OSError as error:
        raise ValueError(f"key file: {error.strerror}") from error
    return Merchant.read(
        mch_id=options.pay_mch_id,
        serial_no=options.pay_serial_no,
        merchant_pem=merchant_pem,
        api_v3_key=options.pay_api_v3_key,
        public_key_id=options.pay_public_key_id,
        platform_pem=platform_pem,
    )


def _mode(wanted: str | None, aes_key: str | None) -> Mode:
    if wanted:
        return Mode(wanted)
    return Mode.SAFE if aes_key else Mode.PLAIN


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="python -m simulator",
        description="A pretend WeChat platform with pretend people; open /phone in a browser.",
        epilog=f"Defaults of the account options come from {_ENV}OA_APP_ID and so on.",
    )
    parser.add_argument("--host", default="127.0.0.1")
    parser.add_argument("--port", type=int, default=os.environ.get("FANPIAO_SIMULATOR__PORT", "8090"))
    parser.add_argument("--backend", default=os.environ.get("FANPIAO_PUBLIC_URL", "http://127.0.0.1:8080"))
    parser.add_argument(
        "--title", default=os.environ.get("FANPIAO_BRAND__NAME", "饭票"), help="what accounts are called"
    )
    parser.add_argument("--people", default=_PEOPLE, help="name:phone,name:phone; the phone may be left out")
    parser.add_argument("--seed", default="fanpiao", help="same seed, same openids after a restart")
    for name, default in {
        "oa-app-id": "wx0000000000000a01",
        "oa-secret": "0" * 31 + "a",
        "oa-token": "SimulatedOfficialAccount",
        "oa-aes-key": None,
        "oa-previous-aes-key": None,
        "oa-original-id": "gh_000000000a01",
        "mp-app-id": "wx0000000000000b01",
        "mp-secret": "0" * 31 + "b",
        "mp-token": "SimulatedMiniProgram",
        "mp-aes-key": None,
        "mp-original-id": "gh_000000000b01",
    }.items():
        env = _ENV + name.upper().replace("-", "_")
        parser.add_argument(f"--{name}", default=os.environ.get(env, default))
    for name in ("mch-id", "serial-no", "api-v3-key", "public-key-id", "private-key-file"):
        default = os.environ.get(f"{_PAY}{name.upper().replace('-', '_')}")
        parser.add_argument(f"--pay-{name}", default=default, help="of the merchant of WeChat Pay; all or none")
    parser.add_argument(
        "--pay-key-file", default=os.environ.get("FANPIAO_SIMULATOR__PAY_KEY_FILE"), help="the platform's own key"
    )
    secret = os.environ.get("FANPIAO_CARRIER__SECRET")
    parser.add_argument("--carrier-secret", default=secret, help="what the pretend carrier and the server sign with")
    parser.add_argument("--oa-mode", choices=list(Mode), help="safe when a key is given, otherwise plain")
    parser.add_argument("--until-input-ends", action="store_true", help="stop when standard input is closed")
    return parser


async def _serve(platform: Platform, options: argparse.Namespace) -> None:
    host, port = options.host, options.port
    stopping = asyncio.Event()
    loop = asyncio.get_running_loop()
    for number in (signal.SIGINT, signal.SIGTERM):
        loop.add_signal_handler(number, stopping.set)
    if options.until_input_ends:
        _watch_input(loop, stopping)
    runner = web.AppRunner(create_app(platform), shutdown_timeout=_STOP_SECONDS, access_log=None)
    await runner.setup()
    try:
        await web.TCPSite(runner, host, port).start()
        sys.stdout.write(f"simulator: http://{host}:{port}/phone, pushing to {platform.line.backend}\n")
        sys.stdout.flush()
        await stopping.wait()
    finally:
        await runner.cleanup()


def _watch_input(loop: asyncio.AbstractEventLoop, stopping: asyncio.Event) -> None:
    """Whoever started us holds the other end of a pipe: when that one dies, however, we are not left over."""
    entry = sys.stdin.fileno()

    def look() -> None:
        if not os.read(entry, 1024):
            loop.remove_reader(entry)
            stopping.set()

    loop.add_reader(entry, look)
