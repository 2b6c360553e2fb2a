"""What workers ask all day goes by an index, however much is kept."""

import psycopg
import pytest

from common_service.testing import TemplateDatabase

FILL = """
INSERT INTO payment.webhook_inbox (provider, event_id, type, livemode, provider_customer_id, provider_created_at,
  payload, payload_sha256, state, received_at)
SELECT 'stripe', 'evt_' || n, 'invoice.paid', false, 'cus_' || n % 100, now(), '{}', 'x', 'processed', now()
FROM generate_series(1, 3000) AS n;
ANALYZE payment.webhook_inbox
"""


@pytest.mark.parametrize(
    ("query", "index"),
    [
        (
            """
            UPDATE payment.webhook_inbox SET state = 'processed'
            WHERE provider = 'stripe' AND provider_customer_id = 'cus_7' AND state IN ('processing', 'dead')
            """,
            "ix_webhook_inbox_unprocessed",
        ),
        (
            """
            SELECT event_id FROM payment.webhook_inbox WHERE provider = 'stripe' AND provider_customer_id = 'cus_7'
            ORDER BY received_at DESC, event_id DESC LIMIT 21
            """,
            "ix_webhook_inbox_customer",
        ),
        (
            "SELECT user_id FROM payment.access_versions WHERE valid_to IS NULL AND plan_code = 'pro'",
            "ix_access_versions_plan_code",
        ),
    ],
)
def test_the_index_is_used(template: TemplateDatabase, query: str, index: str) -> None:
    with template.clone() as url, psycopg.connect(url) as connection:
        connection.execute(FILL)
        plan = "\n".join(line for (line,) in connection.execute(f"EXPLAIN {query}".encode()))
    assert index in plan
