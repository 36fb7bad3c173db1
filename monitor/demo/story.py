"""`driftmeter demo`: a model in a small world, a lockdown, an alarm, and a better model.

Nothing here is played: the same processes run as under `driftmeter up`, and what is told was
read from their API and from what the retraining pipeline printed.
"""

import argparse
import signal
import sys
import time
from collections.abc import Iterator
from contextlib import ExitStack
from datetime import date
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any, NoReturn
from urllib.parse import urlsplit

from rich.console import Console

from monitor.apply.client import ApiError, Client
from monitor.demo import telling, world
from monitor.demo.events import Following, Lines
from monitor.demo.narrator import Narrator
from monitor.demo.telling import Storyteller
from monitor.demo.world import Folder
from monitor.server import wording
from monitor.up import starting as up
from monitor.up.supervisor import NotReadyError, ProcessDiedError, Supervisor, free_port

DESCRIPTION = """\
A model predicts the free seats of a tram line. Normal weeks pass; then a lockdown begins.
Watch Driftmeter notice, say what changed, and have the model retrained. Takes about a minute,
needs no network, and leaves nothing behind.
"""
EXAMPLES = """\
examples:
  driftmeter demo                      The story, from the first week to the summary.
  driftmeter demo --keep               Go on afterwards, until Ctrl-C: look at the pages.
  driftmeter demo --day-seconds 1.5    Slower, to look at the pages meanwhile.
"""

_POLL_S = 0.1
_FLUSH_S = 0.2
_SETTLE_S = 60.0
_ONE_THREAD = {"OMP_NUM_THREADS": "1"}
"""Few rows at a time: on a busy machine, threads that wait for one another cost seconds."""
_TAIL_LINES = 5
_RECENT_DAYS = 6
"""How many of the latest reports are looked at in every poll."""
_LAST_DAYS = 3
"""The story ends so many reported days after the alert is resolved."""


class StoryError(Exception):
    """The story did not go as it should; the message says what is missing."""


def add_parser(subparsers: Any) -> None:
    parser = subparsers.add_parser(
        "demo",
        help="watch a small world drift",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--keep", action="store_true", help="go on until Ctrl-C")
    parser.add_argument(
        "--day-seconds",
        type=float,
        default=0.7,
        metavar="SECONDS",
        help="how long a simulated working day takes (default %(default)s)",
    )
    parser.add_argument(
        "--limit",
        type=float,
        default=600.0,
        metavar="SECONDS",
        help="give up when the story has not ended by then (default %(default)s)",
    )
    parser.set_defaults(run=run)


def run(args: argparse.Namespace) -> int:
    """Plays the demo; 0 when the story ended well, 1 when something in it failed."""
    signal.signal(signal.SIGTERM, _stop)
    console = Console(width=None if sys.stdout.isatty() else 100)
    with ExitStack() as stack:
        folder = Folder(Path(stack.enter_context(TemporaryDirectory(prefix="driftmeter-demo-"))))
        supervisor = stack.enter_context(Supervisor(folder.path / "logs"))
        out = stack.enter_context(Narrator(console))
        try:
            _play(args, folder, supervisor, out)
        except (StoryError, ApiError, NotReadyError, ProcessDiedError) as error:
            out.quiet()
            out.heading("The demo failed", style="bold red")
            out.line(str(error))
            return 1
    return 0


def _stop(_signum: int, _frame: object) -> NoReturn:
    """SIGTERM leaves through every `with` block, as a return would."""
    sys.exit(128 + signal.SIGTERM)


def _play(args: argparse.Namespace, folder: Folder, supervisor: Supervisor, out: Narrator) -> None:
    out.heading("Free seats on a tram line")
    _prepare(folder, out)
    began = time.monotonic()
    addresses = _start(folder, supervisor, out)
    teller = Storyteller(out, world.LOCKDOWN, lambda: time.monotonic() - began)
    with Client(addresses.api_url) as api:
        _declare(folder, api, out)
        _start_traffic(args.day_seconds, folder, supervisor, addresses)
        out.heading("Normal weeks")
        following = _follow(supervisor, api, teller, out)
        for _ in following:
            if teller.days_since_resolved >= _LAST_DAYS:
                break
            if time.monotonic() - began > args.limit:
                waited = f"After {args.limit:.0f} seconds {teller.missing()}."
                raise StoryError(waited + _tails(supervisor))
        _sum_up(teller, api, out)
        if args.keep:
            out.heading("All goes on until you press Ctrl-C")
            _show(addresses, out)
            for _ in following:
                pass


def _prepare(folder: Folder, out: Narrator) -> None:
    """Trains the model that is to be watched, and writes its reference."""
    # scikit-learn takes a second to import, which `driftmeter demo --help` need not.
    from monitor.demo import prepare  # noqa: PLC0415

    out.progress("simulating a year of rides …")
    training = prepare.rides(world.TRAINING)
    out.line(f"a year of rides simulated: {wording.count(training.num_rows)} in rush hours")
    out.progress("training a model of free seats …")
    model = prepare.write_model(folder, training)
    out.line("a model of free seats trained on them")
    out.progress("trying it on the spring that followed …")
    error = prepare.write_reference(folder, model, prepare.rides(world.VALIDATION))
    out.line(f"tried on the spring that followed, its reference: wrong by {error:.1f} seats")


def _start(folder: Folder, supervisor: Supervisor, out: Narrator) -> up.Addresses:
    """Starts every process but the traffic."""
    out.progress("starting the model server, Driftmeter and the retraining pipeline …")
    model_server, retraining = (f"http://127.0.0.1:{free_port()}" for _ in range(2))
    folder.write_monitor(f"{retraining}/retrain")
    supervisor.start(
        "model-server",
        _module("model_server", "--repository", folder.models, _port(model_server)),
        env=_ONE_THREAD,
    )
    settings = up.Settings(data=folder.path / "data", upstream=model_server, flush_s=_FLUSH_S)
    addresses = up.start(supervisor, settings)
    supervisor.start(
        "retraining",
        _module(
            *("pipeline", "--folder", folder.path, "--secret-file", folder.secret),
            *("--model-server", model_server, "--api", addresses.api_url, _port(retraining)),
        ),
        ready=f"{retraining}/healthz",
        env=_ONE_THREAD,
    )
    supervisor.wait(f"{model_server}/v2/health/ready")
    _show(addresses, out)
    return addresses


def _start_traffic(
    day_seconds: float, folder: Folder, supervisor: Supervisor, addresses: up.Addresses
) -> None:
    supervisor.start(
        "traffic",
        _module(
            *("traffic", "--model", f"http://{addresses.listen}"),
            *("--ingest", f"http://{addresses.ingest}", "--warehouse", folder.warehouse),
            *("--night", folder.night),
            *("--first-day", world.FIRST_DAY, "--lockdown", world.LOCKDOWN),
            *("--rows-per-day", world.ROWS_PER_DAY, "--seed", world.SEED),
            *("--day-seconds", day_seconds),
        ),
    )


def _module(name: str, *arguments: object) -> list[str]:
    """The command line of one of the demo's programs."""
    return [sys.executable, "-P", "-m", f"monitor.demo.{name}", *map(str, arguments)]


def _port(url: str) -> str:
    return f"--port={urlsplit(url).port}"


def _show(addresses: up.Addresses, out: Narrator) -> None:
    out.line("where to look while it runs:")
    rows = [
        ("web page", f"{addresses.api_url}/"),
        ("API", f"{addresses.api_url}/docs"),
        *((f"metrics of {role}", url) for role, url in addresses.metrics_urls.items()),
    ]
    out.table(rows, margin=4)


def _declare(folder: Folder, api: Client, out: Narrator) -> None:
    """Declares the monitor and waits until it is in force."""
    out.progress("fitting the reference …")
    monitor = folder.document(version=1)
    put = api.put_monitor(monitor)
    now = api.settle(world.NAME, put["revision"], timeout_s=_SETTLE_S)
    if now["status"] != "active":
        raise StoryError(f"The monitor is {now['status']}: {now['reason']}")
    budget = monitor.spec.detection.false_alarms
    out.line(f"monitor {world.NAME} is active, its budget of false alarms: at most {budget}")


def _follow(
    supervisor: Supervisor, api: Client, teller: Storyteller, out: Narrator
) -> Iterator[None]:
    """Tells what happens, for ever; yields after every look."""
    following = Following()
    traffic, retraining = (Lines(supervisor.log(name)) for name in ("traffic", "retraining"))
    while True:
        supervisor.check()
        for line in traffic.new():
            day = date.fromisoformat(line["day"])
            teller.today(day)
            out.progress(f"{telling.long_day(day)}: {line['rows']} rides")
        # Causes are told before effects, so effects are looked at first: what the pipeline says
        # follows from an alert, and an alert from its report.
        steps, alerts = list(retraining.new()), api.alerts(world.NAME)
        for event in following.reported(api.reports(world.NAME, limit=_RECENT_DAYS)):
            teller.tell(event)
        for event in following.alerted(alerts):
            teller.tell(event)
        for step in steps:
            teller.step(step)
            if step["step"] == "failed":
                raise StoryError(f"The retraining pipeline failed: {step['reason']}")
        yield
        time.sleep(_POLL_S)


def _tails(supervisor: Supervisor) -> str:
    """The last lines that the processes on the way of the data have logged."""
    logs = {name: supervisor.log(name) for name in ("traffic", "collect", "aggregate", "detect")}
    tails = {
        name: log.read_text(errors="replace").splitlines()[-_TAIL_LINES:]
        for name, log in logs.items()
        if log.exists()
    }
    return "".join("\n".join((f"\n--- {name}", *lines)) for name, lines in tails.items())


def _sum_up(teller: Storyteller, api: Client, out: Narrator) -> None:
    out.quiet()
    out.heading("What happened when")
    out.table(telling.summary_table(teller.moments))
    alarms = "no false alarm" if not teller.false_alarms else f"{teller.false_alarms} false alarms"
    out.line(f"{teller.quiet_days} quiet days before the lockdown, {alarms}.")
    for retrain in api.retrains(world.NAME):
        out.line(f"the retrain: {telling.retrain_line(retrain)}.")
