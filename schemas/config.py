"""A YAML file -> the effective config, or the one sentence that says what is wrong with it."""

from difflib import get_close_matches
from pathlib import Path
from typing import Annotated

import msgspec
from msgspec import Meta

from schemas import kpi_edges, own, releases, security
from schemas.bounds import Bounded, bounded
from schemas.kpi_edges import Edge
from schemas.own import MOST_OWN, OwnSignal
from schemas.releases import Releases, filled
from schemas.sections import Kafka, Maintenance, Measure, Section, Topics, Worker
from schemas.security import loopback
from schemas.signals import CATALOGUE, TRAFFIC, Signal
from schemas.statements import dialects
from schemas.strict import ConfigError, read, text_of
from schemas.taxonomy import Taxonomy
from schemas.watching import Common, Failures, Limits, Service, Watch
from schemas.windows import BadWindow, window


class Config(Section, frozen=True, kw_only=True):
    """Everything that can be set. Every setting has a default; an empty file is a config.

    Attributes
    ----------
    services : what is known of services beforehand
    signals : a user's own signals
    maintenance : times in which nobody is paged
    """

    kafka: Kafka = Kafka()
    topics: Topics = Topics()
    worker: Worker = Worker()
    measure: Measure = Measure()
    watch: Watch = Watch()
    limits: Limits = Limits()
    failures: Failures = Failures()
    common: Common = Common()
    releases: Releases = Releases()
    maintenance: tuple[Maintenance, ...] = ()
    services: tuple[Service, ...] = ()
    signals: Annotated[tuple[OwnSignal, ...], Meta(max_length=MOST_OWN)] = ()

    def own_signals(self) -> tuple[Signal, ...]:
        """Say the user's own signals in the catalogue's terms, in their order."""
        return tuple(one.signal() for one in self.signals)

    def edges(self) -> tuple[Edge, ...]:
        """Name the targets of KPIs above which MEASURE counts by itself."""
        return kpi_edges.edges(self.releases.kpi_sets, (*CATALOGUE, *self.own_signals()))

    def bounded(self) -> Bounded:
        """Gather what exchanges of services and workflows may take and use."""
        return bounded((one.name, one.allows, one.workflows) for one in self.services)

    def watched(self) -> tuple[Signal, ...]:
        """Choose the signals that are watched: those of the catalogue, then a user's own, each in its order."""
        names = self.watch.signals
        signals = (*CATALOGUE, *self.own_signals())
        return signals if names is None else tuple(signal for signal in signals if signal.name in names)

    def watches(self, name: str) -> bool:
        """Say whether something is watched."""
        return self.watch.signals is None or name in self.watch.signals


def load(path: Path) -> Config:
    """Read a config file, and the files that it names.

    Raises
    ------
    ConfigError
        If a file cannot be read, or with the path of what is wrong in it and the choices there are.
    """
    return parse(text_of(path, "config"), path.parent)


def parse(text: str, folder: Path = Path()) -> Config:
    """Read a config.

    Parameters
    ----------
    text : YAML
    folder : where the files lie that it names

    Raises
    ------
    ConfigError
        With the path of what is wrong and the choices there are.

    Examples
    --------
    >>> parse("watch: {false_pages_per_week: 2}").watch.false_pages_per_week
    2.0
    >>> parse("kafka: {bootstrp: 'localhost:9092'}")
    Traceback (most recent call last):
    schemas.strict.ConfigError: unknown key `bootstrp` at `kafka`; did you mean `bootstrap`? \
Keys there: bootstrap, delivery_timeout_s, group, request_timeout_s, security, session_timeout_s
    """
    return _consistent(filled(read(text, Config), folder))


def _consistent(config: Config) -> Config:
    """Refuse what no single field can see to be wrong."""
    own.check(config.signals)
    known = [*(signal.name for signal in (*CATALOGUE, *config.own_signals())), TRAFFIC.name]
    named = config.watch.signals or ()
    for i, name in enumerate(named):
        if name not in known:
            near = get_close_matches(name, known, n=1)
            hint = f"; did you mean `{near[0]}`?" if near else "."
            raise ConfigError(f"no signal `{name}` at `watch.signals[{i}]`{hint} Signals: {', '.join(sorted(known))}")
    watched = [name for name in known if config.watches(name)]
    for i, name in enumerate(config.watch.shadow_signals):
        if name not in watched:
            raise ConfigError(
                f"signal `{name}` is not watched, so nothing of it can be told - at `watch.shadow_signals[{i}]`; "
                f"watched are: {', '.join(sorted(watched))}"
            )
    lists = {
        "watch.signals[{}]": named,
        "watch.shadow_signals[{}]": config.watch.shadow_signals,
        "measure.slices[{}]": config.measure.slices,
        "worker.stages[{}]": config.worker.stages,
        "services[{}].name": tuple(service.name for service in config.services),
    }
    for path, names in lists.items():
        for i, name in enumerate(names):
            if name in names[:i]:
                raise ConfigError(f"`{name}` is there twice - at `{path.format(i)}`")
    if (measure := config.measure).pairing and measure.pair_timeout_s >= measure.late_after_s:
        raise ConfigError(
            f"a request is given up after {measure.pair_timeout_s} s, but is late after {measure.late_after_s} s, so "
            "that every one would be late; lower `measure.pair_timeout_s` below `measure.late_after_s`, or raise that"
            " - at `measure.pair_timeout_s`"
        )
    if 0 < config.watch.rebase_after_s <= config.watch.resolve_after_s:
        raise ConfigError(
            f"an incident resolves after {config.watch.resolve_after_s} s within its limits, and would be the new "
            f"normal after {config.watch.rebase_after_s} s: raise `watch.rebase_after_s`, or set it to 0 for never"
            " - at `watch.rebase_after_s`"
        )
    planned = sum(service.weight for service in config.services)
    if planned > config.watch.max_services:
        raise ConfigError(
            f"the services' weights add up to {planned:g}, more than the {config.watch.max_services} that the page "
            "budget is divided by; raise `watch.max_services`, or lower the weights - at `services`"
        )
    if (dialect := config.failures.sql_dialect) and dialect not in dialects():
        raise ConfigError(f"no dialect `{dialect}` - at `failures.sql_dialect`; dialects: {', '.join(dialects())}")
    Taxonomy.of_config(config)
    releases.check(config)
    kpi_edges.check(config.edges())
    security.check(config.kafka.security)
    _guarded(config.worker)
    _readable(config.maintenance)
    return config


def _readable(maintenance: tuple[Maintenance, ...]) -> None:
    """Refuse a time in which nobody would be paged, if nobody can tell when it is."""
    for i, one in enumerate(maintenance):
        try:
            window(one.begins, one.ends, one.weekly)
        except BadWindow as wrong:
            where = f"maintenance[{i}]" + (f".{wrong.field}" if wrong.field else "")
            raise ConfigError(f"{wrong} - at `{where}`") from None


def _guarded(worker: Worker) -> None:
    """Refuse to listen beyond this machine without a token."""
    if worker.http_token_file and worker.http_token_env:
        raise ConfigError("a token in a file and one in the environment: keep one - at `worker.http_token_env`")
    if not loopback(worker.http_host) and not (worker.http_token_file or worker.http_token_env):
        raise ConfigError(
            f"{worker.http_host} can be reached from other machines, so it needs a token: name one in "
            "`worker.http_token_file` or `worker.http_token_env`, or listen on 127.0.0.1 - at `worker.http_host`"
        )


def show(config: Config) -> str:
    """Write the effective config, every setting with its value, as YAML that `parse` reads back."""
    return msgspec.yaml.encode(config).decode()
