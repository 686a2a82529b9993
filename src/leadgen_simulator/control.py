"""Control: changes a world while it runs, and stops calls where a test wants to break something."""

import json
import re
from collections.abc import Mapping
from dataclasses import asdict, replace

from aiohttp import web

from leadgen_simulator import changes
from leadgen_simulator.barriers import Gate, Hold
from leadgen_simulator.books_file import BooksFile
from leadgen_simulator.changes import Wish
from leadgen_simulator.provider import Provider, parse_object

POLL_SECONDS_MAX = 30.0

_SECONDS = re.compile(r"\d{1,9}(\.\d{1,9})?", re.ASCII)


class Control:
    """The pages under /control; what changes is written into the books file first."""

    def __init__(self, providers: Mapping[str, Provider], gate: Gate, file: BooksFile | None) -> None:
        self._providers = providers
        self._gate = gate
        self._file = file

    async def show(self, request: web.BaseRequest) -> web.Response:
        """What is set now."""
        return _json(
            {
                "providers": {
                    name: {
                        **one.config.told(),
                        "next": [asdict(scene) for scene in one.script.scenes],
                        "pause": self._gate.paused(name),
                    }
                    for name, one in self._providers.items()
                },
                "armed": [asdict(hold) for hold in self._gate.armed],
                "held": [{**asdict(caller), "point": point} for caller, point in self._gate.held],
            }
        )

    async def change(self, request: web.BaseRequest) -> web.Response:
        """All of it or, when anything makes no sense, nothing."""
        body = parse_object(await request.read())
        try:
            if body is None:
                raise ValueError("the body is no JSON object")
            wish = changes.read(body)
        except (ValueError, TypeError) as exc:
            return _json({"error": str(exc), "allowed": list(changes.FIELDS)}, 400)
        if self._file is not None:
            self._file.write("control", change=body)
        self._apply(wish)
        return await self.show(request)

    async def held(self, request: web.BaseRequest) -> web.Response:
        """The call that has been held longest; waits for one, but not for ever."""
        text = request.query.get("timeout", "30")
        if not _SECONDS.fullmatch(text):
            return _json({"error": "timeout is a number of seconds"}, 400)
        found = await self._gate.somebody(min(float(text), POLL_SECONDS_MAX))
        if found is None:
            return web.Response(status=204)
        caller, point = found
        return _json({**asdict(caller), "point": point, "held": len(self._gate.held)})

    def _apply(self, wish: Wish) -> None:
        for name in wish.providers:
            provider = self._providers[name]
            config = provider.config
            for change in wish.changes:
                config = change(config)
            if wish.changes:
                provider.configure(config)
            if wish.scenes is not None:
                provider.script.extend([replace(scene) for scene in wish.scenes])
        if wish.release:
            self._gate.release()
        for name in wish.providers:
            self._apply_to_gate(wish, name)

    def _apply_to_gate(self, wish: Wish, provider: str) -> None:
        if wish.pause is not None:
            (self._gate.pause if wish.pause else self._gate.resume)(provider)
        if wish.disarm:
            self._gate.disarm(provider)
        if wish.hold is not None:
            self._gate.arm(Hold(provider, wish.hold, wish.question))


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(
        status=status, body=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
