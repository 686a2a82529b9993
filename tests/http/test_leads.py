"""`/v1/leads`."""

import csv
import dataclasses
import io
from pathlib import Path

import httpx2
import pytest

from leadgen.adapters.files.csv_source import CsvLeadSource
from leadgen.application.import_leads import REJECTIONS_MAX
from leadgen.entrypoints.cli.receipts import receipt_document
from tests.e2e.people import messy_file
from tests.http.operations import is_problem
from tests.http.service import OTHER, Service

ADA = {"email": "Ada@Fernhill.example", "first_name": "Ada", "extra": {"Remark": "☎"}}
CSV = {"Content-Type": "text/csv"}


async def test_add(client: httpx2.AsyncClient) -> None:
    """A new person is 201 with its place; the same again is merged: 200, and the same lead."""
    first = await client.post("/v1/leads", json=ADA)
    assert (first.status_code, first.json()["phone_status"]) == (201, None)
    assert (first.json()["email"], first.json()["extra"]) == ("Ada@Fernhill.example", {"Remark": "☎"})
    again = await client.post("/v1/leads", json={"email": "ada@fernhill.example", "job_title": "CTO"})
    assert (again.status_code, again.json()["id"]) == (200, first.json()["id"])
    got = await client.get(first.headers["location"])
    assert got.json() == {**first.json(), "email": "ada@fernhill.example", "job_title": "CTO"}


async def test_add_once(client: httpx2.AsyncClient) -> None:
    """With an Idempotency-Key the answer comes again, with the lead as it is by then, if it still is."""
    headers = {"Idempotency-Key": "ada"}
    first = await client.post("/v1/leads", json=ADA, headers=headers)
    path = first.headers["location"]
    await client.patch(path, json={"job_title": "CTO"})
    again = await client.post("/v1/leads", json=ADA, headers=headers)
    assert (again.status_code, again.headers["idempotency-replayed"]) == (201, "true")
    assert again.json() == {**first.json(), "job_title": "CTO"}
    await client.delete(path)
    assert is_problem(await client.post("/v1/leads", json=ADA, headers=headers), 404)


async def test_add_with_a_number(client: httpx2.AsyncClient) -> None:
    """A number that comes with a person is read, and the lead counts as found."""
    lead = {**ADA, "phone_number": "(202) 555-0123", "country_code": "us"}
    document = (await client.post("/v1/leads", json=lead)).json()
    assert (document["phone"], document["phone_provider"]) == ("+12025550123", "import")
    assert document["phone_status"] == "found"


@pytest.mark.parametrize(
    ("lead", "word"),
    [
        ({}, "e-mail"),
        ({"first_name": "Ada"}, "company"),
        ({"email": "no address"}, "e-mail"),
        ({**ADA, "country_code": "Ruritania"}, "countryCode"),
        ({**ADA, "company_website": "::"}, "companyWebsite"),
        ({**ADA, "phone_number": "soon"}, "phoneNumber"),
    ],
)
async def test_add_nobody(client: httpx2.AsyncClient, lead: dict[str, object], word: str) -> None:
    """Who cannot be read is refused as a whole, and the refusal names the field."""
    answer = await client.post("/v1/leads", json=lead)
    assert is_problem(answer, 422)
    assert word in answer.json()["detail"]
    assert (await client.get("/v1/leads")).json()["leads"] == []


async def test_etags(client: httpx2.AsyncClient) -> None:
    """A lead that has not changed is not sent again, and one that has is not overwritten."""
    path = (await client.post("/v1/leads", json=ADA)).headers["location"]
    tag = (await client.get(path)).headers["etag"]
    for header in (tag, f'"x", {tag}', f"W/{tag}", "*"):
        unchanged = await client.get(path, headers={"If-None-Match": header})
        assert (unchanged.status_code, unchanged.content, unchanged.headers["etag"]) == (304, b"", tag)
    changed = await client.patch(path, json={"job_title": "CTO"}, headers={"If-Match": tag})
    assert (changed.status_code, changed.json()["job_title"]) == (200, "CTO")
    assert changed.headers["etag"] != tag
    assert (await client.get(path, headers={"If-None-Match": tag})).status_code == 200
    stale = await client.patch(path, json={"job_title": "CEO"}, headers={"If-Match": tag})
    assert is_problem(stale, 412, "changed-meanwhile")
    assert is_problem(await client.delete(path, headers={"If-Match": tag}), 412)
    assert (await client.get(path)).json()["job_title"] == "CTO"
    assert (await client.delete(path, headers={"If-Match": changed.headers["etag"]})).status_code == 204


async def test_change(client: httpx2.AsyncClient) -> None:
    """What is named is changed, null takes a value away, the rest stays."""
    path = (await client.post("/v1/leads", json={**ADA, "job_title": "CTO"})).headers["location"]
    change = {"job_title": None, "last_name": "King", "extra": {"Remark": None, "Source": "fair"}}
    document = (await client.patch(path, json=change)).json()
    assert (document["job_title"], document["first_name"], document["last_name"]) == ("", "Ada", "King")
    assert document["extra"] == {"Source": "fair"}
    assert is_problem(await client.patch(path, json={"email": ""}), 422)
    assert is_problem(await client.patch(path, json={"email": "no address"}), 422)
    await client.post("/v1/leads", json={"email": "bob@fernhill.example"})
    assert is_problem(await client.patch(path, json={"email": "bob@fernhill.example"}), 409)
    assert (await client.get(path)).json() == document


async def test_delete(client: httpx2.AsyncClient) -> None:
    """A lead is gone once it was deleted, and may come again as another one."""
    first = await client.post("/v1/leads", json=ADA)
    path = first.headers["location"]
    assert (await client.delete(path)).status_code == 204
    for method in ("GET", "DELETE"):
        assert is_problem(await client.request(method, path), 404)
    assert is_problem(await client.patch(path, json={}), 404)
    assert (await client.get("/v1/leads")).json()["leads"] == []
    assert (await client.post("/v1/leads", json=ADA)).json()["id"] != first.json()["id"]


async def test_pages(service: Service, client: httpx2.AsyncClient, stranger: httpx2.AsyncClient) -> None:
    """Cursors lead through all leads once, and fit their own list, filters and account alone."""
    ids = [(await service.add_lead(client, number))["id"] for number in range(7)]
    seen, cursor = list[str](), ""
    while True:
        page = (await client.get("/v1/leads", params={"limit": 3, "cursor": cursor})).json()
        seen += [lead["id"] for lead in page["leads"]]
        cursor = page["next"]
        if cursor is None:
            break
    assert seen == ids
    cursor = (await client.get("/v1/leads", params={"limit": 3})).json()["next"]
    assert ids[2] not in cursor
    for other in (f"{cursor}A", cursor[1:], cursor[:-1], cursor.swapcase(), "x", "%00", "ü"):
        assert is_problem(await client.get("/v1/leads", params={"cursor": other}), 422, "invalid-input")
    assert is_problem(await client.get("/v1/leads", params={"cursor": cursor, "status": "new"}), 422)
    assert is_problem(await client.get("/v1/jobs", params={"cursor": cursor}), 422)
    assert is_problem(await stranger.get("/v1/leads", params={"cursor": cursor}), 422)


async def test_filters(service: Service, client: httpx2.AsyncClient) -> None:
    """By end state, by newness, by e-mail address however it is written."""
    await service.add_lead(client, 1)
    await client.post("/v1/leads", json={**ADA, "phone_number": "+12025550123"})
    for params, count in (
        ({"status": "new"}, 1),
        ({"status": "found"}, 1),
        ({"status": "failed"}, 0),
        ({"email": "ADA@fernhill.example "}, 1),
        ({"email": "ada@fernhill.example", "status": "new"}, 0),
        ({"email": "no address"}, 0),
        ({"email": "%00\x00"}, 0),
    ):
        assert len((await client.get("/v1/leads", params=params)).json()["leads"]) == count, params


async def test_import(
    service: Service, client: httpx2.AsyncClient, stranger: httpx2.AsyncClient, tmp_path: Path
) -> None:
    """The receipt of a messy file is the one that the command line prints."""
    text, _, bad = messy_file(40)
    file = tmp_path / "people.csv"
    file.write_text(text, encoding="utf-8")
    with CsvLeadSource(file) as source:
        receipt = await service.leadgen.import_leads.run(OTHER, source, name="x", progress=lambda _: None)
    answer = await client.post("/v1/leads/import", content=text.encode(), headers=CSV)
    assert answer.status_code == 200
    rejected = [dataclasses.asdict(each) for each in receipt.rejections]
    assert answer.json() == {
        **receipt_document(receipt),
        "rejected": rejected,
        "rejected_truncated": False,
    }
    assert len(rejected) == bad
    theirs = (await stranger.get("/v1/leads", params={"limit": 500})).json()["leads"]
    ours = (await client.get("/v1/leads", params={"limit": 500})).json()["leads"]
    assert [{**lead, "id": ""} for lead in ours] == [{**lead, "id": ""} for lead in theirs]


async def test_import_of_many_bad_rows(client: httpx2.AsyncClient) -> None:
    """All of them are counted, the first thousand named, and that there are more is said."""
    content = "email\n" + "x\n" * (REJECTIONS_MAX + 1)
    answer = await client.post("/v1/leads/import", content=content, headers=CSV)
    assert answer.status_code == 200
    receipt = answer.json()
    assert (receipt["rows"], receipt["rejected_count"]) == (REJECTIONS_MAX + 1, REJECTIONS_MAX + 1)
    assert [each["row"] for each in receipt["rejected"]] == list(range(2, REJECTIONS_MAX + 2))
    assert receipt["rejected_truncated"] is True


async def test_import_once(client: httpx2.AsyncClient) -> None:
    """With an Idempotency-Key the same file has the same receipt, and another file is refused."""
    headers = {**CSV, "Idempotency-Key": "file-1"}
    text = "email\nada@fernhill.example\n"
    first, second = [await client.post("/v1/leads/import", content=text, headers=headers) for _ in range(2)]
    assert (first.json()["created"], second.json()) == (1, first.json())
    other = await client.post("/v1/leads/import", content=text + "b@c.example\n", headers=headers)
    assert is_problem(other, 422)


@pytest.mark.parametrize(
    ("content", "kind", "status"),
    [
        (b"", "text/csv", 422),
        (b"a,b\n1,2\n", "text/csv", 422),
        (b"email\x00\x01", "text/csv", 422),
        (b'email\n"ada', "text/csv", 422),
        (b"email\na@b.example\n", "application/json", 415),
        (b"email\na@b.example\n", "multipart/form-data; boundary=x", 415),
        (b"email\n" + b"a" * 50_000_001, "text/csv", 413),
    ],
    ids=["empty", "no-columns", "binary", "open-quote", "json", "multipart", "too-large"],
)
async def test_import_of_no_file(client: httpx2.AsyncClient, content: bytes, kind: str, status: int) -> None:
    """What is no lead file is a problem that names no path of the machine, and nothing is imported."""
    answer = await client.post("/v1/leads/import", content=content, headers={"Content-Type": kind})
    assert is_problem(answer, status)
    assert "/" not in (answer.json().get("detail") or "")
    assert (await client.get("/v1/leads")).json()["leads"] == []


async def test_import_too_large_in_chunks(client: httpx2.AsyncClient) -> None:
    """A body that does not tell its size is cut at the limit as well."""

    async def endless() -> object:
        yield b"email\n"
        for _ in range(60):
            yield b"a" * 1_000_000

    answer = await client.post("/v1/leads/import", content=endless(), headers=CSV)  # type: ignore[arg-type]  # an async generator is what it takes
    assert is_problem(answer, 413)


async def test_export(service: Service, client: httpx2.AsyncClient, stranger: httpx2.AsyncClient) -> None:
    """The account's leads come as CSV, with the columns of its files and what was found."""
    text = "E-mail,Remark\nada@fernhill.example,=1+1\nbob@fernhill.example,two\n"
    await client.post("/v1/leads/import", content=text, headers=CSV)
    await service.add_lead(stranger, 9)
    answer = await client.get("/v1/leads/export")
    assert answer.headers["content-type"].startswith("text/csv")
    rows = list(csv.DictReader(io.StringIO(answer.text)))
    assert [row["E-mail"] for row in rows] == ["ada@fernhill.example", "bob@fernhill.example"]
    assert [row["Remark"] for row in rows] == ["'=1+1", "two"]
    assert rows[0].keys() >= {"phone", "phone_provider", "phone_status", "cost_usd"}


async def test_export_of_single_leads(client: httpx2.AsyncClient) -> None:
    """What came and changed lead by lead is all in the export, as what came in a file is."""
    await client.post("/v1/leads/import", content="email,Tea\nbob@fernhill.example,Assam\n", headers=CSV)
    path = (await client.post("/v1/leads", json=ADA)).headers["location"]
    await client.patch(path, json={"job_title": "CTO", "extra": {"Source": "fair"}})
    header, bob, ada = csv.reader(io.StringIO((await client.get("/v1/leads/export")).text))
    assert header[:6] == ["email", "Tea", "firstName", "Remark", "jobTitle", "Source"]
    assert bob[:6] == ["bob@fernhill.example", "Assam", "", "", "", ""]
    assert ada[:6] == [ADA["email"], "", "Ada", "☎", "CTO", "fair"]


async def test_export_of_many(service: Service, client: httpx2.AsyncClient) -> None:
    """A long export arrives whole."""
    text = "email\n" + "".join(f"person{number}@fernhill.example\n" for number in range(2_500))
    await client.post("/v1/leads/import", content=text, headers=CSV)
    assert (await client.get("/v1/leads/export")).text.count("\n") == 2_501
