"""What the models of points cannot say: what operators gave and took is append-only."""

from tortoise import migrations

from models.operations import append_only


class Migration(migrations.Migration):
    dependencies = [("models", "0028_points")]

    initial = False

    operations = [append_only("points_adjustment")]
