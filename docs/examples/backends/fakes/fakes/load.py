"""Click 200 times at once on messages of 20 cases: `python -m fakes.load ADDRESS COMMAND…`.

The command serves the backend at the address, with two workers: `-m uvicorn --workers 2 --port 8000 helpdesk.app:app`.
"""

import asyncio
import subprocess
import sys
from collections import Counter
from time import perf_counter, sleep

import httpx

from .serving import environment, running
from .world import World


async def click_at_once(url: str, messages: list[str]) -> tuple[Counter[str], float]:
    """Click on each message, all at once, and return how often each outcome was answered, and the seconds."""
    limits = httpx.Limits(max_connections=None, max_keepalive_connections=0)  # gunicorn closes idle ones soon
    async with httpx.AsyncClient(base_url=url, limits=limits, timeout=120) as client:
        await client.get("/login")
        client.headers["X-CSRFToken"] = client.cookies.get("csrftoken", "")  # Django
        start = perf_counter()
        answers = await asyncio.gather(*(client.post(f"/api/messages/{message}/call") for message in messages))
        seconds = perf_counter() - start
    bodies = [answer.json() for answer in answers]
    return Counter(body.get("outcome") or body.get("code", "?") for body in bodies), seconds


def wait_for(url: str, command: subprocess.Popen[bytes]) -> None:
    """Wait until the backend has started."""
    while command.poll() is None:
        try:
            httpx.get(url)
        except httpx.TransportError:
            sleep(0.1)
        else:
            return
    sys.exit("the backend has ended")


def main() -> None:
    """Run the backend, click, and print what happened."""
    world = World()
    with running(world) as address:
        command = subprocess.Popen([sys.executable, *sys.argv[2:]], env=environment(world, address))  # noqa: S603
        try:
            messages = [f"message-{number % 20 + 1}" for number in range(200)]
            wait_for(sys.argv[1], command)
            outcomes, seconds = asyncio.run(click_at_once(sys.argv[1], messages))
        finally:
            command.terminate()
            command.wait()
    print(f"{outcomes.total()} clicks in {seconds:.1f} s: {dict(outcomes)}")  # noqa: T201  for a person
    print(f"{len(world.bridges)} calls, {len(world.replies)} links sent, {world.wrong_requests or 'no'} wrong requests")  # noqa: T201
    sys.exit(len(world.bridges) != 20 or len(world.replies) != 20)


if __name__ == "__main__":
    main()
