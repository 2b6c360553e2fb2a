"""The worker process of story_service: carries its facts out and takes up what dead processes left."""

from common_service.logging import configure_logging
from common_service.serving import work
from common_service.settings_reading import read_settings
from common_service.tracing import configure_tracing
from story_service.settings import Settings
from story_service.wiring.worker import background


def main() -> None:
    """Work until SIGTERM."""
    settings = read_settings(Settings)
    configure_logging("story-worker", format=settings.log_format, level=settings.log_level)
    configure_tracing("story-worker", settings)
    work("story-worker", background(settings), settings)


if __name__ == "__main__":
    main()
