"""The compose file and the image, as far as that can be checked without an engine."""

from __future__ import annotations

import re
import shutil
import subprocess
from itertools import pairwise
from pathlib import Path
from typing import Any

import pytest
import yaml  # type: ignore[import-untyped]  # it brings no types

from leadgen.composition import PROVIDERS
from leadgen.settings import PREFIX, ProviderAccess, Settings

ROOT = Path(__file__).parents[2]
COMPOSE: dict[str, Any] = yaml.safe_load((ROOT / "docker-compose.yml").read_text("utf-8"))
SERVICES: dict[str, dict[str, Any]] = COMPOSE["services"]
DOCKERFILE = (ROOT / "Dockerfile").read_text("utf-8")
PINNED = re.compile(r"[a-z0-9./-]+:v?\d+\.\d+(\.\d+)?(-[a-z]+)*")
CONDITIONS = {"service_healthy", "service_completed_successfully"}
TOP = {"name", "services", "volumes"}
KEYS = {
    "build", "command", "depends_on", "deploy", "entrypoint", "environment", "healthcheck", "image", "init",
    "ports", "profiles", "restart", "stop_grace_period", "volumes",
}  # fmt: skip
every_service = pytest.mark.parametrize("name", SERVICES)


def settings_names() -> set[str]:
    """All variables that leadgen reads."""
    own = {PREFIX + name.upper() for name in Settings.model_fields}
    return own | {
        f"{PREFIX}{provider.upper()}_{name.upper()}"
        for provider in PROVIDERS
        for name in ProviderAccess.model_fields
    }


def is_one_shot(service: dict[str, Any]) -> bool:
    """Whether it does its work and ends."""
    return str(service.get("restart", "")).startswith("on-failure")


def test_keys() -> None:
    """Only keys of the Compose specification, spelt as it spells them."""
    assert {key for key in COMPOSE if not key.startswith("x-")} <= TOP
    for name, service in SERVICES.items():
        assert set(service) <= KEYS, name


@every_service
def test_image_is_pinned(name: str) -> None:
    """No image changes under the same file."""
    assert PINNED.fullmatch(SERVICES[name]["image"]), SERVICES[name]["image"]


@every_service
def test_depends_on(name: str) -> None:
    """Who is waited for is there, and is one whose condition can come true."""
    for other, how in SERVICES[name].get("depends_on", {}).items():
        assert how["condition"] in CONDITIONS
        wants_end = how["condition"] == "service_completed_successfully"
        assert is_one_shot(SERVICES[other]) == wants_end, other
        assert wants_end or SERVICES[other]["healthcheck"]["test"][0] in {"CMD", "CMD-SHELL"}


def test_order_has_no_circle() -> None:
    """Everything can start."""
    started: set[str] = set()
    while len(started) < len(SERVICES):
        ready = {
            name
            for name, service in SERVICES.items()
            if name not in started and set(service.get("depends_on", {})) <= started
        }
        assert ready, set(SERVICES) - started
        started |= ready


@every_service
def test_mounts(name: str) -> None:
    """A file that is mounted is in the repository and cannot be written; a volume is declared."""
    for mount in SERVICES[name].get("volumes", []):
        source, _, rest = str(mount).partition(":")
        if source.startswith("./"):
            assert (ROOT / source).is_file(), source
            assert rest.endswith(":ro"), mount
        else:
            assert source in COMPOSE["volumes"]


@every_service
def test_ports_are_of_this_machine(name: str) -> None:
    """What is published is published on loopback; who wants more puts a proxy in front."""
    for port in SERVICES[name].get("ports", []):
        assert re.fullmatch(r"127\.0\.0\.1:\d+:\d+", port)


def test_environment() -> None:
    """Every variable of leadgen that the compose file or the image sets is one that leadgen reads."""
    text = (ROOT / "docker-compose.yml").read_text("utf-8") + DOCKERFILE
    used = set(re.findall(rf"\b{PREFIX}[A-Z_]+\b", text))
    assert used
    assert used <= settings_names()


def test_settings_are_taken(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """The values fit: the settings load from the worker's environment as it is after interpolation."""
    monkeypatch.chdir(tmp_path)
    for name, value in SERVICES["worker"]["environment"].items():
        monkeypatch.setenv(name, re.sub(r"\$\{\w+:[-?]([^}]*)\}", "", str(value)))
    settings = Settings()
    assert settings.database_url.startswith("postgresql://")
    assert settings.metrics_address == "0.0.0.0:9464"
    assert settings.has_own_temporal


def test_who_is_there() -> None:
    """Two workers, HTTP, the tables made before both, and all of Temporal from its schema on."""
    assert SERVICES["worker"]["deploy"]["replicas"] == 2
    for name in ("worker", "http"):
        assert set(SERVICES[name]["depends_on"]) == {"migrate", "temporal-namespace", "valkey"}
    chain = ["temporal-namespace", "temporal", "temporal-schema", "postgres"]
    for later, earlier in pairwise(chain):
        assert earlier in SERVICES[later]["depends_on"]
    server, tools = SERVICES["temporal"]["image"], SERVICES["temporal-schema"]["image"]
    assert server.rpartition(":")[2] == tools.rpartition(":")[2]
    assert SERVICES["temporal"]["environment"]["NUM_HISTORY_SHARDS"] == "512"


@every_service
def test_secrets(name: str) -> None:
    """No password and no key stands in the file: each comes from .env, and the password must."""
    for variable, value in SERVICES[name].get("environment", {}).items():
        if re.search(r"PASSWORD|PWD|KEY$", variable):
            assert re.fullmatch(r"\$\{\w+:[-?][^}]*\}", str(value)), variable


def test_image() -> None:
    """Built in two steps from pinned images, from hashed requirements, and not run as root."""
    images = re.findall(r"^FROM (\S+)", DOCKERFILE, flags=re.MULTILINE)
    assert len(images) == 2
    assert all(PINNED.fullmatch(image) and "slim" in image for image in images)
    assert "--require-hashes" in DOCKERFILE
    final = DOCKERFILE[DOCKERFILE.rindex("\nFROM ") :]
    assert re.search(r"^USER (?!root)\w+$", final, flags=re.MULTILINE)
    assert "HEALTHCHECK" in final


def test_context() -> None:
    """What the image copies is in the repository, and the context lets it in and no secret."""
    ignored = (ROOT / ".dockerignore").read_text("utf-8").split()
    assert ignored[0] == "*"
    for line in re.findall(r"^COPY (?!--from)(.+)$", DOCKERFILE, flags=re.MULTILINE):
        for source in line.split()[:-1]:
            assert (ROOT / source).exists(), source
            assert f"!{source}" in ignored, source


@pytest.mark.parametrize("script", sorted((ROOT / "ops").rglob("*.sh")), ids=lambda path: path.name)
def test_scripts(script: Path) -> None:
    """A shell can read them, and they stop at the first error."""
    shell = shutil.which("sh")
    assert shell
    assert subprocess.run([shell, "-n", str(script)], check=False, timeout=10).returncode == 0
    assert "\nset -eu\n" in script.read_text("utf-8")
