"""What the backend opens when it starts, and closes when it ends."""

import json
import os
import ssl
from collections.abc import AsyncGenerator
from contextlib import AsyncExitStack, asynccontextmanager
from datetime import timedelta

import attrs
import httpx
from sqlalchemy.ext.asyncio import AsyncEngine, create_async_engine

from escalation_policy import Domain
from escalation_policy.engage.api import AsyncEngageApi
from escalation_policy.ledgers.sqlalchemy import AsyncSQLAlchemyCallLedger
from escalation_policy.records import DecisionLogger

from .cases import create_table
from .logs import DECISIONS
from .ringcentral import RingCentral


@attrs.frozen
class Services:
    """The APIs, the database and the log of this backend."""

    domain: Domain
    client: httpx.AsyncClient
    engage: AsyncEngageApi
    ringcentral: RingCentral
    database: AsyncEngine
    ledger: AsyncSQLAlchemyCallLedger
    decisions: DecisionLogger


@asynccontextmanager
async def open_services() -> AsyncGenerator[Services]:
    """Open everything, so that a wrong address shows up at the start, and not at the first click."""
    limits = httpx.Limits(max_connections=20)  # more at once make no API faster
    tls = ssl.create_default_context()  # all clients share it, as it takes about 40 ms to make
    async with AsyncExitStack() as stack:

        async def open_client(url: str, token: str) -> httpx.AsyncClient:
            headers = {"Authorization": f"Bearer {token}"}
            client = httpx.AsyncClient(base_url=url, headers=headers, verify=tls, limits=limits)
            return await stack.enter_async_context(client)

        def open_database() -> AsyncEngine:
            engine = create_async_engine(os.environ.get("DATABASE_URL", "sqlite+aiosqlite:///helpdesk.db"))
            stack.push_async_callback(engine.dispose)
            return engine

        domain = Domain(id=os.environ["ENGAGE_DOMAIN"], ringcentral_account_id=os.environ["RINGCENTRAL_ACCOUNT_ID"])
        client = await open_client(os.environ["ENGAGE_URL"], os.environ["ENGAGE_TOKEN"])
        tokens = json.loads(os.environ["RINGCENTRAL_TOKENS"])
        url = os.environ["RINGCENTRAL_URL"]
        services = Services(
            domain=domain,
            client=client,
            engage=AsyncEngageApi(client, domain=domain, timeout=timedelta(seconds=30)),
            ringcentral=RingCentral({extension: await open_client(url, tokens[extension]) for extension in tokens}),
            database=open_database(),
            ledger=AsyncSQLAlchemyCallLedger(open_database()),  # a pool of its own: no request holds its connections
            decisions=DecisionLogger(DECISIONS),
        )
        await create_table(services.database)
        await services.ledger.forget_lapsed()
        yield services
