"""Settings: the only reader of the environment."""

from __future__ import annotations

import difflib
import logging
import os
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path
from typing import Annotated, Literal

from pydantic import Field, HttpUrl, SecretStr, ValidationError
from pydantic_settings import BaseSettings, DotEnvSettingsSource, SettingsConfigDict

from leadgen.domain.errors import InvalidSetting

PREFIX = "LEADGEN_"
_EXPECTED = {
    "log_level": "DEBUG, INFO, WARNING or ERROR",
    "log_format": "console or json",
    "metrics_address": "host:port, such as 127.0.0.1:9464",
    "redis_url": "redis://host:port/0",
    "temporal_address": "host:port, such as 127.0.0.1:7233",
    "traces_endpoint": "the address of an OTLP/HTTP collector, such as http://127.0.0.1:4318",
    "traces_ratio": "a share from 0 to 1",
    "traces_bulk_ratio": "a share from 0 to 1",
    "reuse_misses_days": "a number of days from 0 to 30",
    "url": "the full address of the provider's endpoint, http:// or https://",
}


class Settings(BaseSettings):
    """What is set by ``LEADGEN_...`` variables or a ``.env`` file, and the defaults of a laptop."""

    model_config = SettingsConfigDict(
        env_prefix=PREFIX, env_file=".env", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    database_url: str = "sqlite:///.leadgen/leadgen.db"
    redis_url: Annotated[str, Field(pattern=r"^(redis|rediss|unix)://\S+$")] | None = None
    temporal_address: Annotated[str, Field(pattern=r"^[^\s:/]+:\d{1,5}$")] = "127.0.0.1:7233"
    temporal_namespace: str = "default"
    task_queue: str = "leadgen"
    reuse_misses_days: Annotated[float, Field(ge=0, le=30)] = 7.0
    api_rate: str = "100/1s"
    log_level: Literal["DEBUG", "INFO", "WARNING", "ERROR"] = "INFO"
    log_format: Literal["console", "json"] = "console"
    webhook_allow: str = ""
    secrets_key: SecretStr | None = None
    secrets_key_file: Path = Path(".leadgen") / "secrets.key"
    metrics_address: Annotated[str, Field(pattern=r"^[^\s:/]+:\d{1,5}$")] | None = None
    traces_endpoint: Annotated[str, Field(pattern=r"^https?://[^\s/?#@]+(/[^\s?#]*)?$")] | None = None
    traces_ratio: Annotated[float, Field(ge=0, le=1)] = 1.0
    traces_bulk_ratio: Annotated[float, Field(ge=0, le=1)] = 0.01

    @property
    def has_own_temporal(self) -> bool:
        """Whether somebody named a Temporal server, so that none has to be embedded."""
        return "temporal_address" in self.model_fields_set

    @property
    def secrets_keys(self) -> Sequence[str]:
        """The keys to stored secrets, newest first; raises InvalidSetting where their file has none."""
        if self.secrets_key is not None:
            text = self.secrets_key.get_secret_value()
        elif self.secrets_key_file.is_file() or "secrets_key_file" in self.model_fields_set:
            text = _text_of(self.secrets_key_file)
            if not text.strip():
                wanted = "a file with a key in it: put it there, or remove the file if none was ever used"
                raise InvalidSetting(f"{PREFIX}SECRETS_KEY_FILE", self.secrets_key_file, wanted)
        else:
            return ()
        return re.findall(r"[^\s,]+", text)


class ProviderAccess(BaseSettings):
    """Where a provider is, and the key to it; both or it cannot be asked."""

    model_config = SettingsConfigDict(
        env_file=".env", env_ignore_empty=True, extra="ignore", hide_input_in_errors=True
    )

    url: HttpUrl | None = None
    api_key: SecretStr | None = None


def load_settings() -> Settings:
    """The settings in force; raises InvalidSetting."""
    try:
        settings = Settings()
    except ValidationError as error:
        raise _invalid(error, PREFIX) from None
    except UnicodeDecodeError:
        raise InvalidSetting(".env", "(not shown)", "a file in UTF-8") from None
    logging.getLogger("dotenv.main").setLevel(logging.ERROR)  # the same file is read for each provider
    return settings


def provider_access(name: str) -> ProviderAccess:
    """How to reach the provider of this name: ``LEADGEN_<NAME>_URL`` and ``LEADGEN_<NAME>_API_KEY``."""
    prefix = f"{PREFIX}{name.upper()}_"
    try:
        return ProviderAccess(_env_prefix=prefix)  # type: ignore[call-arg]  # known to pydantic-settings alone
    except ValidationError as error:
        raise _invalid(error, prefix) from None


def unknown_settings(providers: Iterable[str]) -> Mapping[str, str | None]:
    """Names in the environment or ``.env`` that look like settings and are none, with what may be meant."""
    known = {PREFIX + field.upper() for field in Settings.model_fields}
    known |= {
        f"{PREFIX}{name}_{field}".upper() for name in providers for field in ProviderAccess.model_fields
    }
    given = {name.upper() for name in (*os.environ, *DotEnvSettingsSource(Settings).env_vars)}
    unknown = sorted(name for name in given - known if name.startswith(PREFIX))
    return {name: next(iter(difflib.get_close_matches(name, known, n=1)), None) for name in unknown}


def child_environment(overrides: Mapping[str, str]) -> dict[str, str]:
    """The environment for a process that leadgen starts: this one, with some settings replaced."""
    return {**os.environ, **{PREFIX + name: value for name, value in overrides.items()}}


def _text_of(file: Path) -> str:
    try:
        return file.read_text(encoding="ascii")
    except (OSError, UnicodeError):
        raise InvalidSetting(f"{PREFIX}SECRETS_KEY_FILE", file, "a file that can be read") from None


def _invalid(error: ValidationError, prefix: str) -> InvalidSetting:
    first = error.errors()[0]
    name = str(first["loc"][0]) if first["loc"] else ""
    field = name.lower().removeprefix(prefix.lower())
    return InvalidSetting(prefix + field.upper(), first["input"], _EXPECTED.get(field, str(first["msg"])))
