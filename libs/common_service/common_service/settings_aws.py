"""Settings out of AWS Secrets Manager and SSM Parameter Store, asked once each. boto3 is imported only with this."""

import json
from collections.abc import Iterator, Mapping
from contextlib import contextmanager
from typing import Any

import boto3
from botocore.config import Config
from botocore.exceptions import BotoCoreError, ClientError
from pydantic_settings import (
    AWSSecretsManagerSettingsSource,
    AWSSystemsManagerSettingsSource,
    BaseSettings,
    SettingsError,
)

_BOUNDED = Config(connect_timeout=3, read_timeout=5, retries={"mode": "standard"})  # seconds; a start must not hang
_DENIED = frozenset({"AccessDenied", "AccessDeniedException", "UnrecognizedClientException", "ExpiredTokenException"})
_MISSING = frozenset({"ResourceNotFoundException", "ParameterNotFound"})


class SettingsUnreadable(SettingsError):
    """Secrets Manager or Parameter Store did not give what a setting names. The text holds no secret."""


class SecretsManagerSource(AWSSecretsManagerSettingsSource):
    """One secret that is a JSON object: setting -> value. Raises SettingsUnreadable."""

    def __init__(self, settings: type[BaseSettings], secret_id: str, region: str) -> None:
        self._region = region
        with _readable("SECRETS_MANAGER_ID", "Secrets Manager"):
            super().__init__(settings, secret_id, region_name=region, case_sensitive=False)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        self._secretsmanager_client = boto3.client("secretsmanager", region_name=self._region, config=_BOUNDED)
        try:
            return {name: _as_text(value) for name, value in super()._load_env_vars().items()}
        except (ValueError, KeyError, AttributeError):  # no JSON, no text but bytes, no object
            raise SettingsUnreadable("The secret that SECRETS_MANAGER_ID names is not a JSON object.") from None

    def __call__(self) -> dict[str, Any]:
        """Return what no earlier source gave: a value comes from one source whole, dictionaries too."""
        return {name: value for name, value in super().__call__().items() if name not in self.current_state}


class ParameterStoreSource(AWSSystemsManagerSettingsSource):
    """The parameters below one path, `/truecrime/story/STORY_MODEL`, decrypted. Raises SettingsUnreadable."""

    def __init__(self, settings: type[BaseSettings], path: str, region: str) -> None:
        if not path.startswith("/"):
            raise SettingsUnreadable("SSM_PATH does not start with a slash.")
        self._region = region
        with _readable("SSM_PATH", "Parameter Store"):
            super().__init__(settings, path, region_name=region, case_sensitive=False)

    def _load_env_vars(self) -> Mapping[str, str | None]:
        self._ssm_client = boto3.client("ssm", region_name=self._region, config=_BOUNDED)
        if not (found := super()._load_env_vars()):
            raise SettingsUnreadable("Below SSM_PATH there is no parameter.")
        return found

    def __call__(self) -> dict[str, Any]:
        """Return what no earlier source gave."""
        return {name: value for name, value in super().__call__().items() if name not in self.current_state}


@contextmanager
def _readable(setting: str, store: str) -> Iterator[None]:
    """Say in a sentence of ours why a store gave nothing: botocore's own words quote the caller's identity."""
    try:
        yield
    except ClientError as error:
        code = str(error.response.get("Error", {}).get("Code", "unknown"))
        if code in _MISSING:
            raise SettingsUnreadable(f"{store} does not have what {setting} names.") from None
        if code in _DENIED:
            raise SettingsUnreadable(f"{store} does not let this process read what {setting} names.") from None
        raise SettingsUnreadable(f"{store} refused to give what {setting} names: {code}.") from None
    except BotoCoreError as error:
        raise SettingsUnreadable(f"{store} could not be asked for {setting}: {type(error).__name__}.") from None


def _as_text(value: object) -> str | None:
    """Return a value of the JSON object as the environment would spell it."""
    return value if value is None or isinstance(value, str) else json.dumps(value)
