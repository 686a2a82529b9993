"""Secrets."""

from __future__ import annotations

from abc import ABC, abstractmethod


class ISecretSource(ABC):
    """Makes secrets that nobody can guess."""

    @abstractmethod
    def new(self) -> str:
        """256 random bits, as 64 hexadecimal digits."""
