"""The HTTP process of admin_service."""

from fastapi import FastAPI

from admin_service.settings import Settings
from admin_service.wiring import http_app
from common_service.logging import configure_logging
from common_service.serving import serve
from common_service.settings_reading import read_settings
from common_service.tracing import configure_tracing


def create_app(settings: Settings) -> FastAPI:
    """Build the application; it touches no network before it starts."""
    return http_app(settings)


def main() -> None:
    """Serve until SIGTERM."""
    settings = read_settings(Settings)
    configure_logging("admin", format=settings.log_format, level=settings.log_level)
    configure_tracing("admin", settings)
    serve(create_app(settings), settings, "admin")


if __name__ == "__main__":
    main()
