"""Column types: what they store, in which order, and what they refuse, on both databases."""

from datetime import UTC, datetime, timedelta, timezone
from itertools import pairwise

import pytest
from tortoise.exceptions import IntegrityError, OperationalError, ValidationError

from models.accounts import Account
from models.database import dialect, row, rows
from models.failures import NaiveInstant
from models.fields import BasisPointField, CountField, FenField, JsonField, UtcField
from models.outbox import Job
from models.words import JobState

NOON = datetime(2026, 5, 1, 12, 0, tzinfo=UTC)
NAIVE = datetime(2026, 5, 1, 12, 0)  # noqa: DTZ001 - the wrong value is the subject


async def a_job(key: str = "a", **values: object) -> Job:
    return await Job.create(**{"kind": "test", "key": key, "run_at": NOON, **values})


@pytest.mark.usefixtures("database")
class TestInstants:
    async def test_a_naive_instant_is_refused_when_a_row_is_made(self):
        with pytest.raises(NaiveInstant):
            await a_job(run_at=NAIVE)

    async def test_a_naive_instant_is_refused_when_a_row_is_saved(self):
        job = await a_job()
        job.run_at = NAIVE
        with pytest.raises(NaiveInstant):
            await job.save()

    async def test_a_naive_instant_is_refused_in_a_filter(self):
        with pytest.raises(NaiveInstant):
            await Job.filter(run_at__lte=NAIVE).count()
        with pytest.raises(NaiveInstant):
            await Job.filter(run_at__in=[NOON, NAIVE]).count()

    async def test_a_naive_instant_is_refused_in_an_update(self):
        await a_job()
        with pytest.raises(NaiveInstant):
            await Job.all().update(run_at=NAIVE)

    async def test_a_naive_instant_is_refused_in_raw_sql(self):
        with pytest.raises(NaiveInstant):
            await rows("SELECT id FROM job WHERE run_at <= $1", NAIVE)

    async def test_a_text_is_no_instant(self):
        await a_job()
        with pytest.raises(ValidationError):
            await Job.all().update(run_at="2026-05-01 12:00")

    async def test_an_instant_comes_back_as_the_same_instant_in_utc(self):
        in_shanghai = datetime(2026, 5, 1, 20, 0, 0, 123456, tzinfo=timezone(timedelta(hours=8)))
        await a_job(run_at=in_shanghai)
        job = await Job.get(key="a")
        raw = await row("SELECT run_at FROM job WHERE run_at = $1", in_shanghai)
        assert (job.run_at, job.run_at.tzinfo) == (in_shanghai, UTC)
        assert raw is not None
        assert (raw["run_at"], raw["run_at"].utcoffset()) == (in_shanghai, timedelta(0))

    async def test_the_order_of_stored_instants_is_the_order_of_time(self):
        moments = [
            NOON,
            NOON + timedelta(microseconds=1),
            NOON + timedelta(seconds=1),
            NOON.replace(tzinfo=timezone(timedelta(hours=-1))),  # an hour later than noon in UTC
            datetime(2026, 5, 1, 22, 0, tzinfo=timezone(timedelta(hours=8))),
        ]
        assert all(earlier < later for earlier, later in pairwise(moments))
        for number, moment in enumerate(reversed(moments)):
            await a_job(str(number), run_at=moment)
        assert [job.run_at for job in await Job.all().order_by("run_at")] == moments
        assert [each["run_at"] for each in await rows("SELECT run_at FROM job ORDER BY run_at")] == moments
        assert await Job.filter(run_at__gt=moments[2]).count() == 2

    async def test_text_that_is_no_fixed_width_instant_never_gets_into_sqlite(self):
        if dialect() != "sqlite":
            pytest.skip("PostgreSQL has a type for instants")
        await a_job()
        for text in ("2026-05-01T12:00:00+00:00", "2026-05-01 12:00:00", "2026-05-01 12:00:00.000000+08:00", 5):
            with pytest.raises(IntegrityError):
                await rows("UPDATE job SET run_at = $1 RETURNING key", text)

    async def test_rows_know_when_they_were_made_and_changed(self, database):
        before = datetime.now(UTC)
        job = await a_job()
        assert before <= job.created_at <= datetime.now(UTC)
        assert (await Job.get(key="a")).created_at == job.created_at


@pytest.mark.usefixtures("database")
class TestChecks:
    async def test_the_database_refuses_a_negative_count(self):
        await a_job()
        with pytest.raises(IntegrityError):
            await Job.all().update(attempt_count=-1)
        with pytest.raises(IntegrityError):
            await rows("UPDATE job SET attempt_count = attempt_count - 1 RETURNING key")

    async def test_the_database_refuses_a_count_that_does_not_fit(self):
        await a_job()
        with pytest.raises((IntegrityError, OperationalError)):
            await rows("UPDATE job SET attempt_count = $1 RETURNING key", 2**31)

    async def test_a_count_is_a_whole_number(self):
        for wrong in (1.5, "1", True):
            with pytest.raises(ValidationError):
                await a_job(attempt_count=wrong)

    async def test_sqlite_refuses_fractions_and_texts_too(self):
        if dialect() != "sqlite":
            pytest.skip("PostgreSQL has types")
        await a_job()
        for wrong in (1.5, "many"):
            with pytest.raises(IntegrityError):
                await rows("UPDATE job SET attempt_count = $1 RETURNING key", wrong)

    @pytest.mark.parametrize(
        ("field", "good", "bad"),
        [
            (CountField, [0, 2**31 - 1, None], [-1]),
            (FenField, [0, 2**40, None], [-1]),
            (BasisPointField, [0, 10_000, None], [-1, 10_001]),
        ],
    )
    async def test_every_kind_of_number_is_checked_by_the_database_and_null_passes(self, field, good, bad):
        column = field(null=True)
        column.model_field_name = "value"
        sql_type = column.get_for_dialect(dialect(), "SQL_TYPE")
        await rows(f'CREATE TABLE sample ("value" {sql_type})')
        for value in good:
            await rows("INSERT INTO sample VALUES ($1) RETURNING value", value)
        for value in bad:
            with pytest.raises(IntegrityError):
                await rows("INSERT INTO sample VALUES ($1) RETURNING value", value)
        assert {each["value"] for each in await rows("SELECT value FROM sample")} == set(good)


@pytest.mark.usefixtures("database")
class TestJson:
    async def test_a_payload_comes_back_as_it_was(self):
        payload = {"b": [1, {"c": None}], "a": "饭票", "at": "2026"}
        await a_job(payload=payload)
        assert (await Job.get(key="a")).payload == payload
        assert await rows("SELECT payload FROM job") == [{"payload": payload}]

    async def test_raw_sql_takes_dicts_and_lists(self):
        await a_job()
        changed = await rows("UPDATE job SET payload = $1 WHERE key = $2 RETURNING payload", {"x": [1, 2]}, "a")
        assert changed == [{"payload": {"x": [1, 2]}}]

    async def test_only_dicts_and_lists_are_taken(self):
        for wrong in ('{"a": 1}', 5, b"{}"):
            with pytest.raises(ValidationError):
                await a_job(payload=wrong)

    async def test_text_that_is_no_json_never_gets_in(self):
        await a_job()
        with pytest.raises((IntegrityError, OperationalError)):
            await rows("UPDATE job SET payload = $1 RETURNING key", "{broken")

    async def test_a_naive_instant_inside_is_refused(self):
        with pytest.raises(NaiveInstant):
            await a_job(payload={"at": NAIVE})


async def test_a_word_outside_of_its_list_is_refused(database):
    await a_job()
    with pytest.raises(ValueError):
        await Job.all().update(state="sleeping")
    assert (await Job.get(key="a")).state is JobState.READY


def test_fields_describe_themselves_to_the_migration_writer_without_their_machinery():
    assert JsonField(null=True).deconstruct() == ("models.fields.JsonField", [], {"null": True})
    assert CountField(default=0).deconstruct() == ("models.fields.CountField", [], {"default": 0})
    path, _, kwargs = UtcField(null=True).deconstruct()
    assert (path, kwargs["null"]) == ("models.fields.UtcField", True)


def test_a_longer_list_of_words_is_no_change_of_the_column():
    kind = Account._meta.fields_map["kind"]
    assert kind.description == ""
