"""Settings: what is missing, wrong or weak is told in one message; nothing secret is ever shown."""

import base64
import json
import os
import secrets
from pathlib import Path

import pytest

from app.paying import pay_keys
from app.schema import setting_sentences
from app.settings import Settings, SettingsRefused, load_settings
from tests.paying import API_V3_KEY, MCH_ID, PUBLIC_KEY_ID, SERIAL_NO, private_pem, public_pem

AES_KEY = "kWxPEV2UEDyxWpmPdKC3F4dgPDmOvfKX1HGnEUDS1aR"
PREVIOUS_AES_KEY = "abcdefghijklmnopqrstuvwxyz0123456789ABCDEFG"
SECRET = "0f9a8b7c6d5e4f3a2b1c0d9e8f7a6b5c"
TOKEN = "Pu5hT0ken9"


def key() -> str:
    return base64.b64encode(secrets.token_bytes(32)).decode()


PRODUCTION = {
    "DATABASE_URL": "postgres://fanpiao:S3cret-Pa55@db.internal:5432/fanpiao",
    "REDIS_URL": "rediss://:S3cret-Pa55@redis.internal:6379/0",
    "FIELD_KEYS": json.dumps({"k2": key(), "k1": key()}),
    "INDEX_KEY": key(),
}
OFFICIAL_ACCOUNT = {
    "BRAND__NAME": "滨海生活",
    "WECHAT__OA_APP_ID": "wx0123456789abcdef",
    "WECHAT__OA_SECRET": SECRET,
    "WECHAT__OA_TOKEN": TOKEN,
    "WECHAT__OA_AES_KEY": AES_KEY,
    "WECHAT__OA_PREVIOUS_AES_KEY": PREVIOUS_AES_KEY,
    "WECHAT__OA_ORIGINAL_ID": "gh_0123456789ab",
}


@pytest.fixture(autouse=True)
def _an_empty_place(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    for name in list(os.environ):
        if name.startswith("FANPIAO_"):
            monkeypatch.delenv(name)


@pytest.fixture
def load(monkeypatch):
    def load(**values: str) -> Settings:
        for name, value in values.items():
            monkeypatch.setenv(f"FANPIAO_{name}", value)
        return load_settings()

    return load


def refused(load, **values: str) -> SettingsRefused:
    with pytest.raises(SettingsRefused) as refusal:
        load(**values)
    return refusal.value


def test_nothing_has_to_be_set(load):
    settings = load()
    assert settings.is_embedded
    assert settings.is_worker_embedded
    assert settings.public_url == "http://127.0.0.1:8080"
    assert len(settings.index_key_bytes()) == 32
    assert [len(one) for one in settings.field_key_bytes().values()] == [32]


def test_the_embedded_keys_are_made_once_and_for_their_owner_only(load):
    first, second = load(), load()
    assert first.field_key_bytes() == second.field_key_bytes()
    assert first.index_key_bytes() == second.index_key_bytes()
    assert Path("var/keys.json").stat().st_mode & 0o777 == 0o600
    assert [path.name for path in Path("var").iterdir()] == ["keys.json"]


def test_a_key_file_that_others_can_read_is_refused(load):
    load()
    Path("var/keys.json").chmod(0o644)
    assert list(refused(load).problems) == ["FANPIAO_FIELD_KEYS"]


def test_a_damaged_key_file_is_refused_and_left_as_it_is(load):
    load()
    Path("var/keys.json").write_text("{")
    assert list(refused(load).problems) == ["FANPIAO_FIELD_KEYS"]
    assert Path("var/keys.json").read_text() == "{"


def test_a_database_that_lost_its_keys_gets_no_new_ones(load):
    load()
    Path("var/keys.json").unlink()
    Path("var/fanpiao.db").write_bytes(b"SQLite format 3\x00")
    assert list(refused(load).problems) == ["FANPIAO_FIELD_KEYS"]
    assert not Path("var/keys.json").exists()


def test_production_asks_for_both_keys(load):
    refusal = refused(load, DATABASE_URL=PRODUCTION["DATABASE_URL"], REDIS_URL=PRODUCTION["REDIS_URL"])
    assert list(refusal.problems) == ["FANPIAO_FIELD_KEYS", "FANPIAO_INDEX_KEY"]
    assert not Path("var").exists()


def test_production_settings_are_taken(load):
    settings = load(**PRODUCTION, TRUSTED_PROXIES="10.0.0.1, 10.1.0.0/16", PUBLIC_URL="https://m.example.com/")
    assert settings.dialect == "postgres"
    assert not settings.is_embedded
    assert not settings.is_worker_embedded
    assert list(settings.field_key_bytes()) == ["k2", "k1"]  # the first is current
    assert settings.public_url == "https://m.example.com"
    assert [str(network) for network in settings.trusted_proxies] == ["10.0.0.1/32", "10.1.0.0/16"]


def test_one_key_alone_is_not_enough_even_embedded(load):
    assert list(refused(load, INDEX_KEY=key()).problems) == ["FANPIAO_FIELD_KEYS"]


def test_the_index_key_must_not_be_a_field_key(load):
    same = key()
    problems = refused(load, **PRODUCTION | {"FIELD_KEYS": json.dumps({"k1": same}), "INDEX_KEY": same}).problems
    assert list(problems) == ["FANPIAO_INDEX_KEY"]


def test_an_official_account_is_taken(load):
    wechat = load(**OFFICIAL_ACCOUNT).wechat
    assert wechat.oa_secret.get_secret_value() == SECRET
    assert wechat.oa_aes_key.get_secret_value() == AES_KEY
    assert wechat.mp_app_id is None


def test_what_an_account_lacks_is_named(load):
    assert set(refused(load, WECHAT__OA_APP_ID="wx0123456789abcdef", WECHAT__MP_AES_KEY=AES_KEY).problems) == {
        "FANPIAO_BRAND__NAME",
        "FANPIAO_WECHAT__OA_SECRET",
        "FANPIAO_WECHAT__OA_TOKEN",
        "FANPIAO_WECHAT__MP_APP_ID",
        "FANPIAO_WECHAT__MP_SECRET",
        "FANPIAO_WECHAT__MP_TOKEN",
    }


def test_one_app_id_cannot_be_two_accounts(load):
    mini_program = {"WECHAT__MP_APP_ID": OFFICIAL_ACCOUNT["WECHAT__OA_APP_ID"], "WECHAT__MP_SECRET": SECRET}
    assert list(refused(load, **OFFICIAL_ACCOUNT, **mini_program).problems) == ["FANPIAO_WECHAT__MP_APP_ID"]


BAD = [
    ("HOST", "not a host"),
    ("PORT", "0"),
    ("PORT", "70000"),
    ("PORT", "http"),
    ("DATABASE_URL", "mysql://root@localhost/x"),
    ("DATABASE_URL", "postgres://localhost"),
    ("DATABASE_URL", "sqlite://"),
    ("DATABASE_POOL", "0"),
    ("REDIS_URL", "localhost:6379"),
    ("FIELD_KEYS", "not json"),
    ("FIELD_KEYS", "{}"),
    ("FIELD_KEYS", "[]"),
    ("FIELD_KEYS", '["k1"]'),
    ("FIELD_KEYS", '{"k1": 5}'),
    ("FIELD_KEYS", '{"k1": "c2hvcnQ="}'),
    ("FIELD_KEYS", json.dumps({"k 1": key()})),
    ("FIELD_KEYS", json.dumps({"k1": base64.b64encode(bytes(32)).decode()})),
    ("FIELD_KEYS", f'{{"k1": "{key()}", "k1": "{key()}"}}'),
    ("FIELD_KEYS", json.dumps(dict.fromkeys(("k1", "k2"), key()))),
    ("INDEX_KEY", base64.b64encode(bytes(range(32))).decode()),
    ("INDEX_KEY", base64.b64encode(b"changeme" * 4).decode()),
    ("INDEX_KEY", "键"),
    ("PUBLIC_URL", "shop.example.org"),
    ("PUBLIC_URL", "https://user:pass@m.example.com"),
    ("PUBLIC_URL", "https://m.example.com/?a=1"),
    ("TRUSTED_PROXIES", "10.0.0.0/99"),
    ("TRUSTED_PROXIES", "nginx"),
    ("BRAND__NAME", "长" * 65),
    ("BRAND__SERVICE_PHONE", "call us"),
    ("WECHAT__API_URL", "http://api.weixin.qq.com"),
    ("WECHAT__OA_APP_ID", "wx123"),
    ("WECHAT__OA_SECRET", "short"),
    ("WECHAT__OA_SECRET", "0" * 32),
    ("WECHAT__OA_TOKEN", "ab"),
    ("WECHAT__OA_TOKEN", "weixin"),
    ("WECHAT__OA_TOKEN", "with-dash"),
    ("WECHAT__OA_TOKEN", "a" * 33),
    ("WECHAT__OA_AES_KEY", AES_KEY[:-1]),
    ("WECHAT__OA_AES_KEY", AES_KEY[:-1] + "+"),
    ("WECHAT__OA_AES_KEY", "a" * 43),
    ("WECHAT__OA_ORIGINAL_ID", "0123456789ab"),
    ("WORKER__EMBEDDED", "maybe"),
    ("METRICS__TOKEN", "short"),
    ("OPERATOR__BOOTSTRAP_TOKEN", "short"),
    ("OPERATOR__BOOTSTRAP_TOKEN", "aaaaaaaaaaaaaaaaaaaa"),
    ("METRICS__TOKEN", "aaaaaaaaaaaaaaaaaaaa"),
    ("RATE__MEMBER_PER_MINUTE", "-1"),
    ("SIMULATOR__PORT", "x"),
]


@pytest.mark.parametrize(("name", "value"), BAD, ids=[f"{name}-{number}" for number, (name, _) in enumerate(BAD)])
def test_a_wrong_value_is_refused_by_name_and_not_shown(load, name, value):
    refusal = refused(load, **{name: value})
    assert f"FANPIAO_{name}" in refusal.problems
    if len(value) > 8 and not value.startswith("sqlite"):
        assert value not in str(refusal)


def test_every_mistake_is_named_in_one_message(load):
    bad = {name: value for name, value in BAD if name not in {"FIELD_KEYS", "INDEX_KEY"}}
    refusal = refused(load, **bad, WHATEVER="1", WECHAT__OA_SECRT="x", WECHAT__MP_APP_ID="wx0123456789abcdef")
    expected = {f"FANPIAO_{name}" for name in bad}
    expected |= {"FANPIAO_WHATEVER", "FANPIAO_WECHAT__OA_SECRT", "FANPIAO_WECHAT__MP_SECRET"}
    assert set(refusal.problems) == expected
    text = str(refusal)
    assert all(name in text for name in expected)
    assert "Traceback" not in text


def test_a_typing_mistake_is_answered_with_the_right_name(load):
    assert "FANPIAO_REDIS_URL" in refused(load, REDDIS_URL="memory://").problems["FANPIAO_REDDIS_URL"]


@pytest.mark.parametrize("value", ["{", "5", '{"oa_app_id": "wx0123456789abcdef"}'])
def test_a_section_in_one_variable_is_refused(load, value):
    assert "FANPIAO_WECHAT" in refused(load, WECHAT=value).problems


def test_unknown_names_in_the_file_are_told_too(load):
    Path(".env").write_text("FANPIAO_TYPO=1\nOTHER_PROGRAM=2\n")
    assert list(refused(load).problems) == ["FANPIAO_TYPO"]


def test_the_environment_wins_over_the_file(load):
    Path(".env").write_text(
        "FANPIAO_PORT=9000\nFANPIAO_BRAND__NAME=文件\nFANPIAO_BRAND__SERVICE_HOURS=9-21\n", encoding="utf-8"
    )
    settings = load(BRAND__NAME="环境")
    assert (settings.port, settings.brand.name, settings.brand.service_hours) == (9000, "环境", "9-21")


def test_an_empty_value_means_not_set(load):
    assert load(PORT="", WECHAT__OA_APP_ID="").port == 8080


def test_the_test_suites_own_variables_are_no_settings(load):
    assert load(TEST_PAIR="sqlite").port == 8080


def test_secrets_show_in_no_repr(load):
    settings = load(**PRODUCTION, **OFFICIAL_ACCOUNT, METRICS__TOKEN="Metr1csT0ken-abcdef")
    shown = f"{settings!r} {settings} {settings.wechat!r}"
    for value in ("S3cret-Pa55", SECRET, TOKEN, AES_KEY, PREVIOUS_AES_KEY, "Metr1csT0ken", PRODUCTION["INDEX_KEY"]):
        assert value not in shown


def test_settings_do_not_change_once_loaded(load):
    settings = load()
    with pytest.raises(ValueError, match="frozen"):
        settings.port = 1
    with pytest.raises(ValueError, match="frozen"):
        settings.wechat.oa_app_id = "x"


@pytest.mark.parametrize(
    ("host", "url"),
    [("0.0.0.0", "http://127.0.0.1:8080"), ("::1", "http://[::1]:8080"), ("web1", "http://web1:8080")],
)
def test_the_public_address_follows_from_where_it_listens(load, host, url):
    assert load(HOST=host).public_url == url


def test_every_setting_says_what_to_fill_in():
    assert all(sentence.startswith("请填") for sentence in setting_sentences().values())


def test_the_readme_lists_every_setting():
    readme = (Path(__file__).parent.parent.parent / "README.md").read_text(encoding="utf-8")
    assert [name for name in setting_sentences() if f"`{name}`" not in readme] == []


def test_a_worker_apart_is_refused_on_sqlite(load):
    assert list(refused(load, WORKER__EMBEDDED="false").problems) == ["FANPIAO_WORKER__EMBEDDED"]


def merchant(folder: Path, **more: str) -> dict[str, str]:
    (folder / "merchant.pem").write_bytes(private_pem("merchant"))
    (folder / "platform.pem").write_bytes(public_pem("platform"))
    return {
        "PAY__MCH_ID": MCH_ID,
        "PAY__SERIAL_NO": SERIAL_NO,
        "PAY__PRIVATE_KEY_FILE": str(folder / "merchant.pem"),
        "PAY__API_V3_KEY": API_V3_KEY,
        "PAY__PUBLIC_KEY_FILE": str(folder / "platform.pem"),
        "PAY__PUBLIC_KEY_ID": PUBLIC_KEY_ID,
        **more,
    }


def test_a_merchant_of_wechat_pay_is_there_whole_or_not_at_all(load, tmp_path):
    assert not load(**PRODUCTION).pay.is_set
    settings = load(**merchant(tmp_path))
    assert settings.pay.is_set
    assert API_V3_KEY not in repr(settings)
    assert pay_keys(settings.pay).mch_id == MCH_ID


def test_half_a_merchant_is_told_what_is_missing(load):
    named = refused(load, **PRODUCTION, PAY__MCH_ID=MCH_ID, PAY__API_V3_KEY=API_V3_KEY).problems
    names = ("SERIAL_NO", "PRIVATE_KEY_FILE", "PUBLIC_KEY_FILE", "PUBLIC_KEY_ID")
    assert list(named) == [f"FANPIAO_PAY__{name}" for name in names]


@pytest.mark.parametrize(
    ("name", "value"),
    [
        ("PRIVATE_KEY_FILE", "nowhere.pem"),
        ("PRIVATE_KEY_FILE", "platform.pem"),
        ("PUBLIC_KEY_FILE", "merchant.pem"),
        ("MCH_ID", "not a number"),
        ("API_V3_KEY", "short"),
        ("API_V3_KEY", "a" * 32),
        ("API_URL", "http://pay.example.com"),
    ],
)
def test_what_cannot_be_a_merchant_s_is_named(load, tmp_path, name, value):
    setting = f"FANPIAO_PAY__{name}"
    problems = refused(load, **PRODUCTION, **{**merchant(tmp_path), f"PAY__{name}": value}).problems
    assert list(problems) == [setting]
    assert value not in str(problems)
