"""What the models of check-ins and tasks cannot say: what was published and what was given is append-only."""

from tortoise import migrations

from models.operations import append_only


class Migration(migrations.Migration):
    dependencies = [("models", "0030_checkins")]

    initial = False

    operations = [
        append_only("check_in_terms"),
        append_only("given_reward"),
        append_only("task_version"),
        append_only("finished_task"),
    ]
