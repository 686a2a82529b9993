"""Looking a call up by its reference: what became of it, free of charge and without limits."""

import json

from aiohttp import web

from leadgen_simulator.books_file import BooksFile
from leadgen_simulator.idempotency import Record
from leadgen_simulator.provider import Provider


class Recall:
    """The look-ups of one provider."""

    def __init__(self, provider: Provider, file: BooksFile | None) -> None:
        self._provider = provider
        self._file = file

    def handle(self, request: web.BaseRequest, reference: str) -> web.Response:
        """One look-up; a provider that offers none says so differently from one that knows nothing."""
        provider = self._provider
        if not provider.admits(request):
            return _json({"error": "bad_key"}, 401)
        if not provider.config.recall:
            return _json({"error": "not offered"}, 501)
        if self._file is not None:
            self._file.write("lookup", provider=provider.contract.name, reference=reference)
        provider.book.lookups += 1
        return _told(provider.recall(reference))


def _told(record: Record | None) -> web.Response:
    if record is None:
        return _json({"status": "unknown"}, 404)
    kept = record.kept
    if record.running or kept is None:
        return _json({"status": "running"})
    if not kept.answered:
        return _json({"status": "failed", "http_status": kept.status, "charged": kept.charged})
    return _json({"status": "answered", "charged": kept.charged, "answer": json.loads(kept.body)})


def _json(body: object, status: int = 200) -> web.Response:
    return web.Response(
        status=status, body=json.dumps(body).encode(), headers={"Content-Type": "application/json"}
    )
