"""A command line -> the work, and the exit code that its supervisor reads."""

import argparse
import os
import sys
import zlib
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from importlib.metadata import PackageNotFoundError, version
from pathlib import Path
from typing import Final

import msgspec
from msgspec.structs import replace

from schemas import acls, kpi_sets
from schemas import config as configs
from schemas.config import Config
from schemas.kpi_sets import PRESETS, preset, preset_text
from schemas.printable import printable, printable_json
from schemas.strict import ConfigError, nearest
from schemas.taxonomy import Taxonomy
from schemas.topics import TOPICS
from streams import saying
from streams.measure.times import BadTime, second
from streams.shell.now import now_ms

CODES: Final = """\
exit codes: 0 done, or drained and stopped; 2 the config or the command cannot be used; 3 the broker is not there, or
its topics do not fit; 4 in doubt: the worker ended without a commit, start it again"""


def main(argv: Sequence[str] | None = None) -> int:
    """Run a command. What is the user's to put right is one sentence and a code; all else is a bug and raises."""
    args = parser().parse_args(argv)
    work: Callable[[argparse.Namespace], int] = args.work
    try:
        code = work(args)
        sys.stdout.flush()
        return code
    except ConfigError as wrong:
        return _refused(wrong, 2)
    except BrokenPipeError:  # whoever read our output, `head` say, has seen enough
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0
    except KeyboardInterrupt:
        return 130


def _run(args: argparse.Namespace) -> int:
    config = _named(_config(args), args.name)

    def work() -> int:
        from streams.shell.app import run

        return run(config)

    return _with_shell(work)


def _replay(args: argparse.Namespace) -> int:
    config = _config(args)
    if args.files and (args.since or args.as_recorded):
        raise ConfigError(
            "--since and --as-recorded are about the recorded tallies: say --topic, and no files - at `replay`"
        )
    if (args.json or args.findings) and (args.files or args.as_recorded):
        raise ConfigError("--json and --findings are about what another config would have found - at `replay`")
    if args.json and args.findings:
        raise ConfigError(
            "--json writes the difference, --findings what would be found; say one of the two - at `replay`"
        )
    if bool(args.files) == args.topic:
        raise ConfigError("name files of events, or say --topic, one of the two - at `replay`")
    from streams import replay, trial

    if args.files:
        for path in args.files:
            if not path.is_file():
                raise ConfigError(f"no file of events at `{path}`")
        return _write(_readable(replay.files(config, args.files)))

    def work() -> int:
        from streams.shell import tallies

        compares = not (args.findings or args.as_recorded)
        # The log alone may have lost the word by which config it is decided; a snapshot has it, and what was learned.
        begun = tallies.snapshots(config, _moment(args.since) if args.since else None) if args.since or compares else {}
        recorded = tallies.recorded(config, {partition: start.next for partition, start in begun.items()})
        quarantines = tallies.quarantines(config)
        if not compares:
            return _write(replay.topic(config, recorded, begun, quarantines, as_recorded=args.as_recorded))
        told = replay.trial(config, recorded, begun, quarantines)
        print(printable_json(msgspec.json.encode(told).decode()) if args.json else "\n".join(trial.lines(told)))
        return 0

    return _with_shell(work)


def _moment(said: str) -> int:
    """Read a time in seconds since 1970."""
    try:
        return second(said)
    except BadTime as wrong:
        raise ConfigError(f"{wrong} - at `--since`") from None


def _check(args: argparse.Namespace) -> int:
    from streams import guard, promise
    from streams.shell import secret

    config = configs.load(args.config)
    if (args.json or args.service) and not args.live:
        raise ConfigError("--json and --service are about a running system: say --live, too - at `check`")
    secret.check(config)
    if args.live:
        return _check_live(args, config)
    print(f"# The effective config of {args.config}: every setting, by default where the file says nothing.")
    print(configs.show(config))
    for line in (*promise.lines(config), "", *guard.lines(config)):
        print(f"# {line}".rstrip())
    return 0


def _kpis(args: argparse.Namespace) -> int:
    """Print a set of KPIs that is shipped, or name them."""
    if args.preset is None:
        return _print(f"{name}: {preset(name).use_case}, {len(preset(name).kpis)} KPIs" for name in PRESETS)
    if args.preset not in PRESETS:
        raise ConfigError(f"no preset `{args.preset}`; {nearest(args.preset, PRESETS)}presets: {', '.join(PRESETS)}")
    sys.stdout.write(preset_text(args.preset))
    return 0


def _check_live(args: argparse.Namespace, config: Config) -> int:
    """Say how it stands with every service of a running system."""

    def work() -> int:
        from streams import standing
        from streams.shell import tallies
        from streams.watch import effective
        from streams.watch.plan import Plan

        plan, found, as_written = Plan.of(config, Taxonomy.load_default()), [], True
        for held in tallies.states(config):
            own = held.position.own
            as_written &= own.config in ("", effective.said(config))
            asked = [one for one in held.states.values() if args.service in (None, one.service)]
            found += [standing.standing(one, plan, one.service in own.quarantined) for one in asked]
        if args.service and not found:
            raise ConfigError(f"no state of a service `{args.service}` was written yet - at `--service`")
        found.sort(key=lambda one: one.service)
        if args.json:
            return _write(map(msgspec.json.encode, found))
        for line in standing.lines(found, as_written):
            print(line.rstrip())
        return 0

    return _with_shell(work)


def _incidents(args: argparse.Namespace) -> int:
    """List incidents from the topic of their present state."""
    config = _config(args)

    def work() -> int:
        from streams.shell import found
        from streams.story import listed, log

        state = found.logs(config, ["incidents_state"], needed="incidents_state")["incidents_state"]
        present = log.latest(log.read(state, log.incidents)).values()
        some = listed.chosen(present, args.service, ended=args.all)
        if args.json:
            return _write(map(msgspec.json.encode, some))
        return _print(listed.lines(some, ended=args.all))

    return _with_shell(work)


def _explain(args: argparse.Namespace) -> int:
    """Tell the story of one episode from the topics alone."""
    config = _config(args)

    def work() -> int:
        from streams.shell import found
        from streams.story import gathered, looked, told

        story = gathered.gather(args.id, found.logs(config, gathered.ROLES, needed="incidents"))
        if args.events:
            wanted = looked.exemplars(story.steps)
            story = replace(story, events=looked.looked(wanted, found.records(config, wanted)))
        if args.json:
            return _write([msgspec.json.encode(story)])
        return _print(told.lines(story))

    return _with_shell(work)


def _failures(args: argparse.Namespace) -> int:
    """Say how each release fails, as it was last reported."""
    config = _config(args)

    def work() -> int:
        from streams.shell import found
        from streams.story import failing

        log = found.logs(config, ["failures"], needed="failures")["failures"]
        reports = failing.reported(log, args.service, args.release)
        if args.json:
            return _write(map(msgspec.json.encode, reports))
        return _print(failing.lines(reports))

    return _with_shell(work)


def _scorecard(args: argparse.Namespace) -> int:
    """Say what the releases of a service are held against, and how they stand."""
    config, now = _config(args), now_ms()

    def work() -> int:
        from streams.shell import found
        from streams.story import scored

        log = found.logs(config, ["scorecards"], needed="scorecards")["scorecards"]
        cards = scored.chosen(log, args.service, args.release, now)
        if args.json:
            return _write(map(msgspec.json.encode, cards))
        return _print(scored.lines(cards, now))

    return _with_shell(work)


def _budgets(args: argparse.Namespace) -> int:
    """Say what is left of error budgets, and how the last week was, by the hours that were kept."""
    config = _config(args)

    def work() -> int:
        from streams.longer import budgets, hours, lines
        from streams.shell import found
        from streams.watch.plan import Plan

        log = found.logs(config, ["rollups"], needed="rollups", key=hours.key_of(args.service))["rollups"]
        plan = Plan.of(config, Taxonomy.load_default())
        said = budgets.longer(plan, hours.hours(log, args.service, config))
        return _write([msgspec.json.encode(said)]) if args.json else _print(lines.lines(said))

    return _with_shell(work)


def _calibrate(args: argparse.Namespace) -> int:
    """Propose targets and bands, by the hours that were kept."""
    config = _config(args)
    if not 7 <= args.days <= 396:
        raise ConfigError(f"a history is of 7 to 396 days, thirteen months, and not of {args.days} - at `--days`")
    kpis = kpi_sets.load(args.kpis, config)

    def work() -> int:
        from streams.longer import calibrate, hours
        from streams.shell import found
        from streams.watch.plan import Plan

        log = found.logs(config, ["rollups"], needed="rollups", key=hours.key_of(args.service))["rollups"]
        kept, plan = hours.hours(log, args.service, config), Plan.of(config, Taxonomy.load_default())
        return _print(calibrate.lines(kept, kpis, calibrate.calibrate(plan, kept, kpis, args.days * hours.DAY_S)))

    return _with_shell(work)


def _print(lines: Iterable[str]) -> int:
    for line in lines:
        print(line)
    return 0


def _topics(args: argparse.Namespace) -> int:
    config = _config(args)
    if args.acls:
        if args.create:
            raise ConfigError("--acls prints, --create acts; say one of the two - at `topics`")
        print("\n".join(acls.commands(config)))
        return 0

    def work() -> int:
        from streams.shell import topics
        from streams.shell.exits import BrokerError

        try:
            if args.create:
                topics.ensure(config)
            there = {row.name: "missing" if row.there is None else str(row.there) for row in topics.show(config)}
        except BrokerError:
            _print_topics(config, {})
            raise
        _print_topics(config, there)
        return 0

    return _with_shell(work)


def _print_topics(config: Config, there: Mapping[str, str]) -> None:
    """Print the table of topics, with the partitions that each has; a question mark where nobody could say."""
    from streams.shell.topics import partitions

    rows = [("topic", "partitions", "wanted", "kept", "written by", "read by")]
    for topic in TOPICS:
        name = config.topics.prefix + topic.name
        kept = "latest of a key" if topic.retention_s is None else f"{topic.retention_s // 86_400} days"
        wanted = str(partitions(config, topic))
        rows.append((name, there.get(name, "?"), wanted, kept, topic.writer, topic.reader))
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    for cells in rows:
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths, strict=True)).rstrip())


def _control(args: argparse.Namespace) -> int:
    config, fact = _config(args), saying.fact(args, now_ms())

    def work() -> int:
        from streams.shell.say import say

        print(f"{say(config, args.service, fact)} {fact.decode()}")
        return 0

    return _with_shell(work)


def _actuate(args: argparse.Namespace) -> int:
    """Carry rollbacks out, or say what would be acted on."""
    from schemas import actuate

    settings = actuate.load(args.config)
    if args.name is not None:
        settings = actuate.parse(actuate.show(replace(settings, name=args.name)))

    def work() -> int:
        from streams.shell.actuate import run, shown

        if not args.check:
            return run(settings)
        lines = [f"# {printable(line)}" for line in shown(settings)]
        print(f"# The effective config of {args.config}: every setting, by default where the file says nothing.")
        print(actuate.show(settings))
        return _print(lines)

    return _with_shell(work)


def _demo(args: argparse.Namespace) -> int:
    if args.traffic_only != (args.broker is not None):
        raise ConfigError("--traffic-only and --broker go together: the traffic needs a broker to go to - at `demo`")

    def work() -> int:
        from streams.shell import demo

        return demo.traffic(args.broker) if args.traffic_only else demo.run()

    return _with_shell(work)


def _with_shell(work: Callable[[], int]) -> int:
    """Do what needs Kafka's clients, which take half a second to import and are not wanted elsewhere."""
    from streams.shell.exits import Exit

    try:
        return work()
    except Exit as why:
        return _refused(why, why.code)


def _config(args: argparse.Namespace) -> Config:
    return configs.load(args.config) if args.config else Config()


def _named(config: Config, name: str | None) -> Config:
    """Put the worker's name into the config, under the rules that it has there."""
    return (
        config
        if name is None
        else configs.parse(configs.show(replace(config, worker=replace(config.worker, name=name))))
    )


def _write(findings: Iterable[bytes]) -> int:
    out, seen = sys.stdout.buffer, sys.stdout.isatty()
    for finding in findings:
        # Byte for byte what a topic would get; at a terminal the same JSON, but with nothing that a terminal obeys.
        out.write((printable_json(finding.decode()).encode() if seen else finding) + b"\n")
    return 0


def _readable(findings: Iterable[bytes]) -> Iterator[bytes]:
    """Refuse files that turn out, on the way, not to be what their name says."""
    try:
        yield from findings
    except (OSError, EOFError, zlib.error) as wrong:
        raise ConfigError(f"cannot read the events: {wrong}") from None


def _refused(why: Exception, code: int) -> int:
    print(f"barograph: {printable(str(why))}", file=sys.stderr)
    return code


def parser() -> argparse.ArgumentParser:
    """Make the commands and what they say of themselves."""
    whole = argparse.ArgumentParser(
        prog="barograph",
        description="Watch production AI services for drift and failures, on Kafka.",
        epilog=CODES,
        formatter_class=argparse.RawDescriptionHelpFormatter,
    )
    whole.add_argument("--version", action="version", version=f"barograph {_version()}")
    commands = whole.add_subparsers(metavar="COMMAND", required=True)

    def command(
        name: str, work: Callable[[argparse.Namespace], int], says: str, more: str = ""
    ) -> argparse.ArgumentParser:
        made = commands.add_parser(
            name, help=says, description=f"{says[0].upper()}{says[1:]}.{more}",
            formatter_class=argparse.RawDescriptionHelpFormatter,
        )  # fmt: skip
        made.set_defaults(work=work)
        return made

    def takes_config(made: argparse.ArgumentParser) -> None:
        made.add_argument("--config", type=Path, metavar="FILE", help="YAML; without it, every setting has its default")

    run = command(
        "run", _run, "run a worker until it is told to stop",
        " SIGTERM and SIGINT drain it:\nwhat was read is counted, stored and committed, and the group is left.\n"
        "Run it under a supervisor that starts it again when it ends with 4.",
    )  # fmt: skip
    takes_config(run)
    run.add_argument("--name", help="of this worker, instead of `worker.name`; no two workers share one")

    replay = command(
        "replay", _replay, "read what was recorded again, and print what would have been found",
        "\nOf files, findings as JSON lines. Of --topic, what --config would have found over the recorded tallies,\n"
        "as a difference to what was found. Nothing is written to Kafka.",
    )  # fmt: skip
    takes_config(replay)
    replay.add_argument("files", nargs="*", type=Path, metavar="FILE", help="events as JSON lines, plain or .gz")
    replay.add_argument("--topic", action="store_true", help="the recorded tallies of the broker, instead of files")
    replay.add_argument(
        "--since", metavar="TIME", help="begin at the last daily snapshot before this time, 2026-11-26T10:00:00Z say; "
        "without it, a difference begins at the first snapshot that is kept, all else with the log",
    )  # fmt: skip
    replay.add_argument(
        "--as-recorded", action="store_true", help="print what was found, as JSON lines: decide by the configs in "
        "force then, which the log names, not by --config",
    )  # fmt: skip
    replay.add_argument(
        "--findings", action="store_true", help="print all that --config would have found, as JSON lines"
    )
    replay.add_argument("--json", action="store_true", help="write the difference as JSON")

    check = command(
        "check", _check, "validate a config, and print what it means",
        " First the effective config, as\nYAML that can be used as one; then, as comments, how many pages in vain\n"
        "each service may cost, and how soon a change is found.",
    )  # fmt: skip
    check.add_argument("config", type=Path, metavar="CONFIG", help="the YAML file")
    check.add_argument(
        "--live",
        action="store_true",
        help="say instead how it stands with each service of the running system: learning or watched, what is not "
        "observed, and how soon a change is found by its own baseline",
    )
    check.add_argument("--service", metavar="NAME", help="with --live: of this service only")
    check.add_argument("--json", action="store_true", help="with --live: a JSON line for each service")

    _about_findings(command, takes_config)
    _about_releases(command)
    topics = command("topics", _topics, "show every topic: what it is for, and whether the broker has it")
    takes_config(topics)
    topics.add_argument("--create", action="store_true", help="first create those that are missing; none is changed")

    topics.add_argument("--acls", action="store_true", help="print the rights that each role needs, for kafka-acls")

    control = command(
        "control", _control, "say what pipelines and people know: releases, sign-offs, that an incident is taken",
        " The fact\nis written to ai.control, and its place there is printed. What changes nothing, since nobody\n"
        "knows the service or the incident say, comes to lie in ai.events.rejected with the reason.",
    )  # fmt: skip
    takes_config(control)
    saying.add_arguments(control)

    _apart(command)
    return whole


def _about_findings(
    command: Callable[..., argparse.ArgumentParser], takes_config: Callable[[argparse.ArgumentParser], None]
) -> None:
    """Make the commands about what was found."""
    incidents = command(
        "incidents", _incidents, "list the incidents that are open, the gravest first",
        "\nRead from ai.incidents.state: how each stands, as it was last said.",
    )  # fmt: skip
    takes_config(incidents)
    incidents.add_argument("--all", action="store_true", help="those that ended, too")
    incidents.add_argument("--service", metavar="NAME", help="of this service only")
    incidents.add_argument("--json", action="store_true", help="a JSON line for each, as it stands on the topic")

    explain = command(
        "explain", _explain, "tell the whole story of an incident, from the topics alone",
        "\nWhat happened, on which evidence, which guardrails fired, what was recommended, who acknowledged it, what\n"
        "else was said and done, when it ended; and what retention has taken of it.",
    )  # fmt: skip
    takes_config(explain)
    explain.add_argument(
        "id", metavar="ID", help="a fingerprint, which means its latest episode; fingerprint-episode; or a finding's id"
    )
    explain.add_argument(
        "--events", action="store_true", help="show the records of the exchanges that it names; needs the right to "
        "read ai.events",
    )  # fmt: skip
    explain.add_argument("--json", action="store_true", help="write the story as JSON")

    _add_about_releases(command, takes_config)


def _about_releases(command: Callable[..., argparse.ArgumentParser]) -> None:
    """Make the commands about releases."""
    kpis = command("kpis", _kpis, "print a set of KPIs that is shipped, ready to copy; without a name, name them")
    kpis.add_argument("preset", nargs="?", metavar="PRESET", help="type of deployment")


def _add_about_releases(
    command: Callable[..., argparse.ArgumentParser], takes_config: Callable[[argparse.ArgumentParser], None]
) -> None:
    """Add the commands that say of releases what is on topics."""
    failures = command(
        "failures", _failures, "say how each release fails: modes, how diverse, where; from the last reports",
        "\nRead from ai.failures.",
    )  # fmt: skip
    takes_config(failures)
    failures.add_argument("service", nargs="?", metavar="SERVICE", help="of this service only")
    failures.add_argument("--release", metavar="NAME", help="of this release only")
    failures.add_argument("--json", action="store_true", help="a JSON line for each report")

    budgets = command(
        "budgets", _budgets, "say what is left of a service's error budgets, and how the last week was",
        "\nBy KPI, this week against the last, and thirteen weeks against the target; from barograph.rollups.",
    )  # fmt: skip
    takes_config(budgets)
    budgets.add_argument("service", metavar="SERVICE", help="one that the config has KPIs of")
    budgets.add_argument("--json", action="store_true", help="write all of it as JSON")

    calibrate = command(
        "calibrate", _calibrate, "propose targets and bands for a service's KPIs, from what was recorded of it",
        "\nPrints the whole set as YAML, and what today's bands would have done; from barograph.rollups.",
    )  # fmt: skip
    takes_config(calibrate)
    calibrate.add_argument("service", metavar="SERVICE", help="one that the set is for")
    calibrate.add_argument("--kpis", type=Path, metavar="FILE", required=True, help="the set as it is, in YAML")
    calibrate.add_argument("--days", type=int, metavar="N", default=28, help="of history, 28 if not said")

    scorecard = command(
        "scorecard", _scorecard, "say what the releases of a service are held against, and how each stands",
        "\nRead from ai.scorecards. Without --release, of those that are judged now, or else of the last that was.",
    )  # fmt: skip
    takes_config(scorecard)
    scorecard.add_argument("service", metavar="SERVICE")
    scorecard.add_argument("--release", metavar="NAME", help="of this release only")
    scorecard.add_argument("--json", action="store_true", help="a JSON line for each card")


def _apart(command: Callable[..., argparse.ArgumentParser]) -> None:
    """Make the commands that are no part of a running system's workers."""
    actuate = command(
        "actuate", _actuate, "carry rollbacks out, until it is told to stop; it runs apart from the workers",
        " Reads\nai.rollbacks, acts on the targets of CONFIG by compare-and-set, and says on\n"
        "ai.rollbacks.results what came of each command. `barograph control approve` lets one go ahead.",
    )  # fmt: skip
    actuate.add_argument("config", type=Path, metavar="CONFIG", help="the YAML file; docs/actuate.md")
    actuate.add_argument("--check", action="store_true", help="validate it, say what each target runs; act on nothing")
    actuate.add_argument("--name", help="of this process, instead of `name`; no two of them share one")

    demo = command(
        "demo", _demo, "show it at work on recorded traffic, in about two minutes",
        " Brings its own broker\nand needs nothing else. Not for production.",
    )  # fmt: skip
    demo.add_argument("--traffic-only", action="store_true", help="only send the traffic, again and again, to --broker")
    demo.add_argument("--broker", metavar="HOST:PORT", help="where to send it")


def _version() -> str:
    try:
        return version("barograph")
    except PackageNotFoundError:  # run from a checkout that was not installed
        return "(not installed)"


if __name__ == "__main__":
    sys.exit(main())
