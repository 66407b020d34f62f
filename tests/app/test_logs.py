"""Logs are JSON lines, and canaries of every kind of secret come out of none of them."""

import io
import json
import logging

import pytest

from app.logs import configure_logging, redacted

PHONE = "13812345678"
OPENID = "o6_bmjrPTlm6_2sgVt7hMZOPfL2M"
TOKEN = "CANARY-71_uNrZ5sxNfvUe"
CANARIES = [
    f"called {PHONE} back",
    "called +86 138 1234 5678 back",
    "called 0086-138-1234-5678 back",
    f"phone{PHONE}",
    f"电话{PHONE}。",
    f"person {OPENID} follows",
    f"/cgi-bin/user/info?access_token={TOKEN}&openid={OPENID}&lang=zh_CN",
    f"/sns/jscode2session?appid=wx0123456789abcdef&secret={TOKEN}&js_code={TOKEN}&grant_type=authorization_code",
    f"/wechat/oa?signature={TOKEN}&timestamp=1&nonce=2&msg_signature={TOKEN}",
    f"/callback?code={TOKEN}",
    f'{{"session_key": "{TOKEN}", "errcode": 0}}',
    f"{{'access_token': '{TOKEN}'}}",
    f"Authorization: Bearer {TOKEN}",
    f"cannot connect to postgres://fanpiao:{TOKEN}@db:5432/fanpiao",
    f"cannot connect to rediss://:{TOKEN}@redis:6379/0",
]
LEAKS = (PHONE, "1234 5678", "1234-5678", OPENID, TOKEN)


@pytest.fixture
def log():
    """A logger whose lines can be read back; everything is as it was afterwards."""
    root = logging.getLogger()
    before, level = root.handlers[:], root.level
    stream = io.StringIO()
    configure_logging("INFO", stream)
    try:
        yield logging.getLogger("canary"), lambda: [json.loads(line) for line in stream.getvalue().splitlines()]
    finally:
        root.handlers[:] = before
        root.setLevel(level)
        logging.captureWarnings(capture=False)


def leaks(line: object) -> list[str]:
    text = json.dumps(line, ensure_ascii=False)
    return [leak for leak in LEAKS if leak in text]


def fail(text: str) -> None:
    raise ConnectionError(text)


def test_a_line_says_when_how_bad_who_and_what(log):
    logger, lines = log
    logger.warning("slow answer", extra={"milliseconds": 812, "request_id": "r-1"})
    (line,) = lines()
    assert line.pop("time").endswith("+00:00")
    assert line == {
        "level": "WARNING",
        "logger": "canary",
        "message": "slow answer",
        "milliseconds": 812,
        "request_id": "r-1",
    }


@pytest.mark.parametrize("canary", CANARIES)
def test_no_canary_gets_into_a_message(log, canary):
    logger, lines = log
    assert leaks(canary), "the canary itself must sing"
    logger.info("%s", canary)
    assert leaks(lines()) == []


@pytest.mark.parametrize("canary", CANARIES)
def test_no_canary_gets_into_an_exception(log, canary):
    logger, lines = log
    try:
        fail(canary)
    except ConnectionError:
        logger.exception("failed")
    (line,) = lines()
    assert "ConnectionError" in line["exc_info"]
    assert leaks(line) == []


@pytest.mark.parametrize("canary", CANARIES)
def test_no_canary_gets_into_extra_facts(log, canary):
    logger, lines = log
    logger.info("x", extra={"fact": canary, "nested": {"list": [canary, {canary: 1}]}, "raw": canary.encode()})
    assert leaks(lines()) == []


def test_no_canary_gets_through_as_a_number_or_under_a_telling_name(log):
    logger, lines = log
    logger.info("x", extra={"number": int(PHONE), "token": "abc", "oa_secret": "abc", "phone_code": {"inner": "abc"}})
    (line,) = lines()
    assert leaks(line) == []
    assert "abc" not in json.dumps(line)


def test_what_operators_need_stays_readable():
    for text in (
        "errcode=40001 errmsg=invalid credential",
        "job 0192f4a1-7b3c-7def-8123-138123456789 done",
        "took 0.13812345678 s at 1714036504",
        "exit code=1",
        "message 24012345678901234",
        "route /api/v1/offers/{id} status 404",
        "member 1381234567",
    ):
        assert redacted(text) == text


def test_two_people_can_still_be_told_apart():
    other = "oABCDjrPTlm6_2sgVt7hMZOPfL2M"
    assert redacted(OPENID) != redacted(other)
    assert len(redacted(OPENID)) < 8


def test_warnings_become_log_lines(log):
    _, lines = log
    logging.getLogger("py.warnings").warning("deprecated")
    assert lines()[0]["logger"] == "py.warnings"


def test_statements_of_the_database_layer_are_not_logged(log):
    _, lines = log
    logging.getLogger("tortoise.db_client").debug("INSERT %s", [PHONE])
    logging.getLogger("tortoise.db_client").info("INSERT %s", [PHONE])
    assert lines() == []
