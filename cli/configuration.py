"""What an administrator may write in `cyberimpact.toml`, and the secrets beside it.

Each key is a setting of the environment: `[smtp] host` is CYBERIMPACT_SMTP_HOST. Secrets have files of their own.
"""

from datetime import date
from pathlib import Path
from typing import Annotated, Any, Literal
from urllib.parse import urlsplit

from pydantic import AfterValidator, BaseModel, ConfigDict, Field

from core import settings
from ingestion.engine import remote_folders
from ingestion.platforms import PLATFORMS

#: Secrets that `init` makes: what each does, and what is lost with it.
GENERATED = {
    "CYBERIMPACT_PSEUDONYM_KEY": "makes pseudonyms. Lost: later pseudonyms are others; the inbox stays closed",
    "CYBERIMPACT_LEDGER_SIGNING_KEY": "signs publications. Lost: `audit key new` makes another, for auditors to know",
    "CYBERIMPACT_LINK_KEY": "signs links of alerts, and what is sent with tokens. Lost: the former ones are refused",
    "SUPERSET_SECRET_KEY": "signs the sessions of Superset. Lost: everybody logs in again",
    "SUPERSET_ADMIN_PASSWORD": "is the password of the account admin. Lost: the next start sets the new one",
}
#: Secrets that others give.
GIVEN = {
    "CYBERIMPACT_APP_STORES_PLAY_TOKEN": "token of Google Play, instead of a key file",
    "CYBERIMPACT_AUDIENCE_MATOMO_TOKEN": "token of Matomo",
    "CYBERIMPACT_AUDIENCE_PIANO_KEY": "key of Piano, with its secret: `key_secret`",
    "CYBERIMPACT_AUDIT_KEY": "key of the seals of before the signatures",
    "CYBERIMPACT_BACKUP_IDENTITY": "private key of backups, where they are restored or tried; keep it elsewhere too",
    "CYBERIMPACT_BUS_URL": "address of the message bus, with its password",
    "CYBERIMPACT_DAGSTER_DATABASE": "address of Dagster's database, if it has a password",
    "CYBERIMPACT_JDMA_API_KEYS": "keys of JDMA, separated by commas",
    "CYBERIMPACT_LISTENING_API_KEY": "token of Talkwalker",
    "CYBERIMPACT_MATRIX_TOKEN": "token of the account that writes to Matrix or Tchap",
    "CYBERIMPACT_MA_SECURITE_API_KEY": "key of Ma Sécurité",
    "CYBERIMPACT_OFFICIAL_ALERTS_METEO_FRANCE_API_KEY": "key of Météo-France",
    "CYBERIMPACT_OIDC_CLIENT_SECRET": "secret of this client at the issuer",
    "CYBERIMPACT_OPERATIONS_DATABASE": "address of the operations database, if it has a password",
    "CYBERIMPACT_PARTOO_API_KEY": "key of Partoo",
    "CYBERIMPACT_REFERENCE_API_KEY": "key of data.gouv.fr",
    "CYBERIMPACT_SERVICES_PUBLICS_PLUS_API_KEY": "key of Services Publics+",
    "CYBERIMPACT_SMTP_PASSWORD": "password of the account at the mail server",
    "CYBERIMPACT_SOCIAL_ACCOUNTS_X_TOKEN": "token of X",
    "CYBERIMPACT_SPARK_REMOTE": "address of the Spark driver, with its token",
    "CYBERIMPACT_SUPERSET_METADATA_URI": "address of Superset's database, with its password",
    "CYBERIMPACT_UDATA_API_KEY": "key of the open-data catalogue",
    "CYBERIMPACT_WEBHOOK_SECRET": "signs what leaves to webhooks: whsec_ and 32 bytes in base64",
}
#: Passwords and secret keys of folders elsewhere, from which files are fetched (docs/integration.md).
OF_FOLDERS = {
    remote_folders.setting(platform, "_SECRET"): f"secret of the folder of {platform.name}"
    for platform in PLATFORMS
    if platform.drops
}
SECRETS = GENERATED | GIVEN | OF_FOLDERS


def is_file(value: str) -> str:
    if not Path(value).is_file():
        raise ValueError("there is no such file")
    return value


def has_no_password(value: str) -> str:
    if urlsplit(value).password:
        raise ValueError("a password does not belong here: put the address into the folder of secrets")
    return value


Port = Annotated[int, Field(ge=1, le=max(settings.PORTS))]
Count = Annotated[int, Field(ge=1)]
Url = Annotated[str, Field(pattern=r"^https?://[^\s/]+"), AfterValidator(has_no_password)]
Database = Annotated[str, Field(pattern=r"^postgres(ql)?://"), AfterValidator(has_no_password)]
Folder = Annotated[str, Field(pattern="^/")]
File = Annotated[str, Field(pattern="^/"), AfterValidator(is_file)]
Memory = Annotated[str, Field(pattern="^[0-9]+[mg]$")]


def key(description: str, example: Any, alias: str | None = None) -> Any:
    """Declare a key that may be left out."""
    return Field(default=None, alias=alias, description=description, examples=[example])


def unlisted(description: str) -> Any:
    """Declare a key that may be left out, and that a new file does not show."""
    return Field(default=None, description=description)


def table() -> Any:
    """Declare a table that may be left out."""
    return Field(default=None)


class Table(BaseModel):
    """A table of the file; its docstring is what the file says of it."""

    model_config = ConfigDict(extra="forbid", strict=True)


class Service(Table):
    """What answers over HTTP."""

    port: Port = key("Port on 127.0.0.1, if not the usual one.", 8191)
    url: Url = key("Where people reach it, if a gateway serves it.", "https://cyberimpact.example")


class Web(Service):
    """The pages."""


class Dagster(Service):
    """The graph and its runs."""

    database: Database = key("PostgreSQL for runs, events and schedules; without it, files.", "postgresql:///dagster")


class Superset(Service):
    """The dashboards. All three addresses have one host name."""

    https: bool = key("Whether a gateway with HTTPS is in front.", example=True)
    session_minutes: Count = key("How long a session lasts without a click.", 60)
    workers: Count = key("Processes that answer.", 1)
    users: File = key("The accounts that this installation declares.", "/srv/cyberimpact/config/users.yml")


class Oidc(Table):
    """People who come in through an issuer (docs/administrateur.md)."""

    issuer: Url = key("Address of the OpenID Connect issuer, ProConnect's for one.", "https://issuer.example/api/v2")
    client_id: str = key("What it calls this installation.", "cyberimpact")
    scopes: str = key("What it is asked for, if not usual.", "openid email given_name usual_name")


class Smtp(Table):
    """Mail."""

    host: str = key("The mail server; without it no mail leaves.", "smtp.example")
    port: Port = key("Its port.", 587)
    user: str = key("The account there.", "cyberimpact")
    sender: str = key("Who writes.", "cyberimpact@unite.example", alias="from")
    timeout_seconds: Count = key("How long it may take to answer.", 20)


class Mail(Table):
    """Who may be mailed."""

    domains: list[str] = key("What subscriptions made on pages may write to.", ["gendarmerie.interieur.gouv.fr"])


class Operations(Table):
    """Decisions and alerts."""

    database: Database = key("PostgreSQL for decisions and alerts; without it, a file.", "postgresql:///cyberimpact")


class Bus(Table):
    """The message bus (docs/integration.md); its address is a secret."""

    ca_file: File = key("Authority of the message bus, if the system does not know it.", "/etc/ssl/bus.pem")


class Backup(Table):
    """Backups elsewhere, encrypted (docs/installation.md)."""

    address: str = key("Where they lie, as fsspec has it.", "file:///mnt/sauvegardes")
    recipient: Annotated[str, Field(pattern="^age1")] = key("The public key, by `cyberimpact offsite key`.", "age1…")
    days: Count = key("Days of which all are kept.", 14)
    months: Count = key("Months of which the first one is kept.", 12)


class Lease(Table):
    """Which of two machines is active (docs/installation.md)."""

    seconds: Count = key("After how long of silence the other one takes over.", 60)


class Traces(Table):
    """What runs do, for OpenTelemetry (docs/operator.md)."""

    url: Url = key("The collector, over OTLP/HTTP; without it, nothing is sent.", "http://127.0.0.1:4318")


class Ledger(Table):
    """The ledger."""

    months: Count = key("How far back the dashboard Audit shows it.", 13)
    signing_key_file: File = key("A file with the key that signs, outside the data.", "/etc/cyberimpact/ledger.key")


class Evidence(Table):
    """The evidence of figures."""

    months: Count = key("How long observations behind old publications are kept.", 36)


class Access(Table):
    """What is known of accesses."""

    days: Count = key("How far back the dashboard Audit shows accesses.", 365)


class Retry(Table):
    """Loads that fail."""

    minutes: Count = key("Pause before a failed load is tried again.", 15)


class Query(Table):
    """What a query of Superset may take."""

    chart_seconds: Count = key("How long a query of a chart may last.", 30)
    sql_lab_seconds: Count = key("How long one of SQL Lab may last.", 60)
    memory_mb: Count = key("Memory of one query.", 1024)
    total_mb: Count = key("Memory of all at once.", 4096)
    result_mb: Count = key("Size of an answer.", 64)


class Spark(Table):
    """The other engine (docs/spark.md)."""

    ui_url: Url = key("Pages of the driver.", "http://host:4040")
    driver_memory: Memory = key("Memory of a driver on this machine.", "3g")
    worker_memory: Memory = key("Memory of a worker on this machine.", "2g")
    worker_cores: Count = key("Cores of a worker on this machine.", 1)


class Opendata(Table):
    """Open data (docs/donnees-ouvertes.md)."""

    signers: File = key("Public keys (PEM) of who may sign the list.", "/srv/cyberimpact/config/signers.pem")


class Udata(Table):
    """Where open data goes."""

    url: Url = key("The open-data catalogue.", "https://www.data.gouv.fr")
    organization: str = key("The organisation there.", "534fff91a3a7292c64a77f53")


class Files(Table):
    """A platform whose files may be fetched from a folder elsewhere."""

    drop: str = key(
        "Folder its files are fetched from; the keys `drop_…` are in docs/integration.md.", "s3://bucket/folder"
    )
    drop_user: str = unlisted("Account or access key there.")
    drop_afterwards: Literal["keep", "move", "delete"] = unlisted("What becomes of a file that was fetched.")
    drop_endpoint: Url = unlisted("Address of another vendor of S3.")
    drop_key_file: File = unlisted("Private key for SFTP.")
    drop_known_hosts: File = unlisted("Host keys for SFTP.")


class Platform(Files):
    """A platform with an address and files."""

    url: Url = key("Its address, if not the public one.", "https://platform.example/api")


class AppStores(Table):
    """Platform: the app stores."""

    apps: list[str] = key("The apps that are read.", ["app_store:1606080425", "play:fr.gouv.interieur.masecurite"])
    app_store_url: Url = key("Address of the App Store.", "https://itunes.apple.com/fr")
    play_url: Url = key("Address of Google Play.", "https://androidpublisher.googleapis.com/androidpublisher/v3")
    play_key_file: File = key("Key file of a service account of Google.", "/srv/cyberimpact/secrets/play.json")


class Audience(Files):
    """Platform: audience."""

    matomo_url: Url = key("Address of Matomo.", "https://matomo.example")
    piano_url: Url = key("Address of Piano.", "https://api.atinternet.io/v3")


class Jdma(Platform):
    """Platform: Je donne mon avis."""

    since: str = key("First month that is read.", "2025-01")


class Listening(Platform):
    """Platform: listening."""

    vendor: Literal["talkwalker", "file"] = key("Whether an address is read, or files only.", "talkwalker")
    column_map: File = key("Names of the columns of exports.", "/srv/cyberimpact/config/columns.yml")


class MaSecurite(Table):
    """Platform: Ma Sécurité."""

    url: Url = key("Its address, if not the public one.", "https://platform.example/api")
    key_header: str = key("Header that holds the key.", "X-API-KEY")
    names: list[str] = key("Names of the parts of an answer, if not usual.", ["content=records"])
    path: str = key("Path below the address.", "signalements")


class OfficialAlerts(Table):
    """Platform: official alerts."""

    meteo_france_url: Url = key("Address of Vigilance.", "https://public-api.meteofrance.fr/public/DPVigilance/v1")
    meteo_france_archive_url: Url = key("Address of its archive.", "https://archive.example")
    odisse_url: Url = key("Address of Odissé.", "https://odisse.santepubliquefrance.fr/api/explore/v2.1")
    vigicrues_url: Url = key("Address of Vigicrues.", "https://www.vigicrues.gouv.fr/services")


class Partoo(Platform):
    """Platform: Partoo."""

    metrics: list[str] = key("What is counted of the presence.", ["call_clicks"])
    since: date | str = key("First day that is read.", "2025-01-01")


class Reference(Platform):
    """Platform: data.gouv.fr."""

    units_resource: str = key(
        "Resource of the units, as data.gouv.fr numbers it.", "061a5736-8fc2-4388-9e55-8cc31be87fa0"
    )
    competences_resource: str = key("That of who is competent where.", "c53cd4d4-4623-4772-9b8c-bc72a9cdf4c2")


class ServicesPublicsPlus(Platform):
    """Platform: Services Publics+."""

    dataset: str = key("Dataset of the experiences.", "fr-experiences")
    results_dataset: str = key("Dataset of the results.", "resultats")


class SocialAccounts(Files):
    """Platform: accounts of the Gendarmerie."""

    x_url: Url = key("Address of X.", "https://api.x.com/2")


class BrigadeNumerique(Files):
    """Platform: Brigade numérique."""


class Cybermalveillance(Files):
    """Platform: Cybermalveillance."""


class Perceval(Files):
    """Platform: Perceval."""


class PrePlainte(Files):
    """Platform: pre-complaints."""


class PreventionActions(Files):
    """Platform: prevention actions."""


class Configuration(Table):
    """The settings of an installation of cyberimpact. All may be left out but `home` and `secrets`."""

    home: Annotated[
        Folder, Field(description="The data: everything that is written.", examples=["/srv/cyberimpact/data"])
    ]
    secrets: Annotated[
        Folder, Field(description="One file for each secret, of mode 0600.", examples=["/srv/cyberimpact/secrets"])
    ]
    subscriptions: File = key("Who receives what.", "/srv/cyberimpact/config/subscriptions.yml")
    node: Annotated[str, Field(pattern=f"^{settings.NODE_NAME}$")] = key(
        "The name of this machine, if two share the data.", "srv-1"
    )
    engine: Literal["duckdb", "spark"] = key("What builds.", "duckdb")
    log_format: Literal["text", "json"] = key("How processes write their logs.", "json")
    raw_lake_platforms: list[str] = key("Platforms whose raw tables lie in a lake of Parquet files.", ["listening"])
    raw_lake: str = key("Folder or address of that lake.", "s3://bucket/raw")
    repository_url: Url = key(
        "The project's page: Dagster links each asset to its code there.", "https://git.example/c"
    )
    web: Web = table()
    superset: Superset = table()
    dagster: Dagster = table()
    oidc: Oidc = table()
    smtp: Smtp = table()
    mail: Mail = table()
    operations: Operations = table()
    bus: Bus = table()
    backup: Backup = table()
    traces: Traces = table()
    ledger: Ledger = table()
    lease: Lease = table()
    evidence: Evidence = table()
    access: Access = table()
    retry: Retry = table()
    query: Query = table()
    spark: Spark = table()
    opendata: Opendata = table()
    udata: Udata = table()
    app_stores: AppStores = table()
    audience: Audience = table()
    brigade_numerique: BrigadeNumerique = table()
    cybermalveillance: Cybermalveillance = table()
    jdma: Jdma = table()
    listening: Listening = table()
    ma_securite: MaSecurite = table()
    official_alerts: OfficialAlerts = table()
    partoo: Partoo = table()
    perceval: Perceval = table()
    pre_plainte: PrePlainte = table()
    prevention_actions: PreventionActions = table()
    reference: Reference = table()
    services_publics_plus: ServicesPublicsPlus = table()
    social_accounts: SocialAccounts = table()
