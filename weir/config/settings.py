"""The only reader of the environment and of `.env`."""

import base64
import functools
import os
import re
from pathlib import Path
from typing import Any, Literal
from urllib.parse import unquote

from dotenv import dotenv_values
from pydantic import AliasChoices, Field, SecretStr, ValidationError
from pydantic_settings import BaseSettings, SettingsConfigDict

from weir.config import client_tokens, proxies, user_chains
from weir.config.comma_list import split_commas
from weir.config.model_catalogue import (
    Catalogue,
    CatalogueError,
    CatalogueModel,
    ModelEntry,
    load_catalogue,
)
from weir.config.router_catalogue import NEEDS_TRAINING
from weir.config.setting_types import (
    DISCOVERY_WORDS,
    ChainList,
    ClientTokens,
    DataFolder,
    Discovery,
    Endpoint,
    Hosts,
    Key,
    Limit,
    OptionalFile,
    Origins,
    Price,
    RedisUrl,
    Secret,
    Users,
    default_data_folder,
)

_PASSWORD = re.compile(r"://[^/@:]*:(.+)@")


def _limit(variable: str, example: str) -> Any:
    return Field(None, ge=1, le=MAX_COUNT, validation_alias=AliasChoices(variable), examples=[example])


USUAL_PORTS = (11434, 1234, 8080, 8000)
"""Where Ollama, LM Studio, llama-server and vLLM listen, unless another port is given to them."""

MAX_COUNT = 10**15
"""Largest value of a count: a larger one is a typing error."""

DEFAULT_CONFIG = Path("weir.toml")
"""File with the models, where `WEIR_CONFIG` names none."""


class SettingsError(Exception):
    """A variable has a value that Weir cannot use; the text names it, says why and gives an example."""


class Settings(BaseSettings):
    """Weir's configuration. Each field is one variable of the environment or of `.env`; the first wins."""

    model_config = SettingsConfigDict(env_file=".env", env_file_encoding="utf-8", extra="ignore", frozen=True)

    openai_api_key: Key = Field(None, validation_alias=AliasChoices("OPENAI_API_KEY"), examples=["sk-…"])
    """Key for OpenAI or a compatible server."""
    openai_base_url: Endpoint = Field(
        None, validation_alias=AliasChoices("OPENAI_BASE_URL"), examples=["http://localhost:11434/v1"]
    )
    """Any OpenAI-compatible endpoint."""
    openai_model: str = Field(
        "gpt-4o-mini", min_length=1, validation_alias=AliasChoices("OPENAI_MODEL"), examples=["gpt-4o-mini"]
    )
    """Model name."""
    config_file: OptionalFile = Field(None, validation_alias=AliasChoices("WEIR_CONFIG"), examples=["weir.toml"])
    """The file with the models; None: `weir.toml` in the working directory, if it is there."""
    local_model: OptionalFile = Field(
        None, validation_alias=AliasChoices("WEIR_LOCAL_MODEL"), examples=["/models/qwen2.5-3b-instruct-q4_k_m.gguf"]
    )
    """A GGUF file for the embedded engine, instead of the packaged one."""
    idle_timeout_seconds: float = Field(
        60.0, gt=0, le=3600, validation_alias=AliasChoices("WEIR_TIMEOUT"), examples=["60"]
    )
    """Seconds that the model may send no data before a run fails."""
    retries: int = Field(2, ge=0, le=10, validation_alias=AliasChoices("WEIR_RETRIES"), examples=["2"])
    """How often a request that fails before its first chunk is retried."""
    grace_seconds: float = Field(60.0, gt=0, le=86_400, validation_alias=AliasChoices("WEIR_GRACE"), examples=["60"])
    """Seconds that a run continues without a reader."""
    record_mb: float = Field(
        256.0, ge=1, le=1_000_000, validation_alias=AliasChoices("WEIR_RECORD_MB"), examples=["256"]
    )
    """Memory for recorded runs, in megabytes; the oldest finished runs go first."""
    keep_mb: float = Field(500.0, ge=0, le=10_000_000, validation_alias=AliasChoices("WEIR_KEEP_MB"), examples=["500"])
    """Disk space for ended runs in the data folder, in megabytes; the oldest go first. 0 keeps none on disk."""
    attachments_mb: float = Field(
        500.0, ge=0, le=10_000_000, validation_alias=AliasChoices("WEIR_ATTACHMENTS_MB"), examples=["500"]
    )
    """Space for the files of all questions in the database, in megabytes. 0: questions have no files."""
    price_in: Price = Field(None, ge=0, le=1_000_000, validation_alias=AliasChoices("WEIR_PRICE_IN"), examples=["0.15"])
    """Dollars for a million tokens that the model reads."""
    price_out: Price = Field(
        None, ge=0, le=1_000_000, validation_alias=AliasChoices("WEIR_PRICE_OUT"), examples=["0.60"]
    )
    """Dollars for a million tokens that the model writes."""

    api_token: Key = Field(
        None,
        min_length=client_tokens.MIN_LENGTH,
        validation_alias=AliasChoices("WEIR_API_TOKEN"),
        examples=["a-long-random-string"],
    )
    """Bearer token for the HTTP API; without one the API answers loopback clients only."""
    api_tokens: ClientTokens = Field(
        None, validation_alias=AliasChoices("WEIR_API_TOKENS"), examples=["ann=a-long-random-string"]
    )
    """Tokens of several clients, `name=token`, separated by commas."""
    allowed_hosts: Hosts = Field("", validation_alias=AliasChoices("WEIR_ALLOWED_HOSTS"), examples=["weir.example.org"])
    """Host names, besides this machine's own, under which Weir is reached; separated by commas."""
    framed_by: Origins = Field(
        "", validation_alias=AliasChoices("WEIR_FRAMED_BY"), examples=["https://portal.example.org"]
    )
    """Origins whose pages may show Weir in a frame, separated by commas; `self` is its own."""
    allowed_users: Users = Field(
        "", validation_alias=AliasChoices("WEIR_ALLOWED_USERS"), examples=["ann@example.org, @example.com"]
    )
    """Addresses and domains that may use Weir where people sign in, separated by commas; without any, everybody."""
    max_runs: int = Field(128, ge=1, le=100_000, validation_alias=AliasChoices("WEIR_MAX_RUNS"), examples=["128"])
    """Runs that may be live at once."""
    max_runs_per_client: int = Field(
        64, ge=1, le=100_000, validation_alias=AliasChoices("WEIR_MAX_RUNS_PER_CLIENT"), examples=["64"]
    )
    """Runs that one address may have live at once."""
    max_runs_per_visitor: Limit = _limit("WEIR_MAX_RUNS_PER_VISITOR", "4")
    """Runs that one visitor may have live at once."""
    runs_per_minute: Limit = _limit("WEIR_RUNS_PER_MINUTE", "20")
    """Runs that one visitor may start within a minute."""
    total_runs_per_minute: Limit = _limit("WEIR_TOTAL_RUNS_PER_MINUTE", "200")
    """The same for all visitors together."""
    tokens_per_day: Limit = _limit("WEIR_TOKENS_PER_DAY", "20000")
    """Tokens, read and written, that one visitor may use from midnight to midnight (UTC)."""
    total_tokens_per_day: Limit = _limit("WEIR_TOTAL_TOKENS_PER_DAY", "1000000")
    """The same for all visitors together."""
    log: Literal["text", "json"] = Field("text", validation_alias=AliasChoices("WEIR_LOG"), examples=["json"])
    """How the log is written."""

    router: Literal["auto", "model", "local"] = Field(
        "auto", validation_alias=AliasChoices("WEIR_ROUTER"), examples=["auto"]
    )
    """What classifies questions: the model, the local classifier, or (auto) the latter with the embedded model only."""
    history_tokens: int = Field(
        8_000, ge=500, le=100_000_000, validation_alias=AliasChoices("WEIR_WINDOW"), examples=["8000"]
    )
    """Tokens of a conversation's history that are sent to the model, at most."""
    data_folder: DataFolder = Field(
        default_factory=default_data_folder, validation_alias=AliasChoices("WEIR_DATA"), examples=["./data"]
    )
    """Folder for conversations and ended runs."""
    database_url: Secret = Field(
        None, validation_alias=AliasChoices("WEIR_DATABASE_URL"), examples=["postgresql://weir@localhost/weir"]
    )
    """PostgreSQL for conversations, instead of a file in the data folder."""
    redis_url: RedisUrl = Field(
        None, validation_alias=AliasChoices("WEIR_REDIS_URL"), examples=["redis://localhost:6379/0"]
    )
    """Redis or Valkey that several replicas share, so that each reads the runs of all."""
    redis_optional: bool = Field(False, validation_alias=AliasChoices("WEIR_REDIS_OPTIONAL"), examples=["true"])
    """Whether Weir starts while that cannot be reached, and joins the others once it can."""
    redis_mb: float = Field(
        256.0, ge=1, le=10_000_000, validation_alias=AliasChoices("WEIR_REDIS_MB"), examples=["256"]
    )
    """Space for ended runs in Redis, in megabytes; the oldest go first."""
    redis_hours: float = Field(24.0, gt=0, le=8_760, validation_alias=AliasChoices("WEIR_REDIS_HOURS"), examples=["24"])
    """Hours for which an ended run stays in Redis."""
    drain_seconds: float = Field(0.0, ge=0, le=3_600, validation_alias=AliasChoices("WEIR_DRAIN"), examples=["30"])
    """Seconds for which live runs may end after SIGTERM before they are cut off."""
    discover: Discovery = Field("auto", validation_alias=AliasChoices("WEIR_DISCOVER"), examples=["auto"])
    """Whether model servers of this machine are looked for: `auto`, `on`, `off`, or ports separated by commas."""
    chains: ChainList = Field(
        "", validation_alias=AliasChoices("WEIR_CHAINS"), examples=["agent=my_package.chains:agent"]
    )
    """The user's Runnables for the registry: `name=package.module:attribute`, separated by commas."""

    @property
    def tokens_of_clients(self) -> dict[str, str]:
        """The tokens of `api_tokens`, by the names of their clients."""
        return client_tokens.parse(self.api_tokens)

    @property
    def needs_token(self) -> bool:
        """Whether programs need a token."""
        return self.api_token is not None or self.api_tokens is not None

    @property
    def discovery_ports(self) -> tuple[int, ...]:
        """Ports of this machine that are looked at for model servers.

        `auto`: the usual ones where nothing names a model, and no host name says that others reach this Weir.
        """
        if self.discover not in DISCOVERY_WORDS:
            return tuple(map(int, split_commas(self.discover)))
        is_empty = self.uses_embedded_model and not self.catalogue.is_file
        is_on = self.discover == "on" or (self.discover == "auto" and is_empty and not self.allowed_hosts)
        return USUAL_PORTS if is_on else ()

    @property
    def framing_origins(self) -> tuple[str, ...]:
        """The origins of `framed_by`."""
        return split_commas(self.framed_by)

    @property
    def extra_chains(self) -> tuple[tuple[str, str], ...]:
        """The `(name, path)` pairs of `chains`."""
        return user_chains.parse_chain_list(self.chains)

    def answer_cost(self, tokens_in: int | None, tokens_out: int | None, model: str = "") -> float | None:
        """Return the cost of an answer of a model in dollars; None if a price or a count is missing."""
        return self.catalogue.cost(model, tokens_in, tokens_out)

    @functools.cached_property
    def catalogue(self) -> Catalogue:
        """The models that can be asked. Raises CatalogueError if the file that names them cannot be used."""
        file = self.config_file
        if file is None and DEFAULT_CONFIG.is_file():
            file = DEFAULT_CONFIG
        prices, named = {"price_in": self.price_in, "price_out": self.price_out}, None
        if not self.uses_embedded_model:
            # Constructed, not validated: that an endpoint is named has been seen.
            entry = ModelEntry.model_construct(base_url=self.openai_base_url, model=self.openai_model)
            named = CatalogueModel(self.openai_model, entry.model_copy(update=prices), self.openai_api_key)
        embedded = ModelEntry(embedded=True, gguf=self.local_model).model_copy(update=prices)
        found = load_catalogue(file, named, embedded, _variable)
        if self.router == "local" and not (found.routing.classify_by or found.routing.has_local_classifier):
            raise CatalogueError(f"WEIR_ROUTER=local: {NEEDS_TRAINING}")
        return found

    @property
    def uses_embedded_model(self) -> bool:
        """Whether neither a key nor an endpoint is set."""
        return self.openai_api_key is None and self.openai_base_url is None

    @property
    def secrets(self) -> tuple[str, ...]:
        """Strings that must never be shown, logged or recorded."""
        keys = [self.openai_api_key, self.api_token, *self._stores, *(model.key for model in self.catalogue)]
        whole = dict.fromkeys([*(key.get_secret_value() for key in keys if key), *self.tokens_of_clients.values()])
        urls = [url for url in (self.openai_base_url, *(model.entry.base_url for model in self.catalogue)) if url]
        addresses = [*map(str, urls), *(store.get_secret_value() for store in self._stores if store)]
        passwords = [match.group(1) for address in addresses if (match := _PASSWORD.search(address))]
        sent = [basic(unquote(url.username or ""), unquote(url.password)) for url in urls if url.password]
        # Basic credentials are sent instead of a key where a server's URL has a name and a password.
        return (*whole, *passwords, *(unquote(password) for password in passwords), *sent)

    @property
    def _stores(self) -> tuple[SecretStr | None, ...]:
        return (self.database_url, self.redis_url)


def basic(name: str, password: str) -> str:
    """Return the Basic credentials for a name and a password (https://www.rfc-editor.org/rfc/rfc7617)."""
    return base64.b64encode(f"{name}:{password}".encode()).decode()


@functools.cache
def settings() -> Settings:
    """Return the configuration, read once. Raises SettingsError with a sentence a person can act on."""
    try:
        proxies.check()
        read = Settings()
        # A mistake in the file of the models stops the start, as one in a variable does.
        _ = read.catalogue
    except ValidationError as error:
        raise SettingsError("\n".join(_sentence(problem) for problem in error.errors())) from None
    except (proxies.ProxyError, CatalogueError) as error:
        raise SettingsError(str(error)) from None
    return read


def _variable(name: str) -> str | None:
    """Return a variable of the environment, else of `.env`."""
    return os.environ.get(name) or dotenv_values(".env", encoding="utf-8").get(name)


def child_process_environment(**changed: str) -> dict[str, str]:
    """Return the environment for a child process, with these variables changed."""
    return {**os.environ, **changed}


def _sentence(problem: Any) -> str:
    field = next(
        field
        for field in Settings.model_fields.values()
        if isinstance(field.validation_alias, AliasChoices) and problem["loc"][0] in field.validation_alias.choices
    )
    example = (field.examples or [""])[0]
    variable = problem["loc"][0]
    # An address may hold a password.
    is_secret = "SecretStr" in str(field.annotation) or "@" in str(problem["input"])
    shown = "" if is_secret else f" {str(problem['input'])!r}"
    return f"{variable} has a value{shown} that Weir cannot use: {problem['msg']}. For example: {variable}={example}"
