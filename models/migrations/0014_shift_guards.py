"""What the models of shifts cannot say: one open shift per till, closed ones and entries that are never edited."""

from tortoise import migrations

from models.operations import RunSqlOn, append_only, both


class Migration(migrations.Migration):
    dependencies = [("models", "0013_shifts")]

    initial = False

    operations = [
        both("CREATE UNIQUE INDEX shift_one_open ON shift (store_id, device_id) WHERE closed_at IS NULL"),
        RunSqlOn(
            postgres=[
                """
                CREATE FUNCTION shift_closed() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    IF OLD.closed_at IS NOT NULL THEN
                        RAISE EXCEPTION 'a closed shift stays as it is' USING ERRCODE = 'restrict_violation';
                    END IF;
                    RETURN NEW;
                END $$
                """,
                "CREATE TRIGGER shift_closed BEFORE UPDATE ON shift FOR EACH ROW EXECUTE FUNCTION shift_closed()",
            ],
            sqlite=[
                """
                CREATE TRIGGER shift_closed BEFORE UPDATE ON shift WHEN OLD.closed_at IS NOT NULL
                BEGIN SELECT RAISE(ABORT, 'a closed shift stays as it is'); END
                """,
            ],
        ),
        append_only("shift_entry"),
    ]
