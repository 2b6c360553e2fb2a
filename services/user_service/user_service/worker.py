"""The worker process of user_service: carries its facts to the others."""

from common_service.logging import configure_logging
from common_service.serving import work
from common_service.settings_reading import read_settings
from common_service.tracing import configure_tracing
from user_service.settings import Settings
from user_service.wiring import background


def main() -> None:
    """Work until SIGTERM."""
    settings = read_settings(Settings)
    configure_logging("user-worker", format=settings.log_format, level=settings.log_level)
    configure_tracing("user-worker", settings)
    work("user-worker", background(settings), settings)


if __name__ == "__main__":
    main()
