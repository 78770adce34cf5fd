"""The files of `deploy/` fit the app: what cannot be run without a container engine is compared with it."""

import re
from pathlib import Path
from typing import Any

import yaml  # type: ignore[import-untyped]

from weir.app.shutdown import PROCESS_SECONDS
from weir.config.settings import Settings

ROOT = Path(__file__).parents[1]
DEPLOY = ROOT / "deploy"
DOCKERFILE = (DEPLOY / "Dockerfile").read_text(encoding="utf-8")
VARIABLES = {str(field.validation_alias.choices[0]) for field in Settings.model_fields.values()}  # type: ignore[union-attr]


def documents(name: str) -> list[dict[str, Any]]:
    return list(yaml.safe_load_all((DEPLOY / name).read_text(encoding="utf-8")))


def weir_container() -> dict[str, Any]:
    spec = documents("kubernetes/weir.yaml")[0]["spec"]["template"]["spec"]
    container: dict[str, Any] = spec["containers"][0]
    return container | {"grace": spec["terminationGracePeriodSeconds"]}


def test_every_variable_of_weir_is_one_of_its_settings() -> None:
    texts = [path.read_text(encoding="utf-8") for path in DEPLOY.rglob("*") if path.is_file()]
    named = {name for text in texts for name in re.findall(r"\b(?:WEIR|OPENAI)_[A-Z_]+\b", text)}
    assert named <= VARIABLES


def test_what_the_image_copies_is_there() -> None:
    copied = [line.split()[1] for line in DOCKERFILE.splitlines() if re.match(r"COPY (?!--from)", line)]
    assert copied
    assert all((ROOT / path).exists() for path in copied)
    ignored = (ROOT / ".dockerignore").read_text(encoding="utf-8").splitlines()
    assert {f"!{path}" for path in copied} <= set(ignored)


def test_nobody_is_root_and_the_root_is_read_only() -> None:
    assert "USER 10001:10001" in DOCKERFILE
    container = weir_container()
    assert container["securityContext"]["readOnlyRootFilesystem"]
    (compose,) = documents("compose.yaml")
    assert compose["services"]["weir-1"]["read_only"]
    assert compose["services"]["weir-2"]["read_only"]


def test_the_process_gets_the_time_that_it_takes_to_drain() -> None:
    container = weir_container()
    drain = next(float(one["value"]) for one in container["env"] if one["name"] == "WEIR_DRAIN")
    assert container["grace"] >= drain + PROCESS_SECONDS
    weir = documents("compose.yaml")[0]["services"]["weir-1"]
    assert float(weir["stop_grace_period"].rstrip("s")) >= float(weir["environment"]["WEIR_DRAIN"]) + PROCESS_SECONDS


def test_ports_and_probes_are_those_of_the_app() -> None:
    container = weir_container()
    assert container["ports"][0]["containerPort"] == 8501
    assert "--server.port=8501" in DOCKERFILE
    assert container["readinessProbe"]["httpGet"]["path"] == "/api/health"
    assert container["livenessProbe"]["httpGet"]["path"] == "/_stcore/health"
    nginx = (DEPLOY / "nginx.conf").read_text(encoding="utf-8")
    services = documents("compose.yaml")[0]["services"]
    assert set(re.findall(r"server (\S+):8501", nginx)) == {name for name in services if name.startswith("weir-")}


def test_redis_evicts_nothing() -> None:
    assert "noeviction" in documents("compose.yaml")[0]["services"]["redis"]["command"]
    spec = documents("kubernetes/redis.yaml")[0]["spec"]["template"]["spec"]
    assert "noeviction" in spec["containers"][0]["args"]
