"""The worker process of payment_service: facts out, customers in step with Stripe, access on time."""

from common_service.logging import configure_logging
from common_service.serving import work
from common_service.settings_reading import read_settings
from common_service.tracing import configure_tracing
from payment_service.settings import Settings
from payment_service.wiring import background


def main() -> None:
    """Work until SIGTERM."""
    settings = read_settings(Settings)
    configure_logging("payment-worker", format=settings.log_format, level=settings.log_level)
    configure_tracing("payment-worker", settings)
    work("payment-worker", background(settings), settings)


if __name__ == "__main__":
    main()
