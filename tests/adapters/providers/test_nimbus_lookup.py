import json
from typing import ClassVar

from leadgen.adapters.providers.http import Client
from leadgen.adapters.providers.nimbus_lookup import NimbusLookup
from leadgen.domain.lead import Input
from leadgen.domain.provider import IPhoneProvider
from tests.adapters.providers.scripted_server import Received
from tests.contracts.phone_provider import PhoneProviderContract
from tests.contracts.phone_recall import KEY


class TestNimbusLookup(PhoneProviderContract):
    recordings: ClassVar[str] = "nimbus_lookup.json"
    field: ClassVar[str] = "number"
    needs: ClassVar[frozenset[Input]] = frozenset({Input.EMAIL, Input.JOB_TITLE})

    def build(self, client: Client, url: str) -> IPhoneProvider:
        return NimbusLookup(client, url=url, api_key=KEY)

    def check_request(self, request: Received) -> None:
        assert request.query == {"api": [KEY]}
        assert KEY not in str(request.headers)
        assert json.loads(request.body) == {"email": "zoe@example.com", "jobTitle": "Head of Sales"}
