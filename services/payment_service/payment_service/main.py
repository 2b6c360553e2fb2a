"""The HTTP process of payment_service."""

from fastapi import FastAPI

from common_service.logging import configure_logging
from common_service.serving import serve
from common_service.settings_reading import read_settings
from common_service.tracing import configure_tracing
from payment_service.settings import Settings
from payment_service.wiring import http_app


def create_app(settings: Settings) -> FastAPI:
    """Build the application; it touches no network before it starts."""
    return http_app(settings)


def main() -> None:
    """Serve until SIGTERM."""
    settings = read_settings(Settings)
    configure_logging("payment", format=settings.log_format, level=settings.log_level)
    configure_tracing("payment", settings)
    serve(create_app(settings), settings, "payment")


if __name__ == "__main__":
    main()
