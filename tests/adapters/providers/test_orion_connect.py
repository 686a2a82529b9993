import json
from typing import ClassVar

from leadgen.adapters.providers.http import Client
from leadgen.adapters.providers.orion_connect import OrionConnect
from leadgen.domain.lead import Input
from leadgen.domain.provider import IPhoneProvider
from tests.adapters.providers.scripted_server import Received
from tests.contracts.phone_provider import PhoneProviderContract
from tests.contracts.phone_recall import KEY


class TestOrionConnect(PhoneProviderContract):
    recordings: ClassVar[str] = "orion_connect.json"
    field: ClassVar[str] = "phone"
    needs: ClassVar[frozenset[Input]] = frozenset({Input.FULL_NAME, Input.WEBSITE})

    def build(self, client: Client, url: str) -> IPhoneProvider:
        return OrionConnect(client, url=url, api_key=KEY)

    def check_request(self, request: Received) -> None:
        assert request.target == "/v1/phone"
        assert request.headers["x-auth-me"] == KEY
        assert json.loads(request.body) == {"fullName": "Zoë Núñez", "companyWebsite": "example.com"}
