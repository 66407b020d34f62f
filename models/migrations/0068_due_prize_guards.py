"""What the model of won benefits that ask something cannot say: what was won is there for good, and is lost only once."""

from tortoise import migrations

from models.operations import RunSqlOn

_KEPT = "what was won is kept as it was won"
_CHANGED = """
    NEW.id <> OLD.id OR NEW.spin_id <> OLD.spin_id OR NEW.draw_id <> OLD.draw_id OR NEW.member_id <> OLD.member_id
    OR NEW.offer_id <> OLD.offer_id OR NEW.code <> OLD.code OR NEW.name <> OLD.name OR NEW.created_at <> OLD.created_at
    OR OLD.state = 'lapsed' OR (NEW.state = 'taken' AND NEW.claim_id IS NULL)
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0067_due_prizes")]

    initial = False

    operations = [
        RunSqlOn(
            postgres=[
                f"""
                CREATE FUNCTION due_prize_kept() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN RAISE EXCEPTION '{_KEPT}' USING ERRCODE = 'restrict_violation'; END $$
                """,
                f"""
                CREATE TRIGGER due_prize_no_change BEFORE UPDATE ON due_prize
                FOR EACH ROW WHEN ({_CHANGED}) EXECUTE FUNCTION due_prize_kept()
                """,
                """
                CREATE TRIGGER due_prize_no_delete BEFORE DELETE ON due_prize
                FOR EACH ROW EXECUTE FUNCTION due_prize_kept()
                """,
                """
                CREATE TRIGGER due_prize_no_truncate BEFORE TRUNCATE ON due_prize
                FOR EACH STATEMENT EXECUTE FUNCTION due_prize_kept()
                """,
            ],
            sqlite=[
                f"""
                CREATE TRIGGER due_prize_no_change BEFORE UPDATE ON due_prize WHEN {_CHANGED}
                BEGIN SELECT RAISE(ABORT, '{_KEPT}'); END
                """,
                f"""
                CREATE TRIGGER due_prize_no_delete BEFORE DELETE ON due_prize
                BEGIN SELECT RAISE(ABORT, '{_KEPT}'); END
                """,
            ],
        ),
    ]
