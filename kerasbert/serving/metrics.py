"""Prometheus metrics with the names of TF Serving."""

import prometheus_client

__all__ = ["Metrics"]

PREFIX = ":tensorflow:serving:"
MICROSECONDS = 1e6
_LATENCIES = [10 * 1.8**step for step in range(33)]  # 10 us to 25 minutes
_ROWS = [2**step for step in range(13)]


class Metrics:
    """Request counts, and histograms of latencies and batch sizes."""

    def __init__(self, model_name):
        self._registry = prometheus_client.CollectorRegistry()
        prometheus_client.ProcessCollector(registry=self._registry)
        self._requests = prometheus_client.Counter(
            PREFIX + "request_count",
            "Number of requests.",
            ["model_name", "status"],
            registry=self._registry,
        )
        self._request_latency = prometheus_client.Histogram(
            PREFIX + "request_latency",
            "Time of a whole request, in microseconds.",
            ["API", "entrypoint", "model_name"],
            registry=self._registry,
            buckets=_LATENCIES,
        )
        self._runtime_latency = self._histogram(
            "runtime_latency",
            "Time of a run of the model, in microseconds.",
            _LATENCIES,
            API="Predict",
            model_name=model_name,
            runtime="TF1",
        )
        self._queuing_latency = self._histogram(
            "batching_session:queuing_latency",
            "Time that a request waits for its batch, in microseconds.",
            _LATENCIES,
        )
        self._batch_rows = self._histogram(
            "batching_session:processed_batch_size", "Rows of a batch.", _ROWS
        )
        self._batch_requests = self._histogram(
            "batching_session:requests_per_batch", "Requests of a batch.", _ROWS
        )
        self._model_name = model_name

    def request(self, code, seconds, verb="predict"):
        """Records a request: its status code, duration and verb."""
        self._requests.labels(self._model_name, code).inc()
        latency = self._request_latency.labels(verb, "REST", self._model_name)
        latency.observe(seconds * MICROSECONDS)

    def batch(self, rows, waits, seconds):
        """Records a batch: its rows, its requests' waiting times and its duration."""
        self._batch_rows.observe(rows)
        self._batch_requests.observe(len(waits))
        self._runtime_latency.observe(seconds * MICROSECONDS)
        for wait in waits:
            self._queuing_latency.observe(wait * MICROSECONDS)

    def page(self):
        """Returns the page for Prometheus, bytes, and its content type."""
        text = prometheus_client.generate_latest(self._registry)
        # The library ends the names of counters in _total; TF Serving does not.
        text = text.replace(b"request_count_total", b"request_count")
        return text, prometheus_client.CONTENT_TYPE_LATEST

    def _histogram(self, name, what, buckets, **labels):
        histogram = prometheus_client.Histogram(
            PREFIX + name, what, list(labels), registry=self._registry, buckets=buckets
        )
        return histogram.labels(**labels) if labels else histogram
