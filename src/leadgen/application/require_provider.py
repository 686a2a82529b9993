"""Says before a search is ordered that nobody could be asked."""

from __future__ import annotations

from leadgen.application.check_providers import CheckProviders
from leadgen.domain.errors import NotConfigured


class RequireProvider:
    """Refuses where no provider is enabled and has a key: such a search could only fail."""

    def __init__(self, *, check: CheckProviders) -> None:
        self._check = check

    async def run(self) -> None:
        """Raises NotConfigured when no provider could be asked at all, and ServiceUnavailable."""
        health = await self._check.run(reach=False)
        if any(each.has_key and each.config.enabled for each in health):
            return
        if disabled := [each.config.name for each in health if each.has_key]:
            raise NotConfigured(
                f"no provider that has a key is enabled: `leadgen providers set {disabled[0]} enabled=true`"
            )
        names = [each.config.name.upper() for each in health]
        raise NotConfigured(
            f"no provider can be asked: set LEADGEN_{names[0]}_URL and LEADGEN_{names[0]}_API_KEY"
            f" (or those of {', '.join(names[1:])}); `leadgen providers list` shows which are enabled"
        )
