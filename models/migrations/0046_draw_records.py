"""What the law wants kept of draws and the models cannot say: things that were won, and seeds, are there for good.

Versions, promises, stock changes and spins are append-only already; a draw cannot go while they name it.
"""

from tortoise import migrations

from models.operations import RunSqlOn

_KEPT = "records of draws are kept"
_CHANGED = """
    NEW.id <> OLD.id OR NEW.spin_id <> OLD.spin_id OR NEW.draw_id <> OLD.draw_id OR NEW.member_id <> OLD.member_id
    OR NEW.code <> OLD.code OR NEW.name <> OLD.name OR NEW.created_at <> OLD.created_at
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0045_order_guards")]

    initial = False

    operations = [
        RunSqlOn(
            postgres=[
                f"""
                CREATE FUNCTION draw_record_kept() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN RAISE EXCEPTION '{_KEPT}' USING ERRCODE = 'restrict_violation'; END $$
                """,
                f"""
                CREATE TRIGGER parcel_no_change BEFORE UPDATE ON parcel
                FOR EACH ROW WHEN ({_CHANGED}) EXECUTE FUNCTION draw_record_kept()
                """,
                """
                CREATE TRIGGER parcel_no_delete BEFORE DELETE ON parcel
                FOR EACH ROW EXECUTE FUNCTION draw_record_kept()
                """,
                *[
                    f"""
                    CREATE TRIGGER {table}_no_truncate BEFORE TRUNCATE ON {table}
                    FOR EACH STATEMENT EXECUTE FUNCTION draw_record_kept()
                    """
                    for table in ("parcel", "draw_day")
                ],
            ],
            sqlite=[
                f"""
                CREATE TRIGGER parcel_no_change BEFORE UPDATE ON parcel WHEN {_CHANGED}
                BEGIN SELECT RAISE(ABORT, '{_KEPT}'); END
                """,
                f"""
                CREATE TRIGGER parcel_no_delete BEFORE DELETE ON parcel
                BEGIN SELECT RAISE(ABORT, '{_KEPT}'); END
                """,
            ],
        ),
    ]
