"""What was published and given for check-ins and tasks is append-only; and who came by an invitation is found."""

from tortoise import migrations

from models.operations import append_only, both


class Migration(migrations.Migration):
    dependencies = [("models", "0037_checkins")]

    initial = False

    operations = [
        append_only("check_in_terms"),
        append_only("given_reward"),
        append_only("task_version"),
        append_only("finished_task"),
        both("CREATE INDEX attribution_by_scene ON attribution (scene)"),
    ]
