"""What the model of a pause cannot say: one is open per subject, and what is over stays as it was."""

from tortoise import migrations

from models.operations import RunSqlOn, both

_OVER = "a pause that is over is not edited"


class Migration(migrations.Migration):
    dependencies = [("models", "0030_pauses")]

    initial = False

    operations = [
        both("CREATE UNIQUE INDEX pause_open ON pause (subject_kind, subject_id) WHERE ended_at IS NULL"),
        RunSqlOn(
            postgres=[
                f"""
                CREATE FUNCTION pause_over() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN RAISE EXCEPTION '{_OVER}' USING ERRCODE = 'restrict_violation'; END $$
                """,
                """
                CREATE TRIGGER pause_over BEFORE UPDATE ON pause
                FOR EACH ROW WHEN (OLD.ended_at IS NOT NULL) EXECUTE FUNCTION pause_over()
                """,
            ],
            sqlite=[
                f"""
                CREATE TRIGGER pause_over BEFORE UPDATE ON pause WHEN OLD.ended_at IS NOT NULL
                BEGIN SELECT RAISE(ABORT, '{_OVER}'); END
                """,
            ],
        ),
    ]
