"""The examples run as a newcomer runs them."""

import json
import shutil
import subprocess
import sys
from pathlib import Path

import nbformat
import pytest
from nbclient import NotebookClient
from PIL import Image

ROOT = Path(__file__).parents[2]
EXAMPLES = ROOT / "examples"
PICTURES = {"perceptron", "people", "network", "sigmoid-tanh", "relu", "history"}


@pytest.fixture(autouse=True)
def source_on_the_path(monkeypatch):
    """What the examples start imports this source, whether or not it is installed."""
    monkeypatch.setenv("PYTHONPATH", str(ROOT / "src"))


def test_the_script_trains_predicts_and_draws(tmp_path):
    script = shutil.copy(EXAMPLES / "tutorial.py", tmp_path)
    done = subprocess.run(
        [sys.executable, script], capture_output=True, text=True, encoding="utf-8", timeout=300
    )
    assert done.returncode == 0, done.stderr
    lines = done.stdout.splitlines()
    epochs = [line for line in lines if line.startswith("Epoch")]
    assert len(epochs) == 10
    loss = float(epochs[-1].split("loss: ")[1].split()[0])
    accuracy = float(epochs[-1].split("accuracy: ")[1].split()[0])
    assert abs(loss - 0.44) < 0.03
    assert abs(accuracy - 0.79) < 0.03
    assert any("a woman (woman" in line for line in lines)
    assert {p.stem for p in (tmp_path / "images").glob("*.png")} == PICTURES
    for picture in (tmp_path / "images").glob("*.png"):
        with Image.open(picture) as image:
            assert image.width > 200
            assert len(image.convert("L").getcolors()) > 2, f"{picture.name} is blank"


def test_the_notebook_runs_and_shows_its_pictures(tmp_path, monkeypatch):
    # The kernel of this Python, whatever kernels the machine knows.
    monkeypatch.setenv("JUPYTER_PATH", str(tmp_path))
    spec = tmp_path / "kernels" / "python3"
    spec.mkdir(parents=True)
    argv = [sys.executable, "-m", "ipykernel_launcher", "-f", "{connection_file}"]
    (spec / "kernel.json").write_text(
        json.dumps({"argv": argv, "display_name": "Python 3", "language": "python"})
    )
    notebook = nbformat.read(EXAMPLES / "tutorial.ipynb", as_version=4)
    client = NotebookClient(
        notebook, timeout=300, kernel_name="python3", resources={"metadata": {"path": tmp_path}}
    )
    client.execute()
    shown = [o for cell in notebook.cells for o in cell.get("outputs", ())]
    pictures = [o for o in shown if "image/png" in o.get("data", {})]
    assert len(pictures) == 4  # the perceptron, the activations, the history, the network
    text = "".join(o.get("text", "") for o in shown)
    assert "Epoch 10/10" in text
    assert "woman" in text
    assert not [o for o in shown if o.get("name") == "stderr"]
