"""`fanpiao simulate-draw`: from a file without a database, from a draft beside a running server."""

import json

import orjson

from handlers.rules.draw_terms import stored as as_kept
from miniapp_api.operator.draw_shapes import DrawTermsBody
from models.ids import new_id
from tests.processes import stored

TERMS = {
    "title": "开业转盘",
    "opens_at": "2036-01-01T00:00:00+08:00",
    "closes_at": "2036-01-11T00:00:00+08:00",
    "prizes": [
        {"code": "kettle", "name": "水壶", "kind": "goods", "ppm": 1_000, "stock": 50, "value_fen": 9_900},
        {"code": "thanks", "name": "谢谢参与", "kind": "thanks", "ppm": 999_000},
    ],
}


async def test_a_file_is_simulated_with_warnings_a_report_and_a_picture(site):
    file, report, picture = (site.home / name for name in ("draw.json", "report.json", "draw.svg"))
    file.write_bytes(orjson.dumps(TERMS))
    finished = await site.run(
        *("simulate-draw", str(file), "--report", str(report), "--plot", str(picture), "--budget-fen", "100"),
        within=60,
    )
    assert finished.code == 0, finished.err
    assert "每场 100,000 次，模拟 10 场，共 1,000,000 次" in finished.out
    assert "预计花费 4,950.00 元" in finished.out
    assert "水壶：概率 0.1%，库存 50，平均发出 50.0，100% 的场次会发完，多半在 2036-01-" in finished.out
    assert "提醒：预计花费可能超出预算" in finished.out
    told = json.loads(report.read_text("utf-8"))
    assert (told["prizes"][0]["awarded"], told["runs"]) == (50, 10)
    assert picture.read_bytes().startswith(b"<?xml")


async def test_what_cannot_be_simulated_is_refused_by_field_and_nothing_is_written(site):
    file, report = site.home / "draw.json", site.home / "report.json"
    prizes = [{**TERMS["prizes"][0], "ppm": 999}, TERMS["prizes"][1]]
    for terms, arguments, words in (
        (TERMS | {"prizes": prizes}, (), ("prizes", "正好是1000000")),
        (TERMS | {"prize": 1}, (), ("规则文件不对", "prize")),
        (TERMS, ("--members", "0"), ("members",)),
        (TERMS, ("--plot", "draw.pdf"), (".svg",)),
        (TERMS, ("--draw", "spring"), ("二者选一",)),
    ):
        file.write_bytes(orjson.dumps(terms))
        finished = await site.run("simulate-draw", str(file), "--report", str(report), *arguments, within=60)
        assert finished.code == 2
        assert all(word in finished.err for word in words), finished.err
        assert "Traceback" not in finished.err
    assert not report.exists()


async def test_a_draft_is_simulated_beside_a_running_server(site):
    terms = json.dumps(as_kept(DrawTermsBody.model_validate_json(orjson.dumps(TERMS)).facts()))
    server = await site.serve()
    place = (await stored.read(site.database_url, "SELECT id FROM organization"))[0]["id"]
    await stored.damage(site.database_url, DRAFT.format(id=new_id(), place=place, terms=terms))
    found = await site.run("simulate-draw", "--draw", "spring", "--spins", "1000", "--members", "10", within=60)
    assert found.code == 0, found.err
    assert "开业转盘：每场 1,000 次" in found.out
    missing = await site.run("simulate-draw", "--draw", "autumn", within=60)
    assert (missing.code, "没有这个抽奖" in missing.err) == (2, True)
    assert (await server.stop()).code == 0


DRAFT = """
    INSERT INTO draw (id, created_at, organization_id, code, keyword, state, version, terms, last_sequence, chain_hash,
        day, commitment_count, commitment_hash)
    VALUES ('{id}', '2026-01-01 00:00:00.000000+00:00', '{place}', 'spring', '', 'draft', 0, '{terms}', 0, '', '', 0,
        '')
"""
