"""What the server counts, for /metrics."""

from prometheus_client import CollectorRegistry, Counter, Gauge, Histogram, generate_latest

SECONDS = (0.02, 0.05, 0.1, 0.2, 0.5, 1, 2, 5, 10)


class Measures:
    """Counters of one server; nothing in them tells one client from another.

    Attributes:
        requests: by path of the API and status.
        seconds: of answered photos.
        verdicts: by level.
        inside: photos that are answered or wait.
    """

    def __init__(self) -> None:
        own = self._registry = CollectorRegistry()
        self.requests = Counter("florascope_requests", "Requests", ("path", "status"), registry=own)
        self.seconds = Histogram(
            "florascope_answer_seconds", "Seconds a photo took", buckets=SECONDS, registry=own
        )
        self.verdicts = Counter("florascope_verdicts", "Verdicts", ("level",), registry=own)
        self.inside = Gauge("florascope_inside", "Photos answered or waiting", registry=own)

    def count(self, path: str, status: int) -> None:
        """Note a finished request."""
        self.requests.labels(path, status).inc()

    def text(self) -> bytes:
        """Write them in the Prometheus text format."""
        return generate_latest(self._registry)
