"""Secrets that have to be read again, such as those that sign webhooks: encrypted where they are stored."""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from contextlib import suppress
from pathlib import Path
from tempfile import NamedTemporaryFile
from typing import TYPE_CHECKING

from leadgen.domain.errors import InvalidSetting, NotConfigured

if TYPE_CHECKING:
    from cryptography.fernet import MultiFernet

SETTING = "LEADGEN_SECRETS_KEY"
_MARK = "fernet:"
_KEY_BYTES = 32


class Seal:
    """Encrypts with the first of its keys, and reads what any of them has encrypted; without one, neither.

    What is stored without the mark was stored before there was a key, and is read as it is.
    """

    def __init__(self, keys: Sequence[str] = ()) -> None:
        self._keys = _box(keys) if keys else None

    @property
    def has_key(self) -> bool:
        """Whether anything is encrypted."""
        return self._keys is not None

    def close(self, text: str) -> str:
        """As it is to be stored."""
        return _MARK + self._keys.encrypt(text.encode()).decode() if self._keys else text

    def open(self, stored: str) -> str:
        """What was stored; raises NotConfigured where the key to it is missing."""
        if not stored.startswith(_MARK):
            return stored
        if self._keys is not None:
            from cryptography.fernet import InvalidToken  # noqa: PLC0415 - see _box

            with suppress(InvalidToken):
                return self._keys.decrypt(stored.removeprefix(_MARK)).decode()
        raise NotConfigured(
            f"a secret was encrypted with a key that is not here: put it into {SETTING},"
            f" or name its file in {SETTING}_FILE"
        )


def _box(keys: Sequence[str]) -> MultiFernet:
    from cryptography.fernet import Fernet, MultiFernet  # noqa: PLC0415 - 40 ms, which few commands need

    try:
        return MultiFernet([Fernet(key) for key in keys])
    except ValueError:
        wanted = "the 44 characters that `openssl rand -base64 32` prints; or several such, the newest first"
        raise InvalidSetting(SETTING, "(not shown)", wanted) from None


def make_key(file: Path) -> None:
    """A new key in a file that only its owner may read, all of it or none; one that is there stays."""
    if file.exists():
        return
    file.parent.mkdir(parents=True, exist_ok=True)
    with NamedTemporaryFile(dir=file.parent, prefix=f".{file.name}.") as key:  # for its owner alone
        key.write(base64.urlsafe_b64encode(os.urandom(_KEY_BYTES)) + b"\n")
        key.flush()
        with suppress(FileExistsError):
            os.link(key.name, file)
