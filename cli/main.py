"""The `cyberimpact` command line: one verb, one function; what a verb does belongs in the module it calls."""

import csv
import itertools
import json
import math
import sys
import unicodedata
from decimal import Decimal
from enum import StrEnum
from pathlib import Path
from typing import Annotated, Any

import typer
from rich.console import Console
from rich.table import Column, Table
from typer.core import TyperGroup

from cli.commands import audit, crisis, signal, token
from core import settings
from core.errors import ExpectedFailure

app = typer.Typer(
    help="The data platform cyberimpact.", no_args_is_help=True, pretty_exceptions_enable=False, add_completion=False
)
kpi_app = typer.Typer(help="Les indicateurs publiés.", no_args_is_help=True)
superset_app = typer.Typer(
    help="Dashboards and access as code: plan, apply, check, drift; password.", no_args_is_help=True
)
quarantine_app = typer.Typer(help="Rows set aside because they break a contract.", no_args_is_help=True)
topic_app = typer.Typer(help="Les thèmes surveillés.", no_args_is_help=True)
verbatims_app = typer.Typer(help="Ce qu'écrivent les citoyens : sentiment et thèmes.", no_args_is_help=True)
config_app = typer.Typer(
    help="What belongs to the installation: sites, accounts, first days, categories of the chat.", no_args_is_help=True
)
app.add_typer(config_app, name="config")
app.add_typer(kpi_app, name="kpi")
app.add_typer(verbatims_app, name="verbatims")
app.add_typer(topic_app, name="topic")
app.add_typer(superset_app, name="superset")
app.add_typer(quarantine_app, name="quarantine")
audit.register(app)
signal.register(app)
crisis.register(app)
token.register(app)

#: A file or a pipe has no width: a table is never cut there.
out = Console(width=None if sys.stdout.isatty() else 400)
err = Console(stderr=True, soft_wrap=True)

Live = Annotated[bool, typer.Option("--live", help="Only listening and chat of the last days.")]
Daily = Annotated[bool, typer.Option("--daily", help="Only the warehouse.")]
AsJson = Annotated[bool, typer.Option("--json", help="Print JSON.")]


class Format(StrEnum):
    """How a result is printed."""

    table = "table"
    csv = "csv"
    json = "json"


def say(text: str) -> None:
    """Print a result as it is, whatever the width of the terminal."""
    out.print(harmless(text), markup=False, highlight=False, soft_wrap=True)


def main() -> None:
    """Run a verb; a failure that has a remedy is said in one sentence, on stderr, with exit code 1."""
    from supersync.errors import SupersetFailure

    settings.keep_private()
    try:
        app()
    except (ExpectedFailure, SupersetFailure) as failure:
        err.print(str(failure), style="bold red", markup=False, highlight=False)
        sys.exit(1)
    except Exception as problem:
        from core import disk

        failure = disk.explain(problem)
        if failure is None:
            raise
        err.print(str(failure), style="bold red", markup=False, highlight=False)
        sys.exit(1)


@app.command()
def load(
    names: Annotated[
        list[str],
        typer.Argument(metavar="PLATFORM [FILE]…", help="A platform and files of it, or several platforms."),
    ],
    file: Annotated[list[Path] | None, typer.Option(help="A file to load, like those behind the platform.")] = None,
) -> None:
    """Load raw data of platforms: from their addresses and from drop/, or from files, in their order.

    Files are read where they lie and left there. What fails does not stop the others, and makes the exit code 1.
    """
    from cli.commands.load import load_all, wanted

    loads = wanted(names, file or [])
    failures = []
    for outcome in load_all(loads):
        if isinstance(outcome, ExpectedFailure):
            failures.append(outcome)
            if len(loads) > 1:
                err.print(str(outcome), style="bold red", markup=False, highlight=False)
        else:
            say(outcome)
    if failures:
        raise (
            failures[0]
            if len(loads) == 1
            else ExpectedFailure(
                f"{len(failures)} of {len(loads)} loads failed, as said above; the others are complete.",
                "Correct what is said and load them again.",
            )
        )


@app.command()
def watch() -> None:
    """Load, build and publish listening and chat as they come, and send the alerts; until stopped."""
    from orchestration.microbatch import watch as watch_until_killed

    watch_until_killed()


@app.command()
def build(
    select: Annotated[str | None, typer.Option(help="Part of the project to build, in dbt's selection syntax.")] = None,
    live: Live = False,
    daily: Daily = False,
) -> None:
    """Build every model from the raw tables that are there, and check them: what is live first, then the warehouse.

    The warehouse archives from the published live copy, so that one is published in between.
    """
    from cli.commands import build

    for line in build.build(build.targets(live=live, daily=daily or select is not None), select):
        say(line)


@app.command()
def publish(live: Live = False, daily: Daily = False) -> None:
    """Publish the last sound builds as read-only copies: what is live first, then the warehouse."""
    from cli.commands import build

    for line in build.publish(build.targets(live=live, daily=daily)):
        say(line)


@app.command()
def query(
    sql: Annotated[str, typer.Argument(help="One SQL query.")],
    format: Annotated[Format, typer.Option(help="How to print the result.")] = Format.table,  # noqa: A002
) -> None:
    """Query the published copies, read-only: the daily one, and the live one as `live_serving` where it exists."""
    import duckdb

    from warehouse import published

    with published.connect(settings.home()) as connection:
        try:
            if len(connection.extract_statements(sql)) != 1:
                raise ExpectedFailure("The text does not hold exactly one query.", "Give one query.")
            result = connection.execute(sql)
            names, rows = unique([column[0] for column in result.description or []]), result.fetchall()
        except duckdb.Error as error:
            raise ExpectedFailure(str(error).strip(), "Correct the query.") from None
    {Format.table: print_table, Format.csv: print_csv, Format.json: print_json}[format](names, rows)


def unique(names: list[str]) -> list[str]:
    """Return column names of which no two are equal: the second `a` becomes `a_2`."""
    found: list[str] = []
    for name in names:
        times = itertools.count(2)
        candidate = name
        while candidate in found:
            candidate = f"{name}_{next(times)}"
        found.append(candidate)
    return found


def plain(value: Any) -> Any:
    """Return a value as JSON has it: a number for a decimal, null for what is no number, text for the rest."""
    match value:
        case float() if not math.isfinite(value):
            return None
        case Decimal():
            return int(value) if value == value.to_integral_value() else float(value)
        case dict():
            return {str(key): plain(inner) for key, inner in value.items()}
        case list() | tuple():
            return [plain(inner) for inner in value]
        case None | bool() | int() | float() | str():
            return value
    return str(value)


def print_table(names: list[str], rows: list[tuple]) -> None:
    table = Table(*(Column(name, overflow="fold") for name in names))
    for row in rows:
        table.add_row(*("" if value is None else harmless(str(value)) for value in row))
    out.print(table, markup=False)


def harmless(text: str) -> str:
    """Return a text without the invisible characters by which a citizen's words could command a terminal."""
    return "".join(mark for mark in text if mark in "\n\t" or unicodedata.category(mark) not in {"Cc", "Cf"})


def print_csv(names: list[str], rows: list[tuple]) -> None:
    writer = csv.writer(sys.stdout, lineterminator="\n")
    writer.writerow(names)
    writer.writerows(rows)


def print_json(names: list[str], rows: list[tuple]) -> None:
    json.dump([dict(zip(names, plain(row), strict=True)) for row in rows], sys.stdout, ensure_ascii=False, indent=2)
    print()


def french(number: float) -> str:
    """Return a number as a French reader writes it, to its last digit."""
    return f"{number:,.6f}".rstrip("0").rstrip(".").replace(",", "\u202f").replace(".", ",")


@kpi_app.command("list")
def kpi_list(as_json: AsJson = False) -> None:
    """Le catalogue des indicateurs, avec leur dernière valeur mensuelle nationale."""
    from cli.commands.kpi import SUPPRESSED, catalogue

    kpis = catalogue(settings.home())
    if as_json:
        json.dump([kpi.as_json() for kpi in kpis], sys.stdout, default=str, ensure_ascii=False, indent=2)
        print()
        return
    table = Table("Code", "Indicateur", "Unité", "Dernier mois", "France")
    table.columns[0].no_wrap = True
    for kpi in kpis:
        value = "–" if kpi.latest_value is None else french(kpi.latest_value)
        table.add_row(
            kpi.code, kpi.label, kpi.unit, kpi.latest_period or "–", SUPPRESSED if kpi.is_suppressed else value
        )
    out.print(table)
    for kpi in kpis:
        if kpi.held_back_note:
            say(f"{kpi.code} : {kpi.held_back_note}")


@kpi_app.command("show")
def kpi_show(code: Annotated[str, typer.Argument(help="Code de l'indicateur.")], as_json: AsJson = False) -> None:
    """La définition complète d'un indicateur."""
    from cli.commands.kpi import find

    kpi = find(settings.home(), code)
    if as_json:
        json.dump(kpi.as_json(), sys.stdout, default=str, ensure_ascii=False, indent=2)
        print()
        return
    for label, value in kpi.as_lines():
        say(f"{label} : {value}")


@config_app.command("check")
def config_check() -> None:
    """Read every file of the configuration folder, and say what is wrong with which line."""
    from ingestion import configuration

    failures = []
    for name in configuration.READERS:
        try:
            say(configuration.check(name))
        except ExpectedFailure as failure:
            failures.append(failure)
            err.print(str(failure), style="bold red", markup=False, highlight=False)
    if failures:
        raise ExpectedFailure(f"{len(failures)} files of the configuration are wrong.", "Correct them as said above.")


@config_app.command("init")
def config_init() -> None:
    """Copy the defaults into the configuration folder, to be edited there; files that are there stay."""
    from ingestion import configuration

    made = configuration.copy_defaults()
    for path in made:
        say(f"{path} written.")
    if not made:
        say("Every file is there.")


@quarantine_app.command("list")
def quarantine_list(
    platform: Annotated[str, typer.Argument(help="Name of the platform.")], as_json: AsJson = False
) -> None:
    """Rows that broke the contract, with the reason."""
    from dataclasses import asdict

    from core.locks import writer_lock
    from ingestion.engine.quarantine import entries
    from ingestion.platforms import platform as find

    known = find(platform)
    with writer_lock(settings.home().database(known.database)):
        waiting = [asdict(entry) for entry in entries(known.name)]
    columns = ["entity", "origin", "line", "record_key", "field", "reason", "value", "quarantined_at"]
    if as_json:
        json.dump(waiting, sys.stdout, default=str, ensure_ascii=False, indent=2)
        print()
    else:
        print_table(columns, [tuple(entry[column] for column in columns) for entry in waiting])


@quarantine_app.command("retry")
def quarantine_retry(platform: Annotated[str, typer.Argument(help="Name of the platform.")]) -> None:
    """Hold the rows in quarantine to today's contract, and load those that satisfy it."""
    from ingestion.engine.loading import retry_quarantine

    say(retry_quarantine(platform).summary())


@superset_app.command("check")
def superset_check() -> None:
    """Examine the bundle and the policies without a server."""
    from supersync.service import check

    from assets.bi import server

    bundle = server.bundle()
    problems = check(bundle, server.policies(bundle))
    for problem in problems:
        say(problem)
    if problems:
        raise ExpectedFailure(
            f"The bundle and the policies have {len(problems)} problem(s).", "Correct the files that they name."
        )
    out.print("The bundle and the policies are sound.")


@superset_app.command("plan")
def superset_plan() -> None:
    """Show what an apply would create, update and delete."""
    from supersync.service import plan

    from assets.bi import server

    bundle = server.bundle()
    with server.client() as client:
        say(str(plan(client, bundle, server.policies(bundle), server.database_uri())))


@superset_app.command("apply")
def superset_apply() -> None:
    """Make Superset hold what the bundle and the policies declare, as a run of the job `superset`."""
    from orchestration.execution import run_job

    settings.home().superset.mkdir(parents=True, exist_ok=True)  # asked for by name: this home has a Superset
    outcome = run_job("superset").or_raise("Repeat the command: it takes up where this one stopped.")
    shown = [key for key in outcome.metadata if len(key.path) > len(("superset", "answers"))]
    out.print(f"Superset holds the bundle: {len(shown)} datasets, charts and dashboards.")


@superset_app.command("drift")
def superset_drift() -> None:
    """Name what was changed in Superset by hand."""
    from supersync.service import drift

    from assets.bi import server

    bundle = server.bundle()
    with server.client() as client:
        found = drift(client, bundle, server.policies(bundle), server.database_uri())
    for change in found:
        say(str(change))
    if found:
        raise ExpectedFailure(
            f"{len(found)} object(s) were changed by hand.", "`cyberimpact superset apply` puts them back."
        )
    out.print("Nothing was changed by hand.")


@superset_app.command("password")
def superset_password(username: Annotated[str, typer.Argument(help="Name of the account.")]) -> None:
    """Give a declared account a new password and print it, once: to be handed over, then changed by its owner."""
    from supersync.access import new_password

    from assets.bi import server

    with server.client() as client:
        say(new_password(client, username))


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def dbt(context: typer.Context) -> None:
    """Run dbt by hand on this home: `cyberimpact dbt build --select kpi`."""
    from warehouse import dbt_project

    raise typer.Exit(dbt_project.run(*context.args))


@app.command()
def detect(
    file: Annotated[Path, typer.Argument(help="A CSV file with a header, in time order; - reads standard input.")],
    timestamp: Annotated[str, typer.Option(help="Column of the timestamps.")] = "timestamp",
    value: Annotated[str, typer.Option(help="Column of the values.")] = "value",
    output: Annotated[Path | None, typer.Option("--out", help="Where to write; standard output by default.")] = None,
) -> None:
    """Score each value of a series: timestamp, value, expected, upper, score, alert."""
    from cli.commands import detect

    err.print(detect.detect(file, output, timestamp, value), markup=False, highlight=False)


@app.command()
def doctor(as_json: AsJson = False) -> None:
    """Say what is installed, running, late or broken, each with its remedy."""
    from cli.commands.doctor import examine

    findings = examine(settings.home())
    if as_json:
        json.dump([finding.as_json() for finding in findings], sys.stdout, ensure_ascii=False, indent=2)
        print()
    else:
        for finding in findings:
            say(finding.line())
    raise typer.Exit(int(any(finding.state == "broken" for finding in findings)))


class ActionOrVerb(TyperGroup):
    """`impact simulate …` is a verb; anything else names an action."""

    def parse_args(self, ctx: Any, args: list[str]) -> list[str]:
        if args and args[0] not in {*self.commands, "--help"}:
            args = ["action", *args]
        return super().parse_args(ctx, args)


impact_app = typer.Typer(
    help="L'effet des actions : `impact IDENTIFIANT`, ou `impact simulate`.",
    no_args_is_help=True,
    cls=ActionOrVerb,
)
app.add_typer(impact_app, name="impact")


@impact_app.command("action")
def impact_action(
    action_id: Annotated[
        str, typer.Argument(help="Identifiant de l'action : du registre, ou du tableau Impact et moyens.")
    ],
    html: Annotated[Path | None, typer.Option(help="Écrire le rapport, avec son graphique, dans ce fichier.")] = None,
    as_json: AsJson = False,
) -> None:
    """Dit l'effet d'une action, avec son incertitude, ou pourquoi on ne peut pas conclure."""
    from cli.commands.impact import report

    told = report(settings.home(), action_id)
    if html is not None:
        write_text(html, told.as_html())
    show(told, as_json=as_json)


@impact_app.command("simulate")
def impact_simulate(
    hours: Annotated[float, typer.Option(help="Heures de prévention à déplacer.")],
    origin: Annotated[str, typer.Option("--from", help="Département qui les donne, par exemple FR-33.")],
    destination: Annotated[str, typer.Option("--to", help="Département qui les reçoit, par exemple FR-75C.")],
    as_json: AsJson = False,
) -> None:
    """Dit ce que changerait un déplacement d'heures, d'après les seuls effets mesurés ; refuse s'il n'y en a pas."""
    from cli.commands.impact_reallocation import simulate

    show(simulate(settings.home(), hours, origin, destination), as_json=as_json)


def show(told: Any, *, as_json: bool) -> None:
    """Print what can be told as text or as JSON."""
    if as_json:
        json.dump(told.as_json(), sys.stdout, ensure_ascii=False, indent=2)
        print()
    else:
        say(told.as_text())


def write_text(path: Path, text: str) -> None:
    """Write a file that the user has named.

    Raises:
        ExpectedFailure: the file cannot be written.
    """
    try:
        path.write_text(text, encoding="utf-8")
    except OSError as problem:
        raise ExpectedFailure(
            f"Le fichier {path} ne peut pas être écrit : {problem.strerror}.", "Choisissez un autre emplacement."
        ) from None


@audit.audit_app.command("diff")
def audit_diff(
    former: Annotated[
        str | None, typer.Argument(help="Révision de départ ; sans elle, là où le dossier a quitté origin/main.")
    ] = None,
    later: Annotated[str | None, typer.Argument(help="Révision d'arrivée ; sans elle, le dossier.")] = None,
    changelog: Annotated[
        bool, typer.Option("--changelog", help="Exige une ligne du journal quand le sens d'un indicateur change.")
    ] = False,
) -> None:
    """Quels indicateurs changent de définition, de calcul ou de provenance entre deux versions ; où ils se voient."""
    from cli.commands import audit_diff

    start = former or audit_diff.base()
    if start is None:
        say("La version de départ est inconnue ici (pas de branche origin/main) : rien n'est comparé.")
        return
    changes = audit_diff.compare(start, later)
    for change in changes:
        for line in change.lines():
            say(line)
    if not changes:
        say("Aucun indicateur ne change.")
    if changelog and (missing := [change.code for change in audit_diff.unwritten(changes, start)]):
        raise ExpectedFailure(
            f"Des lecteurs ne sont pas avertis que ces indicateurs changent de sens : {', '.join(missing)}.",
            f"Ajoutez une ligne à {audit_diff.CHANGELOG} avec leur code entre accents graves, et dites ce qui change "
            "et pourquoi.",
        )


@app.command()
def redact() -> None:
    """Lit des lignes sur l'entrée standard et les rend sans données personnelles, avec des marques comme [NOM]."""
    from privacy import redact_lines

    redact_lines(sys.stdin.buffer, sys.stdout.buffer)


@topic_app.command("list")
def topic_list(as_json: AsJson = False) -> None:
    """Les thèmes surveillés, ceux du projet et ceux que les opérateurs ont ajoutés."""
    from operations import topics

    theirs = {row["code"] for row in topics.operators_rows()}
    names = ["code", "nom", "genre", "requête", "plateformes", "responsable", "origine"]
    rows = [
        (
            topic.code,
            topic.label,
            topic.kind,
            topic.query,
            ", ".join(topic.platforms) or "toutes",
            topic.owner,
            "opérateur" if topic.code in theirs else "projet",
        )
        for topic in topics.watched()
    ]
    (print_json if as_json else print_table)(names, rows)


@topic_app.command("add")
def topic_add(
    code: Annotated[str, typer.Argument(help="Code du thème : minuscules sans accent, chiffres et tirets bas.")],
    *,
    label: Annotated[str, typer.Option(help="Nom, en français.")],
    query: Annotated[str, typer.Option(help='Mots, "expressions", #mots-dièse ; un moins devant exclut.')],
    kind: Annotated[
        str, typer.Option(help="climatique, écologique, sanitaire, sécuritaire, cyber, rumeur, institution.")
    ],
    owner: Annotated[str, typer.Option(help="Équipe responsable.")] = "team:veille",
    platform: Annotated[list[str] | None, typer.Option(help="Plateforme surveillée ; toutes si aucune.")] = None,
) -> None:
    """Ajoute un thème, ou remplace celui du même code ; il est surveillé dès la prochaine construction."""
    from analytics.signals.topics import topic
    from operations import topics

    declared = {"label": label, "query": query, "kind": kind, "owner": owner, "platforms": platform or []}
    added = topic(code, declared, topics.PLATFORM_NAMES)
    topics.add(added)
    say(f"Le thème {added.code} ({added.label}) sera surveillé dès le prochain chargement de la veille ou du tchat.")


@topic_app.command("test")
def topic_test(
    code: Annotated[str | None, typer.Argument(help="Code d'un thème surveillé.")] = None,
    *,
    query: Annotated[str | None, typer.Option(help="Requête à essayer, sans rien enregistrer.")] = None,
    as_json: AsJson = False,
) -> None:
    """Montre ce qu'un thème, ou une requête, trouve dans les sept derniers jours : volume et 20 exemples caviardés."""
    from analytics.signals.topics import Topic, parse
    from operations import topics

    if (code is None) == (query is None):
        raise ExpectedFailure("Il faut un thème ou une requête.", "Donnez un code, ou --query, et pas les deux.")
    if query is not None:
        parse(query)
    chosen = topics.find(code) if code is not None else Topic("essai", "Essai", query or "", "rumeur", "team:veille")
    seen = topics.preview(chosen)
    if as_json:
        told = {
            "volume": sum(seen.by_day.values()),
            "mentions_lues": seen.read,
            "par_jour": {str(day): count for day, count in seen.by_day.items()},
            "exemples": seen.examples,
        }
        json.dump(told, sys.stdout, ensure_ascii=False, indent=2)
        print()
        return
    say(f"{sum(seen.by_day.values())} mentions trouvées sur {seen.read} lues, sept derniers jours.")
    for day, count in seen.by_day.items():
        say(f"  {day:%d/%m/%Y} : {count}")
    for example in seen.examples:
        say(f"– {example}")


@verbatims_app.command("train")
def verbatims_train(
    file: Annotated[Path, typer.Option(help="Fichier CSV en UTF-8.")],
    text: Annotated[str, typer.Option(help="Colonne des textes.")],
    label: Annotated[str, typer.Option(help="Colonne des étiquettes : sentiments ou thèmes.")],
    out: Annotated[Path, typer.Option(help="Dossier où le modèle est enregistré.")],
) -> None:
    """Apprend à classer des textes à partir d'exemples étiquetés, et mesure ce qui est appris."""
    from cli.commands import verbatims

    for line in verbatims.train(file, text, label, out):
        say(line)


@verbatims_app.command("classify")
def verbatims_classify(
    model: Annotated[Path, typer.Option(help="Dossier d'un modèle entraîné.")],
    file: Annotated[Path, typer.Option(help="Fichier CSV en UTF-8.")],
    text: Annotated[str, typer.Option(help="Colonne des textes.")],
    out: Annotated[
        Path, typer.Option(help="Fichier CSV à écrire : les colonnes lues, puis feeling, probability, themes.")
    ],
) -> None:
    """Classe les textes d'un fichier : une ligne par ligne lue, dans le même ordre."""
    from cli.commands import verbatims

    say(verbatims.classify(model, file, text, out))


@verbatims_app.command("themes")
def verbatims_themes(*, as_json: AsJson = False) -> None:
    """Propose des thèmes que la taxonomie n'a peut-être pas. Rien n'y est ajouté : une personne décide."""
    from cli.commands import verbatims

    found = verbatims.proposed(settings.home())
    if as_json:
        print_json(list(verbatims.Proposal._fields), [tuple(one) for one in found])
    else:
        for line in verbatims.proposal_report(found):
            say(line)


@verbatims_app.command("search")
def verbatims_search(
    words: Annotated[str, typer.Argument(help="Mots cherchés ; accents et terminaisons ne comptent pas.")],
    *,
    platform: Annotated[str | None, typer.Option(help="Plateforme, par exemple partoo.")] = None,
    territory: Annotated[str | None, typer.Option(help="Territoire, par exemple FR-33.")] = None,
    feeling: Annotated[str | None, typer.Option(help="positif, neutre ou négatif.")] = None,
    theme: Annotated[str | None, typer.Option(help="Code d'un thème, par exemple refus_plainte.")] = None,
    limit: Annotated[int, typer.Option(help="Nombre de textes au plus.", min=1)] = 20,
    as_json: AsJson = False,
) -> None:
    """Cherche dans les textes publiés, rendus anonymes ; les plus proches d'abord."""
    from cli.commands import verbatims

    filters = verbatims.Filters(platform, territory, feeling, theme)
    found = verbatims.search(settings.home(), words, filters, limit)
    if as_json:
        print_json(list(verbatims.Found._fields), [tuple(one) for one in found])
    else:
        print_table(list(verbatims.Found._fields), [tuple(one) for one in found])


@app.command()
def purge(
    pseudonym: Annotated[
        str | None, typer.Option(help="Erase one person, known by the pseudonym p_…, instead of what is too old.")
    ] = None,
) -> None:
    """Erase what is older than its platform's retention, or everything about one person."""
    from datetime import UTC, datetime

    from audit import archive, retention, rewriting
    from ingestion import erasure

    if pseudonym:
        with rewriting.recorded(settings.home()):
            report = erasure.erase(pseudonym)
    else:
        now = datetime.now(UTC)
        if kept := archive.keep(settings.home(), now):
            say(f"{kept} published figures archived: they outlive the records that this purge takes.")
        report = erasure.purge(now)
    for line in report.lines():
        say(line)
    if not pseudonym and (removed := retention.purge(settings.home(), datetime.now(UTC))):
        say(f"{len(removed)} files of observations removed from the evidence.")
    if pseudonym and not report.complete:
        raise typer.Exit(1)


@app.command()
def backup(folder: Annotated[Path, typer.Argument(help="A new folder, outside the home.")]) -> None:
    """Copy what cannot be made again: databases, operations, ledger, evidence, and what readers see."""
    from audit import ledger
    from warehouse import backups

    made = backups.backup(settings.home(), folder, ledger.current_head)
    say(f"{made.files} files, {made.megabytes} MB, in {folder}; head of the ledger: {made.head or 'none'}.")


@app.command()
def restore(folder: Annotated[Path, typer.Argument(help="A folder that `backup` has made.")]) -> None:
    """Put a backup in the place of what the home holds, which is moved aside; a damaged backup is refused."""
    from audit import ledger
    from warehouse import backups

    restored = backups.restore(settings.home(), folder, ledger.current_head)
    for line in restored.lines():
        say(line)


@app.command(context_settings={"allow_extra_args": True, "ignore_unknown_options": True})
def sandbox(context: typer.Context) -> None:
    """Serve the stand-in platforms on loopback and drop their files: `cyberimpact sandbox [--seed N] [--now DAY]`."""
    import os

    drops, port = str(settings.home().drop), str(settings.port("sandbox"))
    command = [sys.executable, "-m", "sandbox", "--port", port, "--drops", drops, *context.args]
    os.execv(command[0], command)  # noqa: S606


@app.command(hidden=True)
def up() -> None:
    """Start the platform under its supervisor, run the main job and publish the dashboards (see `make up`)."""
    from cli import supervisor

    supervisor.up()


@app.command(hidden=True)
def down() -> None:
    """Stop what `up` has started (see `make down`)."""
    from cli import supervisor

    supervisor.down()


@app.command(hidden=True)
def dev() -> None:
    """Run Dagster and the Superset that lets people into it, until Ctrl-C (see `make dev`)."""
    from cli import supervisor

    supervisor.dev()
