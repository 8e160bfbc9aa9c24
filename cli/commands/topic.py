"""The commands `topic`, in French."""

from typing import Annotated

import typer

from cli.output import AsJson, Format, print_json, print_rows, say
from core.errors import ExpectedFailure

app = typer.Typer(help="Les thèmes surveillés.", no_args_is_help=True)


Role = Annotated[str, typer.Option(help="Rôle de qui le décide, jamais son nom.")]


@app.command("list")
def list_topics(as_json: AsJson = False) -> None:
    """Les thèmes surveillés, ceux du projet et ceux que les opérateurs ont ajoutés."""
    from operations import topics

    theirs = {row["code"] for row in topics.operators_rows()}
    columns = ["code", "nom", "genre", "requête", "plateformes", "responsable", "origine"]
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
    print_rows(columns, rows, Format.json if as_json else Format.table)


@app.command()
def add(
    code: Annotated[str, typer.Argument(help="Code du thème : minuscules sans accent, chiffres et tirets bas.")],
    *,
    label: Annotated[str, typer.Option(help="Nom, en français.")],
    query: Annotated[str, typer.Option(help='Mots, "expressions", #mots-dièse ; un moins devant exclut.')],
    kind: Annotated[
        str, typer.Option(help="climatique, écologique, sanitaire, sécuritaire, cyber, rumeur, institution.")
    ],
    owner: Annotated[str, typer.Option(help="Équipe responsable.")] = "team:veille",
    platform: Annotated[list[str] | None, typer.Option(help="Plateforme surveillée ; toutes si aucune.")] = None,
    role: Role = "veille",
) -> None:
    """Ajoute un thème, ou remplace celui du même code ; il est surveillé dès la prochaine construction."""
    from analytics.signals.topics import topic
    from operations import topics
    from operations.acts import Author

    declared = {"label": label, "query": query, "kind": kind, "owner": owner, "platforms": platform or []}
    added = topic(code, declared, topics.PLATFORM_NAMES)
    write = topics.change if any(topic.code == code for topic in topics.watched()) else topics.add
    write(added, Author(role))
    say(f"Le thème {added.code} ({added.label}) sera surveillé dès le prochain chargement de la veille ou du tchat.")


@app.command()
def end(
    code: Annotated[str, typer.Argument(help="Code d'un thème surveillé.")],
    role: Role = "veille",
) -> None:
    """Cesse de surveiller un thème ; ce qu'il a trouvé reste."""
    from operations import topics
    from operations.acts import Author

    topics.end(code, Author(role))
    say(f"Le thème {code} n'est plus surveillé.")


@app.command("test")
def preview(
    code: Annotated[str | None, typer.Argument(help="Code d'un thème surveillé.")] = None,
    *,
    query: Annotated[str | None, typer.Option(help="Requête à essayer, sans rien enregistrer.")] = None,
    as_json: AsJson = False,
) -> None:
    """Montre ce qu'un thème, ou une requête, trouve dans les sept derniers jours : volume et 20 exemples caviardés."""
    from analytics.signals.topics import Topic, parse
    from core import french
    from operations import topics

    if (code is None) == (query is None):
        raise ExpectedFailure("Il faut un thème ou une requête.", "Donnez un code, ou --query, et pas les deux.")
    if query is not None:
        parse(query)
    chosen = topics.find(code) if code is not None else Topic("essai", "Essai", query or "", "rumeur", "team:veille")
    found = topics.preview(chosen)
    if as_json:
        print_json(
            {
                "volume": sum(found.by_day.values()),
                "mentions_lues": found.read,
                "par_jour": {str(day): count for day, count in found.by_day.items()},
                "exemples": found.examples,
            }
        )
        return
    say(
        f"{sum(found.by_day.values())} mentions trouvées sur {found.read} lues, sept derniers jours.",
        *(f"  {french.day(day)} : {count}" for day, count in found.by_day.items()),
        *(f"– {example}" for example in found.examples),
    )
