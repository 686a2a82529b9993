"""The proxy's toxics, and the moments that its taps see in real conversations."""

from __future__ import annotations

import socket
import time
from collections.abc import Iterator

import psycopg
import pytest
from redis import Redis
from redis.backoff import NoBackoff
from redis.exceptions import RedisError
from redis.retry import Retry

from tests.chaos.proxy import Act, Proxy, Switchboard
from tests.chaos.taps import PostgresTap, RedisTap
from tests.servers.postgres import PostgresServer
from tests.servers.valkey import ValkeyServer

BEGIN = "WITH begun AS (INSERT INTO lookups VALUES (%s, 'intended') RETURNING 1) SELECT 1 FROM begun"
END = "WITH ended AS (UPDATE lookups SET state = 'settled' WHERE key = %s RETURNING 1) SELECT 1 FROM ended"
BOTH = """
    WITH begun AS (INSERT INTO lookups VALUES (%s, 'intended') RETURNING 1),
    ended AS (UPDATE lookups SET state = 'settled' WHERE key = %s RETURNING 1)
    SELECT (SELECT count(*) FROM begun), (SELECT count(*) FROM ended)
    """
TICKETS = "return ARGV[1] == 'take' and {1, 0, 7, 20} or {0}"


@pytest.fixture
def switchboard() -> Iterator[Switchboard]:
    """A thread for proxies."""
    board = Switchboard()
    yield board
    board.close()


@pytest.fixture
def database(switchboard: Switchboard, postgres: PostgresServer) -> Iterator[tuple[Proxy, str]]:
    """A proxy before a database with a table of lookups, and its URL."""
    postgres.create_database("behind_proxy")
    with switchboard.proxy(postgres.port, PostgresTap) as proxy:
        url = f"postgresql://postgres@127.0.0.1:{proxy.port}/behind_proxy?sslmode=disable"
        with psycopg.connect(url) as connection:
            connection.execute("CREATE TABLE lookups (key text primary key, state text)")
        yield proxy, url
    postgres.drop_database("behind_proxy")


@pytest.fixture
def limiter(switchboard: Switchboard, valkey: ValkeyServer) -> Iterator[tuple[Proxy, Redis]]:
    """A proxy before Valkey, and a client that tries once."""
    with switchboard.proxy(valkey.port, RedisTap) as proxy:
        url = f"redis://127.0.0.1:{proxy.port}/0"
        with Redis.from_url(url, socket_timeout=0.5, retry=Retry(NoBackoff(), 0)) as client:
            yield proxy, client


def seen_by(proxy: Proxy) -> list[str]:
    """The moments of this proxy from now on."""
    seen: list[str] = []

    def wire(moment: str) -> Act:
        seen.append(moment)
        return Act.PASS

    proxy.wire = wire
    return seen


def rows(url: str) -> int:
    """How many lookups there are."""
    with psycopg.connect(url) as connection:
        found = connection.execute("SELECT count(*) FROM lookups").fetchone()
    assert found is not None
    return int(found[0])


def test_intents_and_settlements_are_seen(database: tuple[Proxy, str]) -> None:
    """Also those whose statement was prepared long before, and each commit by what it holds."""
    proxy, url = database
    with psycopg.connect(url, prepare_threshold=1) as connection:
        for number in range(4):
            seen = seen_by(proxy)
            connection.execute("INSERT INTO lookups VALUES (%s, 'intended')", [str(number)])
            connection.commit()
            assert seen == ["intent insert", "intent commit", "intent committed"]
        seen = seen_by(proxy)
        connection.execute("UPDATE lookups SET state = 'settled' WHERE key = %s", ["1"])
        connection.commit()
        assert seen == ["settlement commit", "settlement committed"]
        seen = seen_by(proxy)
        connection.execute("SELECT 1")
        connection.commit()
        assert seen == ["commit", "committed"]


def test_what_is_written_at_once_is_told_apart(database: tuple[Proxy, str]) -> None:
    """An intent, an answer or both may be one statement: a commit of both is neither one's."""
    proxy, url = database
    with psycopg.connect(url, prepare_threshold=1) as connection:
        for number in range(4):
            seen = seen_by(proxy)
            connection.execute(BEGIN, [str(number)])
            connection.commit()
            assert seen == ["intent insert", "intent commit", "intent committed"]
            seen = seen_by(proxy)
            connection.execute(END, [str(number)])
            connection.commit()
            assert seen == ["settlement commit", "settlement committed"]
            seen = seen_by(proxy)
            connection.execute(BOTH, [f"{number}, again", str(number)])
            connection.commit()
            assert seen == ["intent insert", "commit", "committed"]


@pytest.mark.parametrize(("moment", "rows_left"), [("intent commit", 0), ("intent committed", 1)])
def test_a_commit_is_cut_before_or_after_it_counts(
    database: tuple[Proxy, str], moment: str, rows_left: int
) -> None:
    """The client is told nothing either way; only the database knows."""
    proxy, url = database
    connection = psycopg.connect(url)
    connection.execute("INSERT INTO lookups VALUES ('1', 'intended')")
    proxy.wire = lambda seen: Act.CUT if seen == moment else Act.PASS
    with pytest.raises(psycopg.OperationalError):
        connection.commit()
    proxy.wire = None
    assert rows(url) == rows_left


def test_tickets_and_releases_are_seen(limiter: tuple[Proxy, Redis]) -> None:
    """A reply without tickets gives none."""
    proxy, client = limiter
    digest = client.script_load(TICKETS)
    seen = seen_by(proxy)
    client.evalsha(digest, 0, "take")
    assert seen == ["ticket asked", "ticket given"]
    seen = seen_by(proxy)
    client.evalsha(digest, 0, "seed")
    client.zrem("leases", "7")
    assert seen == ["release"]


@pytest.fixture
def line(limiter: tuple[Proxy, Redis]) -> Iterator[tuple[Proxy, socket.socket]]:
    """A proxy before Valkey, and a plain connection through it."""
    proxy, _ = limiter
    with socket.create_connection(("127.0.0.1", proxy.port), 5) as connection:
        yield proxy, connection


def ping(connection: socket.socket, seconds: float = 5.0) -> bytes:
    """What the server answers within this time."""
    connection.settimeout(seconds)
    connection.sendall(b"PING\r\n")
    return connection.recv(100)


def test_connections_are_cut(line: tuple[Proxy, socket.socket]) -> None:
    """Those of this moment; a new one is let through."""
    proxy, connection = line
    assert ping(connection) == b"+PONG\r\n"
    proxy.cut()
    with pytest.raises(ConnectionResetError):
        connection.recv(1)
    with socket.create_connection(("127.0.0.1", proxy.port), 5) as new:
        assert ping(new) == b"+PONG\r\n"


def test_bytes_hang_until_they_go_on(line: tuple[Proxy, socket.socket]) -> None:
    """The server is there and says nothing; then it answers what it was asked."""
    proxy, connection = line
    assert ping(connection) == b"+PONG\r\n"
    proxy.hang()
    with pytest.raises(TimeoutError):
        ping(connection, 0.2)
    proxy.go_on()
    connection.settimeout(5)
    assert connection.recv(100) == b"+PONG\r\n"


def test_bytes_are_late(line: tuple[Proxy, socket.socket]) -> None:
    """By the delay on each way."""
    proxy, connection = line
    proxy.delay_seconds = 0.05
    began = time.monotonic()
    assert ping(connection) == b"+PONG\r\n"
    assert time.monotonic() - began >= 0.1


def test_connections_are_refused(limiter: tuple[Proxy, Redis]) -> None:
    """Nobody comes through, until it ends."""
    proxy, client = limiter
    proxy.refuses = True
    with pytest.raises(RedisError):
        client.ping()
    proxy.refuses = False
    assert client.ping()
