"""The part of a document that says which system retrains, and how it is reached.

What is secret is in files, which the process that asks reads with every attempt.
"""

from typing import Annotated, Any, Literal, Self

from pydantic import AfterValidator, Field, model_validator

from alerts.retraining.calls import PLACES, as_text, places
from monitor.spec.channels import Timeout, Url
from monitor.spec.strict import Strict

_Name = Annotated[str, Field(min_length=1, max_length=250)]


def _known_places(parameters: dict[str, Any]) -> dict[str, Any]:
    unknown = sorted(places(as_text(parameters)) - PLACES)
    if unknown:
        known = ", ".join(f"{{{place}}}" for place in sorted(PLACES))
        raise ValueError(f"{{{unknown[0]}}} is not known; there are {known}")
    return parameters


Parameters = Annotated[
    dict[str, Any],
    Field(
        max_length=100,
        description="What the pipeline is given, with places such as {event}, {id} or {export}; "
        "by default one parameter `event` that holds all.",
        examples=[{"request": "{id}", "data": "{export}"}],
    ),
    AfterValidator(_known_places),
]


class _System(Strict):
    url: Url = Field(description="Where its API is.")


class _Login(_System):
    token_file: str | None = Field(default=None, description="A file holding a bearer token.")
    username: str | None = Field(default=None, min_length=1, max_length=254)
    password_file: str | None = Field(default=None, description="A file holding the password.")

    @model_validator(mode="after")
    def _one_credential(self) -> Self:
        if (self.username is None) != (self.password_file is None):
            raise ValueError("username and password_file belong together")
        if self.username and self.token_file:
            raise ValueError("give a token or a username, not both")
        return self


class _Token(_System):
    token_file: str | None = Field(default=None, description="A file holding a bearer token.")


class Airflow(_Login):
    dag: _Name
    version: Literal[2, 3] = 3


class Argo(_Token):
    """Argo Workflows."""

    namespace: _Name
    template: _Name = Field(description="The WorkflowTemplate that is submitted.")
    service_account: _Name | None = None
    parameters: Parameters | None = None


class ArgoEvents(_Token):
    """An EventSource of Argo Events of the type webhook; the URL names its endpoint."""


class Dagster(_System):
    token_file: str | None = Field(default=None, description="A file holding a Dagster+ token.")
    job: _Name
    repository: _Name = "__repository__"
    location: _Name
    run_config: Parameters | None = None


class GitHub(_System):
    url: Url = "https://api.github.com"
    token_file: str
    repository: str = Field(pattern=r"^[\w.-]+/[\w.-]+$", description="owner/name")
    event_type: str = Field(default="retrain", min_length=1, max_length=100)


class GitLab(_System):
    url: Url = "https://gitlab.com"
    project: _Name = Field(description="Its number, or group/name.")
    ref: _Name = "main"
    token_file: str = Field(description="A file holding a pipeline trigger token.")
    api_token_file: str | None = Field(
        default=None,
        description="A file holding a token that may read pipelines, to see what became of one.",
    )


class Http(_Login):
    """Any HTTP endpoint that takes the request as it is."""

    status_url: Url | None = Field(
        default=None,
        description='Answers {"state": "running"}, "succeeded" or "failed"; it may hold {id}.',
    )


class Jenkins(_Login):
    job: _Name = Field(description="Its name; folders before it, with slashes.")
    parameters: Parameters | None = None


class Kubeflow(_Token):
    """Kubeflow Pipelines, version 2 of its API."""

    experiment_id: _Name
    pipeline_id: _Name
    pipeline_version_id: _Name | None = None
    service_account: _Name | None = None
    parameters: Parameters | None = None


class Mlflow(_Login):
    """A run of an MLflow tracking server, for whoever takes up runs of the experiment."""

    experiment_id: _Name


class Mlrun(_Token):
    project: _Name
    workflow: _Name
    parameters: Parameters | None = None


class Prefect(_Login):
    """A deployment of Prefect 3; the URL is PREFECT_API_URL, which ends in /api."""

    deployment: _Name = Field(description="The deployment's id.")
    parameters: Parameters | None = None


class SageMaker(Strict):
    url: Url | None = Field(default=None, description="By default the public one of the region.")
    region: str = Field(pattern=r"^[a-z0-9-]+$")
    pipeline: _Name
    credentials_file: str = Field(
        description="A file as in ~/.aws/credentials, whose section [default] is used."
    )
    parameters: Parameters | None = None


class Tekton(_Token):
    """An EventListener of Tekton Triggers."""


class Vertex(Strict):
    """Vertex AI Pipelines."""

    url: Url | None = Field(default=None, description="By default the public one of the location.")
    project: _Name
    location: str = Field(pattern=r"^[a-z0-9-]+$")
    template_uri: _Name = Field(description="Of the compiled pipeline in Artifact Registry.")
    output: str = Field(pattern=r"^gs://", description="The output folder in Cloud Storage.")
    service_account: _Name | None = None
    token_file: str = Field(description="A file holding an access token that is kept fresh.")
    parameters: Parameters | None = None


_Settings = (
    Airflow
    | Argo
    | ArgoEvents
    | Dagster
    | GitHub
    | GitLab
    | Http
    | Jenkins
    | Kubeflow
    | Mlflow
    | Mlrun
    | Prefect
    | SageMaker
    | Tekton
    | Vertex
)


class Start(Strict):
    """The system that retrains: its settings, under the key of its kind."""

    timeout: Timeout = 15.0
    airflow: Airflow | None = None
    argo: Argo | None = None
    argo_events: ArgoEvents | None = None
    dagster: Dagster | None = None
    github: GitHub | None = None
    gitlab: GitLab | None = None
    http: Http | None = None
    jenkins: Jenkins | None = None
    kubeflow: Kubeflow | None = None
    mlflow: Mlflow | None = None
    mlrun: Mlrun | None = None
    prefect: Prefect | None = None
    sagemaker: SageMaker | None = None
    tekton: Tekton | None = None
    vertex: Vertex | None = None

    @model_validator(mode="after")
    def _one_kind(self) -> Self:
        if len(self._given()) != 1:
            *most, last = KINDS
            raise ValueError(f"give exactly one of {', '.join(most)} and {last}")
        return self

    @property
    def kind(self) -> str:
        [kind] = self._given()
        return kind

    def target(self) -> dict[str, Any]:
        """What `alerts.retraining.starting.open` makes the pipeline of."""
        settings: _Settings = getattr(self, self.kind)
        plain = settings.model_dump(mode="json")
        return {"kind": self.kind, "timeout_s": self.timeout, **plain, **_derived(settings)}

    def _given(self) -> list[str]:
        return [kind for kind in KINDS if getattr(self, kind) is not None]


KINDS = tuple(sorted(set(Start.model_fields) - {"timeout"}))


def _derived(settings: _Settings) -> dict[str, Any]:
    """What the calls of a system need in another form than people write it."""
    match settings:
        case Airflow(version=2):
            return {"kind": "airflow2"}
        case GitHub():
            owner, name = settings.repository.split("/")
            return {"owner": owner, "repository": name}
        case Jenkins():
            job = settings.job.strip("/").replace("/", "/job/")
            given = {"event": "{event}"} if settings.parameters is None else settings.parameters
            return {
                "url": f"{settings.url.rstrip('/')}/job/{job}",
                "parameters": {"RETRAIN_ID": "{id}", **given},
            }
        case SageMaker(url=None):
            return {"url": f"https://api.sagemaker.{settings.region}.amazonaws.com"}
        case Vertex(url=None):
            return {"url": f"https://{settings.location}-aiplatform.googleapis.com"}
    return {}
