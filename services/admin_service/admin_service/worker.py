"""The worker process of admin_service: keeps the read model."""

from admin_service.settings import Settings
from admin_service.wiring import background
from common_service.logging import configure_logging
from common_service.serving import work
from common_service.settings_reading import read_settings
from common_service.tracing import configure_tracing


def main() -> None:
    """Work until SIGTERM."""
    settings = read_settings(Settings)
    configure_logging("admin-worker", format=settings.log_format, level=settings.log_level)
    configure_tracing("admin-worker", settings)
    work("admin-worker", background(settings), settings)


if __name__ == "__main__":
    main()
