"""What the models of draws cannot say: what was published, promised and spun is append-only, and seeds are made once."""

from tortoise import migrations

from models.operations import RunSqlOn, append_only

_ONCE = "a seed is made once, and revealed once"
_CHANGED = """
    NEW.id <> OLD.id OR NEW.draw_id <> OLD.draw_id OR NEW.day <> OLD.day OR NEW.seed_hash <> OLD.seed_hash
    OR NEW.committed_at <> OLD.committed_at OR (OLD.seed <> '' AND NEW.seed <> OLD.seed)
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0039_draws")]

    initial = False

    operations = [
        append_only("draw_version"),
        append_only("draw_stock_change"),
        append_only("draw_commitment"),
        append_only("spin"),
        RunSqlOn(
            postgres=[
                f"""
                CREATE FUNCTION draw_day_once() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN RAISE EXCEPTION '{_ONCE}' USING ERRCODE = 'restrict_violation'; END $$
                """,
                f"""
                CREATE TRIGGER draw_day_no_change BEFORE UPDATE ON draw_day
                FOR EACH ROW WHEN ({_CHANGED}) EXECUTE FUNCTION draw_day_once()
                """,
                """
                CREATE TRIGGER draw_day_no_delete BEFORE DELETE ON draw_day
                FOR EACH ROW EXECUTE FUNCTION draw_day_once()
                """,
            ],
            sqlite=[
                f"""
                CREATE TRIGGER draw_day_no_change BEFORE UPDATE ON draw_day WHEN {_CHANGED}
                BEGIN SELECT RAISE(ABORT, '{_ONCE}'); END
                """,
                f"""
                CREATE TRIGGER draw_day_no_delete BEFORE DELETE ON draw_day
                BEGIN SELECT RAISE(ABORT, '{_ONCE}'); END
                """,
            ],
        ),
    ]
