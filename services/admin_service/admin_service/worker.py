"""The worker process of admin_service: keeps the read model."""

from admin_service.settings import Settings
from admin_service.wiring import background
from common_service.logging import configure_logging
from common_service.serving import work


def main() -> None:
    """Work until SIGTERM."""
    settings = Settings()
    configure_logging("admin-worker", format=settings.log_format, level=settings.log_level)
    parts = background(settings)
    work("admin-worker", parts.jobs, settings, ready=parts.database.ping, close=parts.close)


if __name__ == "__main__":
    main()
