"""Figures for Prometheus: what this process has done since it started.

A call only adds to numbers in memory, about a microsecond in all. They become Prometheus' families, of the official
client, when somebody asks for them.
"""

from bisect import bisect_left
from collections import Counter
from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from itertools import accumulate
from typing import Protocol

from prometheus_client import CollectorRegistry, ProcessCollector
from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily
from prometheus_client.exposition import choose_encoder
from prometheus_client.metrics_core import Metric
from prometheus_client.registry import Collector

from vanilla.usage.ledger import Entry

BACKENDS = ("anthropic", "ollama")
UNBILLED = "unbilled"  # the status of a call that has no row: refused by the upstream, or never there
STATUSES = ("ok", "aborted", "failed", "recovered", UNBILLED)
KINDS = ("prompt", "completion", "cache_read", "cache_write")
STAGES = ("admission", "settle")


@dataclass(frozen=True, slots=True)
class Load:
    """What is under way as somebody asks: calls in flight by backend, what is set aside for them; admins who watch the
    live page, how often a range was added up for them, and how often one of them was told."""

    in_flight: Mapping[str, int]
    holds_open: int
    tokens_held: int
    watchers: int = 0
    aggregations: int = 0
    pushes: int = 0


class Listener(Protocol):
    """Who wants to know, beside Prometheus, what nobody else is told."""

    def recorded(self, entry: Entry) -> None:
        """A row was written for a call that a dead process left behind."""

    def upstream_failed(self, backend: str, kind: str) -> None:
        """A model server did not do as asked."""


class Metrics:
    """Counts of one application. What counts is called on the event loop; `text` may be called in a thread."""

    def __init__(self) -> None:
        # What is known beforehand begins at zero: Prometheus cannot see a first increase otherwise.
        self._calls = Counter({(backend, status): 0 for backend in BACKENDS for status in STATUSES})
        self._tokens = Counter({(backend, kind): 0 for backend in BACKENDS for kind in KINDS})
        self._refusals: Counter[tuple[str, str]] = Counter()
        self._upstream_errors: Counter[tuple[str, str]] = Counter()
        self._overhead = {stage: _Seconds(_OVERHEAD) for stage in STAGES}
        self._first_byte = {backend: _Seconds(_FIRST_BYTE) for backend in BACKENDS}
        self._listeners: list[Listener] = []

    def tell(self, listener: Listener) -> None:
        """Tell it too, from now on."""
        self._listeners.append(listener)

    def admitted(self, seconds: float) -> None:
        """A call goes up, `seconds` after its request was here: what we added until then."""
        self._overhead["admission"].add(seconds)

    def ended(self, backend: str, entry: Entry | None, seconds: float) -> None:
        """A call is over, and settling it took `seconds`; `entry` is its row, or None when it cost nothing."""
        self._overhead["settle"].add(seconds)
        if entry is None:
            self._calls[backend, UNBILLED] += 1
        else:
            self.recorded(entry)

    def recorded(self, entry: Entry) -> None:
        """A row was written to the ledger: at the end of a call, or for one that a dead process left behind."""
        backend, tokens = entry.backend, self._tokens
        self._calls[backend, entry.status] += 1
        tokens[backend, "prompt"] += entry.prompt_tokens
        tokens[backend, "completion"] += entry.completion_tokens
        if entry.cache_read_tokens:
            tokens[backend, "cache_read"] += entry.cache_read_tokens
        if entry.cache_write_tokens:
            tokens[backend, "cache_write"] += entry.cache_write_tokens
        if entry.first_byte_ms is not None and backend in self._first_byte:
            self._first_byte[backend].add(entry.first_byte_ms / 1000)
        if entry.status == "recovered":
            for listener in self._listeners:
                listener.recorded(entry)

    def refused(self, backend: str, reason: str) -> None:
        """A call was not answered. `reason` is one of a few short words, such as `spent`."""
        self._refusals[backend, reason] += 1

    def upstream_failed(self, backend: str, kind: str) -> None:
        """A model server did not do as asked: its status from 400 on, or `unreached`, `silent`, `broken`, `error event`
        (which comes in the middle of a stream)."""
        self._upstream_errors[backend, kind] += 1
        for listener in self._listeners:
            listener.upstream_failed(backend, kind)

    def text(self, load: Load, accept: str = "") -> tuple[bytes, str]:
        """Everything, as the scraper prefers to read it, and the content type of that. Reads /proc."""
        registry = CollectorRegistry()
        registry.register(_Families(self._families(load)))
        ProcessCollector(registry=registry)
        encode, content_type = choose_encoder(accept)
        return encode(registry), content_type

    def _families(self, load: Load) -> Iterator[Metric]:
        by_backend = ("backend",)
        yield _counter("calls", "Calls that were admitted, by how they ended.", (*by_backend, "status"), self._calls)
        yield _counter(
            "tokens",
            "Tokens in the ledger. cache_read and cache_write are parts of prompt, not more.",
            (*by_backend, "kind"),
            self._tokens,
        )
        yield _counter("refusals", "Calls that were not answered, by why.", (*by_backend, "reason"), self._refusals)
        yield _counter(
            "upstream_errors",
            "Times that a model server did not do as asked: its status, or what became of the connection.",
            (*by_backend, "kind"),
            self._upstream_errors,
        )
        in_flight = GaugeMetricFamily("vanilla_calls_in_flight", "Calls being answered now.", labels=by_backend)
        for backend in BACKENDS:
            in_flight.add_metric((backend,), load.in_flight.get(backend, 0))
        yield in_flight
        yield GaugeMetricFamily("vanilla_holds_open", "Calls with tokens set aside.", value=load.holds_open)
        yield GaugeMetricFamily("vanilla_tokens_held", "Tokens set aside for them.", value=load.tokens_held)
        yield GaugeMetricFamily("vanilla_live_watchers", "Live pages that are open.", value=load.watchers)
        for name, what, value in (
            ("aggregations", "Times that a range of the live page was added up.", load.aggregations),
            ("pushes", "Times that a live page was told.", load.pushes),
        ):
            yield CounterMetricFamily(f"vanilla_live_{name}", what, value=value)
        yield _histogram(
            "relay_overhead",
            "What the relay adds: admission, from the whole request to asking the model server; settle, the write.",
            "stage",
            self._overhead,
        )
        yield _histogram("first_byte", "From admission to the first byte of an answer.", "backend", self._first_byte)


class _Seconds:
    """A histogram. The last bucket is for all that is beyond the bounds."""

    def __init__(self, bounds: tuple[float, ...]) -> None:
        self.bounds = bounds
        self.buckets = [0] * (len(bounds) + 1)
        self.sum = 0.0

    def add(self, seconds: float) -> None:
        self.buckets[bisect_left(self.bounds, seconds)] += 1
        self.sum += seconds


class _Families(Collector):
    def __init__(self, families: Iterable[Metric]) -> None:
        self._families = families

    def describe(self) -> Iterable[Metric]:
        return ()  # so that registering does not use them up

    def collect(self) -> Iterable[Metric]:
        return self._families


def _counter(name: str, what: str, labels: tuple[str, str], counts: Mapping[tuple[str, str], int]) -> Metric:
    family = CounterMetricFamily(f"vanilla_{name}", what, labels=labels)
    for key, count in sorted(dict(counts).items()):  # copied first: the event loop may add a key meanwhile
        family.add_metric(key, count)
    return family


def _histogram(name: str, what: str, label: str, histograms: Mapping[str, _Seconds]) -> Metric:
    family = HistogramMetricFamily(f"vanilla_{name}_seconds", what, labels=(label,))
    for key, seconds in histograms.items():
        names = [*map(str, seconds.bounds), "+Inf"]
        family.add_metric((key,), list(zip(names, accumulate(seconds.buckets), strict=True)), seconds.sum)
    return family


_OVERHEAD = (0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0)
_FIRST_BYTE = (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0)
