"""A second hand-over that is paid gets its settlement entry from the database itself; what was decided stays so."""

from tortoise import migrations

from models.operations import RunSqlOn, both

_COLUMNS = "(id, created_at, conflict_id, merchant_id, happened_at)"
_PAID = "NEW.decision = 'paid' AND OLD.decision <> 'paid'"
_DECIDED = "a conflict is decided once"
_STAYS = "an entry of a conflict is assigned to a statement once, and never goes"
_CHANGED = """
    OLD.statement_id IS NOT NULL OR NEW.statement_id IS NULL OR NEW.id <> OLD.id OR NEW.created_at <> OLD.created_at
    OR NEW.conflict_id <> OLD.conflict_id OR NEW.merchant_id <> OLD.merchant_id OR NEW.happened_at <> OLD.happened_at
"""


class Migration(migrations.Migration):
    dependencies = [("models", "0019_conflict_entries")]

    initial = False

    operations = [
        RunSqlOn(
            postgres=[
                f"""
                CREATE FUNCTION conflict_opens_entry() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN
                    INSERT INTO conflict_entry {_COLUMNS}
                    VALUES (NEW.id, NEW.decided_at, NEW.id, NEW.merchant_id, NEW.decided_at);
                    RETURN NULL;
                END $$
                """,  # noqa: S608 - our own words
                f"""
                CREATE TRIGGER conflict_opens_entry AFTER UPDATE ON offline_conflict
                FOR EACH ROW WHEN ({_PAID}) EXECUTE FUNCTION conflict_opens_entry()
                """,
                f"""
                CREATE FUNCTION offline_conflict_decided() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN RAISE EXCEPTION '{_DECIDED}' USING ERRCODE = 'restrict_violation'; END $$
                """,
                """
                CREATE TRIGGER offline_conflict_decided BEFORE UPDATE ON offline_conflict
                FOR EACH ROW WHEN (OLD.decision <> 'open') EXECUTE FUNCTION offline_conflict_decided()
                """,
            ],
            sqlite=[
                f"""
                CREATE TRIGGER conflict_opens_entry AFTER UPDATE ON offline_conflict WHEN {_PAID}
                BEGIN
                    INSERT INTO conflict_entry {_COLUMNS}
                    VALUES (NEW.id, NEW.decided_at, NEW.id, NEW.merchant_id, NEW.decided_at);
                END
                """,  # noqa: S608
                f"""
                CREATE TRIGGER offline_conflict_decided BEFORE UPDATE ON offline_conflict WHEN OLD.decision <> 'open'
                BEGIN SELECT RAISE(ABORT, '{_DECIDED}'); END
                """,
            ],
        ),
        both(
            # What was decided before and never paid is open too.
            f"""
            INSERT INTO conflict_entry {_COLUMNS}
            SELECT id, decided_at, id, merchant_id, decided_at FROM offline_conflict WHERE decision = 'paid'
            """,  # noqa: S608 - our own words
            """
            CREATE INDEX conflict_entry_open ON conflict_entry (merchant_id, happened_at)
            WHERE statement_id IS NULL
            """,
        ),
        RunSqlOn(
            postgres=[
                f"""
                CREATE FUNCTION conflict_entry_stays() RETURNS trigger LANGUAGE plpgsql AS $$
                BEGIN RAISE EXCEPTION '{_STAYS}' USING ERRCODE = 'restrict_violation'; END $$
                """,
                f"""
                CREATE TRIGGER conflict_entry_no_change BEFORE UPDATE ON conflict_entry
                FOR EACH ROW WHEN ({_CHANGED}) EXECUTE FUNCTION conflict_entry_stays()
                """,
                """
                CREATE TRIGGER conflict_entry_no_delete BEFORE DELETE ON conflict_entry
                FOR EACH ROW EXECUTE FUNCTION conflict_entry_stays()
                """,
                """
                CREATE TRIGGER conflict_entry_no_truncate BEFORE TRUNCATE ON conflict_entry
                FOR EACH STATEMENT EXECUTE FUNCTION conflict_entry_stays()
                """,
            ],
            sqlite=[
                f"""
                CREATE TRIGGER conflict_entry_no_change BEFORE UPDATE ON conflict_entry WHEN {_CHANGED}
                BEGIN SELECT RAISE(ABORT, '{_STAYS}'); END
                """,
                f"""
                CREATE TRIGGER conflict_entry_no_delete BEFORE DELETE ON conflict_entry
                BEGIN SELECT RAISE(ABORT, '{_STAYS}'); END
                """,
            ],
        ),
    ]
