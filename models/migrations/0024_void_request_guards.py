"""What the model of a void request cannot say: one waits per claim, and what became of it stays so."""

from tortoise import migrations

from models.operations import RunSqlOn, both

_OVER = "a void request is decided once"


class Migration(migrations.Migration):
    dependencies = [("models", "0023_void_requests")]

    initial = False

    operations = [
        both("CREATE UNIQUE INDEX void_request_waiting ON void_request (claim_id) WHERE outcome = 'waiting'"),
        RunSqlOn(
            postgres=[
                f"""
                CREATE FUNCTION void_request_over() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN RAISE EXCEPTION '{_OVER}' USING ERRCODE = 'restrict_violation'; END $$
                """,
                """
                CREATE TRIGGER void_request_over BEFORE UPDATE ON void_request
                FOR EACH ROW WHEN (OLD.outcome <> 'waiting') EXECUTE FUNCTION void_request_over()
                """,
            ],
            sqlite=[
                f"""
                CREATE TRIGGER void_request_over BEFORE UPDATE ON void_request WHEN OLD.outcome <> 'waiting'
                BEGIN SELECT RAISE(ABORT, '{_OVER}'); END
                """,
            ],
        ),
    ]
