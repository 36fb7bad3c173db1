"""`driftmeter deadletters`: what could not be read, and how to send it back once it can be."""

import argparse
import sys
import time
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass
from typing import Self

import orjson

from monitor import flags
from monitor.kafka.connecting import Broker
from monitor.kafka.messages import DEADLY, Header, KafkaHeaders, header
from monitor.kafka.publishing import Message, Publisher
from monitor.kafka.records import Record
from monitor.kafka.tail import tail

CLIENT = "driftmeter-deadletters"
READ_TIMEOUT_S = 60.0
SHOWN_BYTES = 2_000
_OURS = frozenset({Header.SOURCE, Header.REASON, Header.COLLECTOR, Header.SEQUENCE})
"""Headers that are not sent back: those of the letter, and those that would make it a repeat."""

_DESCRIPTION = """\
A message that cannot be read is set aside in the topic of dead letters: its bytes and headers as
they were, where it lay, and why it could not be read. The rest moves on; these rows are in no
report. Once the cause is mended (a producer's format, a schema, a version of Driftmeter), they are
sent back to where they lay and are counted in the windows of their own times.
"""

_EXAMPLES = """\
examples:
  driftmeter deadletters list
      the latest fifty: id, time, monitor, where it lay, why
  driftmeter deadletters list --monitor free-seats --since 24h --json
      a JSON object a line, for jq
  driftmeter deadletters show 17
      headers, reason and the first bytes of one
  driftmeter deadletters show 17 --raw > message.bin
      its bytes as they came
  driftmeter deadletters replay 17 18
      sends two of them back
  driftmeter deadletters replay --all --reason "has no id" --dry-run
      says what would be sent back, and sends nothing
"""

_REPLAY = """\
A letter goes back to its topic and partition with the headers it came with. What cannot be read
this time either becomes a dead letter again, and nothing is lost. A letter that came to lie here
several times, for a crash, is sent back once. Letters of a collector, which Kafka refused, have no
place in the log to go back to; a record that killed the process is sent back only if it is named.
"""


@dataclass(frozen=True, slots=True)
class Letter:
    """A dead letter. source: where it lay; None where it never came into the log."""

    id: str
    record: Record
    source: tuple[str, int, int] | None

    @classmethod
    def of(cls, record: Record) -> Self:
        place = header(record.headers, Header.SOURCE) or ""
        source: tuple[str, int, int] | None = None
        match place.rsplit("/", 2):
            case [topic, partition, offset] if partition.isdigit() and offset.isdigit():
                source = topic, int(partition), int(offset)
        number = f"{record.partition}/" if record.partition else ""
        return cls(f"{number}{record.offset}", record, source)

    @property
    def reason(self) -> str:
        return header(self.record.headers, Header.REASON) or "unknown"

    @property
    def monitor(self) -> str | None:
        return header(self.record.headers, Header.MONITOR)

    @property
    def came_from(self) -> str:
        return header(self.record.headers, Header.SOURCE) or "unknown"

    def to_json(self) -> dict[str, object]:
        return {
            "id": self.id,
            "time": self.record.time,
            "monitor": self.monitor,
            "source": self.came_from,
            "reason": self.reason,
            "content_type": header(self.record.headers, Header.CONTENT_TYPE),
            "bytes": len(self.record.value),
        }

    def sent_back(self) -> Message:
        """The message as it was, for where it lay."""
        assert self.source is not None
        headers: KafkaHeaders = [one for one in self.record.headers if one[0] not in _OURS]
        return Message(self.source[0], None, self.record.value, headers, self.source[1])


def letters(
    broker: Broker,
    *,
    last: int | None = None,
    timeout_s: float = READ_TIMEOUT_S,
    monotonic: Callable[[], float] = time.monotonic,
) -> Iterator[Letter]:
    """All that there are now, by partition and age; or the last so many of each partition.

    Raises BrokerUnavailableError.
    """
    found = tail(
        broker,
        broker.topics.dead_letters,
        client_id=CLIENT,
        last=last,
        timeout_s=timeout_s,
        monotonic=monotonic,
    )
    return map(Letter.of, found)


def add_parser(subparsers: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = subparsers.add_parser(
        "deadletters",
        help="what could not be read",
        description=_DESCRIPTION,
        epilog=_EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.set_defaults(run=lambda _: _usage(parser))
    commands = parser.add_subparsers(title="commands", metavar="COMMAND")
    _add_list(commands)
    _add_show(commands)
    _add_replay(commands)


def _usage(parser: argparse.ArgumentParser) -> int:
    parser.print_help()
    return 2


def _add_list(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("list", help="show the latest of them")
    _add_choice(parser)
    parser.add_argument(
        "--limit", type=int, default=50, metavar="N", help="show at most the latest N (default 50)"
    )
    parser.add_argument("--json", action="store_true", help="print a JSON object a line")
    flags.add_broker(parser)
    parser.set_defaults(run=run_list)


def _add_show(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser("show", help="show one of them")
    parser.add_argument("id", metavar="ID", help="as `list` shows it")
    parser.add_argument("--raw", action="store_true", help="write its bytes and nothing else")
    flags.add_broker(parser)
    parser.set_defaults(run=run_show)


def _add_replay(commands: "argparse._SubParsersAction[argparse.ArgumentParser]") -> None:
    parser = commands.add_parser(
        "replay", help="send some of them back to where they lay", description=_REPLAY
    )
    parser.add_argument("ids", metavar="ID", nargs="*", help="as `list` shows them")
    parser.add_argument("--all", action="store_true", help="all that the flags below leave")
    _add_choice(parser)
    parser.add_argument("--dry-run", action="store_true", help="say what would be sent")
    flags.add_broker(parser)
    parser.set_defaults(run=run_replay)


def _add_choice(parser: argparse.ArgumentParser) -> None:
    parser.add_argument("--monitor", metavar="NAME", help="only letters for this monitor")
    parser.add_argument("--reason", metavar="TEXT", help="only letters whose reason holds this")
    parser.add_argument(
        "--since",
        metavar="DURATION",
        type=flags.duration,
        help="only letters that were set aside so recently, such as 24h",
    )


def run_list(args: argparse.Namespace) -> int:
    found = list(_chosen(letters(flags.broker(args)), args, now=time.time()))
    shown = found[-args.limit :] if args.limit > 0 else []
    if args.json:
        for letter in shown:
            print(orjson.dumps(letter.to_json()).decode())
        return 0
    if not found:
        print("no dead letters")
        return 0
    rows = [("id", "set aside", "monitor", "from", "why"), *map(_row, shown)]
    widths = [max(len(row[i]) for row in rows) for i in range(4)]
    for row in rows:
        cells = [cell.ljust(width) for cell, width in zip(row, widths, strict=False)]
        print("  ".join([*cells, row[4]]))
    if len(shown) < len(found):
        print(f"… the latest {len(shown)} of {len(found)}")
    return 0


def run_show(args: argparse.Namespace) -> int:
    letter = next((one for one in letters(flags.broker(args)) if one.id == args.id), None)
    if letter is None:
        return _say(f"there is no dead letter {args.id!r}; `driftmeter deadletters list` shows all")
    value = letter.record.value
    if args.raw:
        sys.stdout.buffer.write(value)
        return 0
    print(f"id       {letter.id}")
    print(f"reason   {printable(letter.reason)}")
    print(f"source   {printable(letter.came_from)}")
    print(f"time     {_time(letter.record.time)}")
    for name, told in letter.record.headers:
        if name not in (Header.SOURCE, Header.REASON):
            print(f"header   {printable(name)}: {_shown(told)}")
    print(f"value    {len(value)} bytes\n{_shown(value[:SHOWN_BYTES])}")
    if len(value) > SHOWN_BYTES:
        print(f"… {len(value) - SHOWN_BYTES} more; --raw writes all of them")
    return 0


def run_replay(args: argparse.Namespace) -> int:
    if bool(args.ids) == args.all:
        return _say("name letters, or give --all")
    broker = flags.broker(args)
    found = list(_chosen(letters(broker), args, now=time.time()))
    if missing := set(args.ids) - {letter.id for letter in found}:
        return _say(f"there is no dead letter {', '.join(sorted(missing))}")
    wanted = [one for one in found if one.id in args.ids or (args.all and one.reason != DEADLY)]
    ready = list({one.source: one for one in wanted if one.source is not None}.values())
    homeless = [one for one in wanted if one.source is None]
    for letter in homeless:
        print(f"{letter.id}: has no place in the log to go back to", file=sys.stderr)
    for letter in ready:
        print(f"{letter.id} → {letter.came_from.rpartition('/')[0]}")
    if args.dry_run:
        print(f"{len(ready)} would be sent back")
        return 0
    send_back(broker, ready)
    print(f"{len(ready)} sent back")
    return 1 if homeless else 0


def send_back(broker: Broker, ready: Sequence[Letter]) -> None:
    """Sends letters to where they lay; each must have a source."""
    if not ready:
        return
    publisher = Publisher(broker, client_id=CLIENT)
    try:
        publisher.deliver([letter.sent_back() for letter in ready])
    finally:
        publisher.close()


def _chosen(found: Iterable[Letter], args: argparse.Namespace, *, now: float) -> Iterator[Letter]:
    for letter in found:
        if args.monitor is not None and letter.monitor != args.monitor:
            continue
        if args.reason is not None and args.reason not in letter.reason:
            continue
        if args.since is not None and letter.record.time < now - args.since:
            continue
        yield letter


def _row(letter: Letter) -> tuple[str, str, str, str, str]:
    return (
        letter.id,
        _time(letter.record.time),
        printable(letter.monitor or "–"),
        printable(letter.came_from),
        printable(letter.reason),
    )


def _time(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _shown(raw: bytes) -> str:
    return printable(raw.decode("utf-8", errors="backslashreplace"))


def printable(text: str) -> str:
    """Nothing that a terminal would act on: these are strangers' bytes."""
    return "".join(c if c.isprintable() else c.encode("unicode_escape").decode() for c in text)


def _say(problem: str) -> int:
    print(f"driftmeter: {problem}", file=sys.stderr)
    return 2
