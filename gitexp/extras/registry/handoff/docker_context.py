"""The folder of a container image that serves a model with MLflow: Dockerfile, requirements and the model."""

from __future__ import annotations

from pathlib import Path

from gitexp.extras.registry.handoff import mlflow_folder
from gitexp.extras.registry.handoff.handed_model import HandedModel, HandedOver

PORT = 8080
_MODEL = "model"
_PYTHON = "3.12"  # where nobody noted one
_DOCKERFILE = """# Written by gitexp: {label}
FROM python:{python}-slim
WORKDIR /srv
COPY {model}/requirements.txt ./
RUN pip install --no-cache-dir -r requirements.txt && useradd --create-home server
COPY --chown=server {model} ./{model}
USER server
EXPOSE {port}
HEALTHCHECK --start-period=60s CMD \\
  python -c "import urllib.request as r; r.urlopen('http://127.0.0.1:{port}/ping')"
CMD ["mlflow", "models", "serve", "--model-uri", "{model}", "--env-manager", "local", \\
     "--host", "0.0.0.0", "--port", "{port}"]
"""


def write(model: HandedModel, folder: Path) -> HandedOver:
    """Write the folder of an image. The server in it is `mlflow models serve`."""
    folder.mkdir(parents=True, exist_ok=True)
    done = mlflow_folder.write(model, folder / _MODEL)
    remarks = list(done.remarks)
    if not (folder / _MODEL / "requirements.txt").is_file():
        remarks.append("the model's folder has no requirements.txt: the image has MLflow alone")
        (folder / _MODEL / "requirements.txt").write_text("mlflow\n", "utf-8")
    text = _DOCKERFILE.format(
        label=f"{model.name}@{model.version}",
        python=model.packages.python or _PYTHON,
        model=_MODEL,
        port=PORT,
    )
    (folder / "Dockerfile").write_text(text, "utf-8", newline="\n")
    (folder / ".dockerignore").write_text("gitexp.json\n", "utf-8", newline="\n")
    image = f"{model.name}:{model.version}".replace("+", "-").lower()
    return HandedOver(remarks, f"docker build -t {image} {{folder}} && docker run -p {PORT}:{PORT} {image}")
