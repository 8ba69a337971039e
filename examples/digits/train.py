"""Reads handwritten digits: a small neural network on scikit-learn's bundled 8x8 images.

Reads params.yaml; writes metrics.json (the end), logs.csv (every epoch) and models/digits.joblib.
"""

import json
import signal
from pathlib import Path

import joblib
import yaml
from sklearn.datasets import load_digits
from sklearn.metrics import accuracy_score, f1_score, log_loss
from sklearn.model_selection import train_test_split
from sklearn.neural_network import MLPClassifier


def main() -> None:
    # partial_fit takes Ctrl-C for the end of one epoch and goes on; here it shall end the training.
    signal.signal(signal.SIGINT, signal.SIG_DFL)
    params = yaml.safe_load(Path("params.yaml").read_text(encoding="utf-8"))
    images, digits = load_digits(return_X_y=True)
    train_images, test_images, train_digits, test_digits = train_test_split(
        images / 16.0,  # pixels are 0 to 16
        digits,
        test_size=params["data"]["test_share"],
        random_state=params["seed"],
        stratify=digits,
    )
    model = MLPClassifier(
        hidden_layer_sizes=params["model"]["layers"],
        activation=params["model"]["activation"],
        solver=params["train"]["optimizer"],
        learning_rate_init=params["train"]["lr"],
        alpha=params["train"]["l2"],
        batch_size=params["train"]["batch_size"],
        random_state=params["seed"],
    )

    with Path("logs.csv").open("w", encoding="utf-8", newline="\n") as log:
        log.write("epoch,train_loss,loss,acc\n")
        for epoch in range(1, params["train"]["epochs"] + 1):
            model.partial_fit(train_images, train_digits, classes=range(10))
            loss = log_loss(test_digits, model.predict_proba(test_images))
            acc = accuracy_score(test_digits, model.predict(test_images))
            log.write(f"{epoch},{model.loss_:.4f},{loss:.4f},{acc:.4f}\n")
            log.flush()
            print(f"epoch {epoch:3}  loss {loss:.4f}  acc {acc:.3f}", flush=True)

    predicted = model.predict(test_images)
    metrics = {
        "loss": round(log_loss(test_digits, model.predict_proba(test_images)), 4),
        "acc": round(accuracy_score(test_digits, predicted), 4),
        "f1": round(f1_score(test_digits, predicted, average="macro"), 4),
    }
    Path("metrics.json").write_text(json.dumps(metrics, indent=2) + "\n", encoding="utf-8")
    Path("models").mkdir(exist_ok=True)
    joblib.dump(model, "models/digits.joblib")


if __name__ == "__main__":
    main()
