"""Ids."""

from __future__ import annotations

from abc import ABC, abstractmethod


class IIdSource(ABC):
    """Makes ids for what leadgen records."""

    @abstractmethod
    def new(self) -> str:
        """A UUIDv7: unique over all processes, in order of time within one."""
