"""Logs: one line of JSON for each event, and each click as an event of OpenTelemetry."""

import logging
import os

import structlog
from opentelemetry.exporter.otlp.proto.http._log_exporter import OTLPLogExporter
from opentelemetry.instrumentation.logging.handler import LoggingHandler
from opentelemetry.sdk._logs import LoggerProvider
from opentelemetry.sdk._logs.export import BatchLogRecordProcessor

DECISIONS = logging.getLogger("escalation_policy.decisions")


def configure() -> None:
    """Send all logs to stderr as JSON, and decisions to a collector of OpenTelemetry, if there is one."""
    formatter = structlog.stdlib.ProcessorFormatter(
        foreign_pre_chain=[
            structlog.contextvars.merge_contextvars,  # the id of the request
            structlog.stdlib.add_log_level,
            structlog.stdlib.ExtraAdder(),  # the keys of a decision
            structlog.processors.TimeStamper(fmt="iso"),
        ],
        processors=[structlog.stdlib.ProcessorFormatter.remove_processors_meta, structlog.processors.JSONRenderer()],
    )
    handler = logging.StreamHandler()
    handler.setFormatter(formatter)
    logging.basicConfig(level=logging.INFO, handlers=[handler])
    logging.getLogger("httpx").setLevel(logging.WARNING)  # its lines hold ids of accounts
    if "OTEL_EXPORTER_OTLP_ENDPOINT" in os.environ:
        provider = LoggerProvider()  # at the end of the process, it sends what it holds
        provider.add_log_record_processor(BatchLogRecordProcessor(OTLPLogExporter()))
        DECISIONS.addHandler(LoggingHandler(logger_provider=provider))
