"""The migrations: up, down and up again; rows that describe the schema; a login role that stays at home."""

import psycopg

from common_service.testing import TemplateDatabase
from common_service.testing_migrations import Migrations, freedoms
from story_service.infrastructure.tables import Row


def test_every_step_goes_up_down_and_up_again(migrations: Migrations) -> None:
    up, down, again = migrations.stairway()
    assert {"stories", "generations", "outbox"} <= {row[0] for row in up}
    assert (down, again) == (set(), up)


def test_the_rows_describe_the_migrated_schema_to_the_last_check(migrations: Migrations) -> None:
    assert migrations.differences(Row.metadata) == []


def test_the_login_role_uses_its_own_schema_and_no_other(template: TemplateDatabase, database_url: str) -> None:
    with psycopg.connect(database_url) as connection:
        assert connection.execute("SELECT count(*) FROM story.generations").fetchone() == (0,)
    assert freedoms(template, "stories") == []
