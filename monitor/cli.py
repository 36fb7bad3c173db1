"""The command `driftmeter`: finds the subcommand, and turns what users can mend into one line."""

import argparse
import importlib
import os
import sys
from collections.abc import Sequence
from dataclasses import dataclass

DESCRIPTION = """\
Tells the people who run machine-learning models, early and without crying wolf,
that a model is being carried off course.
"""

EXAMPLES = """\
examples:
  driftmeter check training.csv yesterday.csv         Did anything move between two files?
  driftmeter demo                                     See a model drift, alarm and be retrained.
  driftmeter validate monitor.yaml                    Is this document right? What would be?
  driftmeter up -f monitor.yaml --upstream http://127.0.0.1:8080
                                                      Watch a model server, all on this machine.
  driftmeter COMMAND --help                           More examples, and every flag.
"""


@dataclass(frozen=True, slots=True)
class Command:
    """A subcommand. Its module is imported only when it is the one that was asked for."""

    name: str
    module: str
    help: str
    extra: str = "service"


COMMANDS = (
    Command("check", "monitor.check.command", "compare two files"),
    Command("backtest", "monitor.backtest.command", "run a monitor over files"),
    Command("demo", "monitor.demo.story", "watch a small world drift", "demo"),
    Command("replay", "monitor.replay.command", "make past windows again from the log"),
    Command("validate", "monitor.spec.validate", "check Monitor documents"),
    Command("up", "monitor.up.command", "run everything on this machine", "service,embedded"),
    Command("apply", "monitor.apply.command", "send Monitor documents to a server"),
    Command("get", "monitor.apply.command", "show a server's monitors"),
    Command("history", "monitor.apply.command", "show a monitor's revisions and their changes"),
    Command("pause", "monitor.apply.command", "count a monitor's rows, but decide nothing"),
    Command("resume", "monitor.apply.command", "let a paused monitor decide again"),
    Command("delete", "monitor.apply.command", "delete a monitor of a server"),
    Command("retrain", "monitor.retraining.command", "show, approve and subscribe to retrains"),
    Command("silence", "monitor.silences.command", "tell nobody of some alerts for a while"),
    Command("alerts", "monitor.alerts.command", "show alerts and who was told; try a channel"),
    Command("deadletters", "monitor.kafka.deadletters", "show what could not be read; replay it"),
    Command("prove", "monitor.apply.prove", "push through an installation, wait for the report"),
    Command("inject", "monitor.inject.command", "put a collector into Kubernetes manifests"),
    Command("admit", "monitor.inject.webhook", "put collectors into pods as a cluster makes them"),
    Command("controller", "monitor.controller.command", "take monitors from a cluster's resources"),
    Command("alibi", "monitor.adapters.command", "run a detector saved by alibi-detect"),
    Command("collect", "monitor.collector.command", "run a collector beside a model"),
    Command("consume", "monitor.consume.command", "take predictions from other topics of Kafka"),
    Command("aggregate", "monitor.aggregate.command", "run a counter of predictions"),
    Command("detect", "monitor.detect.command", "run the detector"),
    Command("serve", "monitor.server.command", "run the API, its pages and the webhooks"),
)


# Errors that say in one line what the user can mend, by the module that raises them.
USER_ERRORS = (
    ("builtins", "OSError"),
    ("alerts.channels.settings", "SecretFileError"),
    ("monitor.collector.access", "AccessError"),
    ("monitor.collector.tokens", "TokenError"),
    ("monitor.consume.sources", "SourceError"),
    ("detectors.backend", "BackendError"),
    ("detectors.reference", "ReferenceError"),
    ("monitor.adapters.alibi", "AlibiError"),
    ("monitor.adapters.folder_digest", "FolderError"),
    ("monitor.apply.client", "ApiError"),
    ("monitor.sql.database", "DatabaseError"),
    ("monitor.replay.reported", "ReplayError"),
    ("monitor.server.identities", "TokenFileError"),
    ("monitor.spec.documents", "DocumentError"),
    ("monitor.sql.store", "StoreError"),
    ("monitor.files", "FileError"),
    ("monitor.inject.manifests", "ManifestError"),
    ("monitor.leaving.hash_key", "HashKeyError"),
    ("monitor.kafka.connecting", "BrokerUnavailableError"),
    ("monitor.kafka.security", "SecurityError"),
    ("monitor.kafka.records", "TopicsError"),
    ("monitor.spool.errors", "SpoolError"),
)

ROOMS = ("alerts", "detectors", "monitor")


def main(argv: Sequence[str] | None = None) -> int:
    """Runs a command line; returns its exit code.

    2 for what the user can mend, said in one line; 130 after Ctrl-C.
    """
    arguments = sys.argv[1:] if argv is None else argv
    # Matrices are small here: threads would cost more than they bring. Read when NumPy is imported.
    os.environ.setdefault("OPENBLAS_NUM_THREADS", "1")
    try:
        return _run(arguments)
    except KeyboardInterrupt:
        return 130
    except ModuleNotFoundError as error:
        command = _command(arguments)
        if command is None or _is_ours(error):
            raise
        return _say(
            f"{command.name} needs more than the collector's install ({error.name} is missing): "
            f"pip install 'driftmeter[{command.extra}]'"
        )
    except _user_errors() as error:
        return _say(_problem(error))


def parse(arguments: Sequence[str]) -> argparse.Namespace:
    """The flags of a command line; its `run` is what to call with them.

    Leaves by SystemExit where argparse does: after --help, and on a usage error.
    """
    parser = argparse.ArgumentParser(
        prog="driftmeter",
        description=DESCRIPTION,
        epilog=EXAMPLES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    parser.add_argument("--version", action=_Version, nargs=0, help="say which this is, and exit")
    parser.set_defaults(run=lambda _: _help(parser))
    subparsers = parser.add_subparsers(title="commands", metavar="COMMAND")
    if command := _command(arguments):
        importlib.import_module(command.module).add_parser(subparsers)
    else:
        for known in COMMANDS:
            subparsers.add_parser(known.name, help=known.help, add_help=False)
    return parser.parse_args(arguments)


def _command(arguments: Sequence[str]) -> Command | None:
    return next((command for command in COMMANDS if [command.name] == [*arguments[:1]]), None)


def _run(arguments: Sequence[str]) -> int:
    args = parse(arguments)
    exit_code: int = args.run(args)
    return exit_code


def _help(parser: argparse.ArgumentParser) -> int:
    parser.print_help()
    return 2


class _Version(argparse.Action):
    """Looked up only when it was asked for: that takes as long as all else before a command."""

    def __call__(self, parser: argparse.ArgumentParser, *_: object) -> None:
        from importlib import metadata  # noqa: PLC0415 - see above

        print(f"driftmeter {metadata.version('driftmeter')}")
        parser.exit()


def _say(problem: str) -> int:
    print(f"driftmeter: {problem}", file=sys.stderr)
    return 2


def _problem(error: BaseException) -> str:
    """What is wrong, in words; of the operating system's errors without their numbers."""
    if not isinstance(error, OSError) or error.strerror is None:
        return str(error)
    return error.strerror if error.filename is None else f"{error.filename}: {error.strerror}"


def _is_ours(error: ModuleNotFoundError) -> bool:
    return (error.name or "").partition(".")[0] in ROOMS


def _user_errors() -> tuple[type[BaseException], ...]:
    """Of the modules that were imported: nothing else can have been raised."""
    return tuple(
        getattr(sys.modules[module], name) for module, name in USER_ERRORS if module in sys.modules
    )


if __name__ == "__main__":
    sys.exit(main())
