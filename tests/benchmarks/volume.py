"""What large logs and many domains cost: one process, a process pool, Dask, Spark, DuckDB, and other readers of JSON.

Run it in the environment of the engines: `python tests/benchmarks/volume.py 3000000`. Each case runs in a process of its
own, and its results are compared with those of the first one. CPU seconds are those of all its processes, except the Python
workers of Spark, which nobody waits for; memory is that of the largest one. On a shared machine only ratios within one run mean anything.
"""
# mypy: ignore-errors
# pyright: basic, reportMissingImports=false, reportMissingModuleSource=false, reportOptionalMemberAccess=false

import gzip
import json
import os
import platform
import random
import shutil
import subprocess
import sys
import time
from collections import Counter
from collections.abc import Callable, Iterator, Sequence
from concurrent.futures import ProcessPoolExecutor
from datetime import UTC, datetime, timedelta
from hashlib import sha256
from importlib import import_module
from multiprocessing import get_context
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, Final

import attrs

from escalation_policy import (
    ESCALATE_TO_VIDEO,
    ChannelKind,
    EscalationRequest,
    Intervention,
    InterventionState,
    Login,
    MessageAuthor,
    Policy,
    fact,
)
from escalation_policy.administration import AuditTotals, Directory, audit
from escalation_policy.analysis import where
from escalation_policy.records import (
    DecisionRecord,
    Replay,
    Summary,
    arrow_schema,
    open_log,
    read_records,
    record,
    replay,
    summarize,
)
from escalation_policy.testing import a_channel, a_domain, a_message, a_request, a_role, an_agent

FILES: Final = 12
CORES: Final = 2
STRICTER: Final = ESCALATE_TO_VIDEO.without("twitter_private", "intervention_owned")
AT: Final = datetime(2026, 1, 31, tzinfo=UTC)


def requests() -> list[EscalationRequest]:
    """Return requests of the kinds that a log holds: most are allowed, and the others denied for several reasons."""
    kinds = [ChannelKind.WHATSAPP, ChannelKind.VIBER, ChannelKind.TWITTER, ChannelKind.INSTAGRAM_MESSAGING]
    usual = [a_request(channel=a_channel(kind=kind)) for kind in kinds]
    wrong: list[dict[str, Any]] = [
        {"login": Login.PASSWORD},
        {"account_id": "999"},
        {"ringcentral": None},
        {"intervention_agent_id": "u2"},
        {"enabled": False},
    ]
    return usual * 3 + [a_request(channel=a_channel(kind=kind), **each) for kind in kinds[:2] for each in wrong]


def write_logs(folder: Path, lines: int) -> None:
    """Write the log as plain files and as files packed by gzip. Ids are as random as those of Engage."""
    chance = random.Random(0)  # noqa: S311  no secret
    templates = [
        record(ESCALATE_TO_VIDEO.decide(each), at=AT, id="ID").to_json().replace('"u1"', '"AGENT"')
        for each in requests()
    ]
    agents = [f"{chance.getrandbits(96):024x}" for _ in range(2000)]
    step = timedelta(days=2) / lines
    for file in range(FILES):
        path = folder / f"{file:02}.log"
        with path.open("w") as log:
            for number in range(file * lines // FILES, (file + 1) * lines // FILES):
                at = (AT + number * step).isoformat(timespec="microseconds")[:-6]
                line = chance.choice(templates).replace(f"{AT:%Y-%m-%dT%H:%M:%S}.000000", at)
                line = line.replace('"ID"', f'"{chance.getrandbits(128):032x}"').replace("AGENT", chance.choice(agents))
                for name, old in (("message.id", "c1"), ("intervention.id", "i1"), ("message.intervention_id", "i1")):
                    line = line.replace(f'"{name}":"{old}"', f'"{name}":"{chance.getrandbits(96):024x}"')
                log.write(f"{line}\n")
        with path.open("rb") as plain, gzip.open(folder / f"{file:02}.log.gz", "wb", 6) as packed:
            shutil.copyfileobj(plain, packed)


def summary_of(path: str) -> Summary:
    """Summarize one file."""
    with open_log(path) as log:
        return summarize(read_records(log))


def replay_of(path: str) -> Replay:
    """Decide the records of one file again."""
    with open_log(path) as log:
        return replay(read_records(log), STRICTER, keep=100)


def digest(result: object) -> str:
    """Return what identifies a result."""
    return sha256(repr((result, getattr(result, "sample", None))).encode()).hexdigest()[:12]


def one(paths: list[str]) -> Sequence[object]:
    """Read all files in this process."""

    def items() -> Iterator[object]:
        for path in paths:
            with open_log(path) as log:
                yield from read_records(log)

    return [summarize(items()), replay(items(), STRICTER, keep=100)]


def in_pool(paths: list[str]) -> Sequence[object]:
    """Divide the files among processes."""
    with ProcessPoolExecutor(CORES) as pool:
        return [Summary.merge(pool.map(summary_of, paths)), Replay.merge(pool.map(replay_of, paths))]


def on_dask(paths: list[str]) -> Sequence[object]:
    """Do the same with Dask."""
    dask: Any = import_module("dask")

    with ProcessPoolExecutor(CORES, mp_context=get_context("spawn")) as pool:
        dask.config.set(scheduler="processes", pool=pool)
        bag: Any = import_module("dask.bag").from_sequence(paths, npartitions=len(paths))
        return [
            bag.map(summary_of).reduction(Summary.merge, Summary.merge).compute(),
            bag.map(replay_of).reduction(Replay.merge, Replay.merge).compute(),
        ]


def on_spark(paths: list[str]) -> Sequence[object]:
    """Do the same with Spark."""
    builder: Any = import_module("pyspark.sql").SparkSession.builder

    os.environ["PYSPARK_PYTHON"] = sys.executable
    spark: Any = builder.master(f"local[{CORES}]").config("spark.ui.enabled", "false").getOrCreate()
    files = spark.sparkContext.parallelize(paths, len(paths))
    results = [Summary.merge(files.map(summary_of).collect()), Replay.merge(files.map(replay_of).collect())]
    java = spark.sparkContext._gateway.proc
    spark.stop()
    java.stdin.close()  # so that it ends, and its CPU seconds count
    java.wait()
    return results


def with_loads(loads: Callable[[bytes], Any]) -> Callable[[list[str]], Sequence[object]]:
    """Return a loop over parsed lines that parses the time and drops repeated ids, as a summary has to."""

    def count(paths: list[str]) -> Sequence[object]:
        ids: set[str] = set()
        effects = Counter[str]()
        for path in paths:
            with Path(path).open("rb") as log:
                for line in log:
                    payload = loads(line)
                    datetime.fromisoformat(payload["at"])
                    if payload["id"] not in ids:
                        ids.add(payload["id"])
                        effects[payload["effect"]] += 1
        return [effects["deny"], effects["allow"]]

    return count


def with_orjson(paths: list[str]) -> Sequence[object]:
    """Use another parser."""
    return with_loads(import_module("orjson").loads)(paths)


def with_summary(paths: list[str]) -> Sequence[object]:
    """Use the library's summary."""
    summary = Summary.merge(map(summary_of, paths))
    return [summary.denied, summary.allowed]


def with_duckdb(paths: list[str]) -> Sequence[object]:
    """Count by effect, agent, channel, reason and day in SQL, on one thread."""
    database: Any = import_module("duckdb").connect()
    database.execute("SET threads = 1")
    database.execute(
        """CREATE TABLE d AS SELECT json->>'$.id' AS id, json->>'$.effect' AS effect, (json->>'$.at')::TIMESTAMPTZ AS made,
        json->>'$.facts."agent.id"' AS agent, json->>'$.facts."message.channel.kind"' AS channel,
        json->'$.reasons[*].code' AS codes FROM read_json_objects(?, format = 'newline_delimited')""",
        [paths],
    )
    for key in ("agent", "channel", "made::DATE", "codes"):
        database.execute(f"SELECT {key}, effect, count(DISTINCT id) FROM d GROUP BY ALL").fetchall()  # noqa: S608
    counts = dict(database.execute("SELECT effect, count(DISTINCT id) FROM d GROUP BY ALL").fetchall())
    return [counts["deny"], counts["allow"]]


def with_polars(paths: list[str]) -> Sequence[object]:
    """Count by effect in Polars."""
    pl: Any = import_module("polars")
    log = pl.scan_ndjson(paths, schema={"id": pl.String, "at": pl.String, "effect": pl.String})
    log = log.with_columns(pl.col("at").str.to_datetime("%+")).unique("id").group_by("effect").len()
    counts = dict(log.collect().iter_rows())
    return [counts["deny"], counts["allow"]]


def with_jq(paths: list[str]) -> Sequence[object]:
    """Count by effect in jq, which parses no times and drops no ids here."""
    script = 'reduce inputs as $r ({}; .[$r.effect] += 1) | "\\(.deny) \\(.allow)"'
    out = subprocess.run(["jq", "-rn", script, *paths], check=True, capture_output=True, text=True).stdout  # noqa: S607
    return [int(word) for word in out.split()]


def totals_of(number: int) -> AuditTotals:
    """Audit a domain of 5,000 agents, which is made first."""
    chance = random.Random(number)  # noqa: S311  no secret
    domain_id = f"domain{number}"
    roles = [a_role(domain_id=domain_id), a_role(id="r2", domain_id=domain_id, permissions=())]
    agents = [
        an_agent(
            id=f"u{each}",
            domain_id=domain_id,
            role=chance.choice(roles),
            enabled=chance.random() > 0.1,
            extension_id=str(each + 1),
        )
        for each in range(5000)
    ]
    return audit(Directory(domain=a_domain(id=domain_id), roles=roles, agents=agents)).totals()


def audits(count: int) -> Sequence[object]:
    """Audit domains in one process."""
    return [AuditTotals.merge(map(totals_of, range(count)))]


def audits_in_pool(count: int) -> Sequence[object]:
    """Divide the domains among processes."""
    with ProcessPoolExecutor(CORES) as pool:
        return [AuditTotals.merge(pool.map(totals_of, range(count)))]


_CASE: Final = fact(lambda r: r.intervention)
#: The facts of rows of messages, with the columns that hold them.
COLUMNS: Final[dict[Any, str]] = {
    fact(lambda r: r.agent.id): "me",
    fact(lambda r: r.message.channel.kind): "kind",
    fact(lambda r: r.message.author): "author",
    fact(lambda r: r.message.private): "private",
    fact(lambda r: r.message.intervention_id): "case_id",
    _CASE: "found",
    _CASE.then(lambda case: case.id): "found",
    _CASE.then(lambda case: case.state): "state",
    _CASE.then(lambda case: case.agent_id): "agent_id",
}
_CODES: Final = (
    "channel_supported twitter_private customer_message agent_engaged message_in_intervention intervention_owned"
)
INBOX: Final = Policy("inbox", [ESCALATE_TO_VIDEO[code] for code in _CODES.split()])


def write_rows(file: Path, count: int) -> None:
    """Write rows of messages to decide about."""
    pyarrow: Any = import_module("pyarrow")
    parquet: Any = import_module("pyarrow.parquet")
    chance = random.Random(1)  # noqa: S311  no secret
    kinds, authors = [kind.value for kind in ChannelKind], [author.value for author in MessageAuthor]
    states = [state.value for state in InterventionState]
    columns: dict[str, list[Any]] = {"id": [*range(count)], "me": ["u1"] * count}
    columns["kind"] = chance.choices(kinds, k=count)
    columns["author"] = chance.choices(authors, [8, *[1] * (len(authors) - 1)], k=count)
    columns["private"] = chance.choices([True, False, None], k=count)
    columns["case_id"] = chance.choices(["i1", "i2", None], [8, 1, 1], k=count)
    columns["found"] = [case and chance.choice([case, case, case, "i3"]) for case in columns["case_id"]]
    columns["state"] = [case and chance.choice(states) for case in columns["found"]]
    columns["agent_id"] = [case and chance.choice(["u1", "u1", "u2", None]) for case in columns["found"]]
    parquet.write_table(pyarrow.table(columns), file)


def verdicts_in_duckdb(file: str) -> Sequence[object]:
    """Decide each row in DuckDB, on one thread. Return the ids of those that are allowed."""
    condition = where(INBOX, COLUMNS)
    database: Any = import_module("duckdb").connect()
    database.execute("SET threads = 1")
    query = f"SELECT id FROM '{file}' WHERE {condition.sql} ORDER BY id"  # noqa: S608
    start = time.process_time()
    ids = [number for (number,) in database.execute(query, condition.parameters).fetchall()]
    print(f"  DuckDB decided in {time.process_time() - start:.2f} CPU s", file=sys.stderr)
    return [len(ids), digest(ids)]


def verdicts_of_decide(file: str) -> Sequence[object]:
    """Make a request of each row, and decide it."""
    parquet: Any = import_module("pyarrow.parquet")
    base, ids = a_request(), list[int]()
    channels = {kind.value: a_channel(kind=kind) for kind in ChannelKind}
    start = time.process_time()
    for batch in parquet.ParquetFile(file).iter_batches():
        for row in batch.to_pylist():
            message = a_message(
                channel=channels[row["kind"]],
                author=MessageAuthor(row["author"]),
                private=row["private"],
                intervention_id=row["case_id"],
            )
            case: Any = row["found"] and Intervention(
                id=row["found"], agent_id=row["agent_id"], state=InterventionState(row["state"])
            )
            if INBOX.decide(attrs.evolve(base, message=message, intervention=case)):
                ids.append(row["id"])
    print(f"  decide() decided in {time.process_time() - start:.2f} CPU s", file=sys.stderr)
    return [len(ids), digest(ids)]


def bytes_per_record(paths: list[str]) -> Sequence[object]:
    """Return how many bytes a record takes: as a line, packed by gzip, and as a row of Parquet packed by zstd."""
    pyarrow: Any = import_module("pyarrow")
    parquet: Any = import_module("pyarrow.parquet")
    path = Path(paths[0])
    with open_log(path) as log:
        rows = [item.to_row() for item in read_records(log) if isinstance(item, DecisionRecord)]
    file = path.with_suffix(".parquet")
    parquet.write_table(pyarrow.Table.from_pylist(rows, schema=arrow_schema()), file, compression="zstd")
    sizes = [path, Path(f"{path}.gz"), file]
    return [round(each.stat().st_size / len(rows)) for each in sizes]


CASES: Final[dict[str, Callable[[Any], Sequence[object]]]] = {
    "one process": one,
    "pool": in_pool,
    "Dask": on_dask,
    "Spark": on_spark,
    "summarize": with_summary,
    "json.loads": with_loads(json.loads),
    "orjson": with_orjson,
    "DuckDB": with_duckdb,
    "Polars": with_polars,
    "jq": with_jq,
    "audits in one process": audits,
    "audits in a pool": audits_in_pool,
    "where in DuckDB": verdicts_in_duckdb,
    "decide": verdicts_of_decide,
    "bytes per record": bytes_per_record,
}


def measure(case: str, argument: object) -> tuple[float, str]:
    """Run a case in a process of its own, print what it cost, and return its CPU seconds and its result."""
    read, write = os.pipe()
    start = time.perf_counter()
    pid = os.posix_spawn(
        sys.executable,
        [sys.executable, __file__, "--case", case, json.dumps(argument)],
        os.environ,
        file_actions=[(os.POSIX_SPAWN_DUP2, write, 1)],
    )
    os.close(write)
    with os.fdopen(read) as stream:
        result = stream.read().strip().rpartition("\n")[2]
    _, status, usage = os.wait4(pid, 0)
    wall, cpu = time.perf_counter() - start, usage.ru_utime + usage.ru_stime
    failed = " FAILED" if status else ""
    print(f"{case:<22} {wall:8.1f} s {cpu:8.1f} CPU s {usage.ru_maxrss / 1024:8.0f} MiB  {result[:60]}{failed}")
    return cpu, result


def compare(title: str, cases: str, argument: object) -> None:
    """Run some cases, and compare their CPU seconds and results with those of the first one."""
    print(f"\n{title}")
    costs = {case: measure(case, argument) for case in cases.split(", ")}
    first, *_ = costs.values()
    print("CPU ratios:", ", ".join(f"{case} {cpu / first[0]:.2f}" for case, (cpu, _) in costs.items()))
    print("results are equal:", all(result == first[1] for _, result in costs.values()))


def main(lines: int) -> None:
    """Print everything."""
    print(f"Python {platform.python_version()}, {platform.machine()}, {CORES} cores, {lines:,} lines in {FILES} files")
    with TemporaryDirectory() as name:
        folder = Path(name)
        write_logs(folder, lines)
        for suffix in (".log", ".log.gz"):
            paths = sorted(map(str, folder.glob(f"*{suffix}")))
            compare(f"Summary and replay, *{suffix}", "one process, pool, Dask, Spark", paths)
        few = sorted(map(str, folder.glob("*.log")))[:3]
        compare("Summary, three files", "summarize, json.loads, orjson, DuckDB, Polars, jq", few)
        compare("Bytes per record: line, gzip, Parquet", "bytes per record", few)
        rows = 1_000_000 if lines > 100_000 else 1000
        writer = get_context("spawn").Process(target=write_rows, args=(folder / "rows.parquet", rows))
        writer.start()
        writer.join()
        compare(f"{rows:,} verdicts", "where in DuckDB, decide", str(folder / "rows.parquet"))
    domains = 200 if lines > 100_000 else 4
    compare(f"{domains} domains of 5,000 agents", "audits in one process, audits in a pool", domains)


if __name__ == "__main__":
    if sys.argv[1:2] == ["--case"]:
        results = CASES[sys.argv[2]](json.loads(sys.argv[3]))
        print(json.dumps([result if isinstance(result, int | str) else digest(result) for result in results]))
    else:
        main(int(sys.argv[1]) if len(sys.argv) > 1 else 3_000_000)
