"""The command `lamina`: scripts run as Python runs them, only that `keras` means lamina."""

import os
import subprocess
import sys

import pytest

import lamina

PERCEPTRON = """
import os
os.environ["KERAS_BACKEND"] = "tensorflow"
os.environ["TF_CPP_MIN_LOG_LEVEL"] = "2"
from keras.models import Sequential
from keras.layers import Dense, Activation
unit = Sequential()
unit.add(Dense(1, input_dim=3, kernel_initializer='random_normal', name="weighing"))
unit.add(Activation('sigmoid', name="squashing"))

from keras.utils import plot_model
plot_model(unit, to_file='images/unit.png')

import numpy as np
n = 400
features = np.random.normal(size=(3, n))
label = np.zeros(n)
label[:n // 2] = 1
features[:, :n // 2] += 1

net = Sequential()
net.add(Dense(4, input_dim=3, kernel_initializer='random_normal', name="inner"))
net.add(Activation('relu', name="bend"))
net.add(Dense(2, input_dim=4, kernel_initializer='random_normal', name="outer"))
net.add(Activation('softmax', name="share"))
net.compile(optimizer='rmsprop', loss='categorical_crossentropy', metrics=['accuracy'])

from keras import utils
one_hot = utils.to_categorical(label, num_classes=2)
history = net.fit(features.T, one_hot, epochs=2, batch_size=8)
share = net.predict(np.array([[0, 0, 0]]))
print('\u5973\u751f' if share[0, 0] > 0.5 else '\u7537\u751f', share.shape)
"""


def test_a_lesson_of_2018_runs_unchanged(command, script, tmp_path, monkeypatch):
    for name in ("KERAS_BACKEND", "TF_CPP_MIN_LOG_LEVEL"):
        monkeypatch.setenv(name, "")  # so that what the script sets is undone
    done = command("run", script(PERCEPTRON))
    assert done.status == 0, done.err
    assert done.out.strip().endswith("\u751f (1, 2)")
    assert (tmp_path / "images" / "unit.png").read_bytes().startswith(b"\x89PNG")


def test_the_script_is_main_with_its_own_arguments_and_folder(command, script, tmp_path):
    script("word = 'neighbour'", "beside.py")
    path = script(
        "import pickle, sys, beside\n"
        "class Thing: pass\n"
        "pickle.loads(pickle.dumps(Thing()))\n"
        "print(__name__, __file__, sys.path[0], sys.argv[1:], beside.word, sep='|')\n"
    )
    done = command("run", path, "--epochs", "3", "-h")
    folder = str(tmp_path / "lessons")
    assert done.out == f"__main__|{path}|{folder}|['--epochs', '3', '-h']|neighbour\n"
    assert sys.argv[0] == path


def test_tracebacks_show_the_script_alone(command, script):
    done = command("run", script("def fail():\n    1 / 0\n\nfail()\n"))
    assert done.status == 1
    assert done.err.count("File ") == done.err.count("script.py") == 2
    assert "    1 / 0\n" in done.err
    assert "ZeroDivisionError" in done.err


def test_explained_errors_show_the_script_alone_and_others_all(command, script):
    done = command("run", script("from keras.layers import Dense\nDense(-3)\n"))
    assert done.err.count("File ") == done.err.count("script.py") == 1
    assert "Got -3" in done.err
    done = command("run", script("import json\njson.loads('{')\n"))
    assert "decoder.py" in done.err


def test_a_missing_name_is_reported_at_the_script_line(command, script):
    done = command("run", script("import keras\n\nfrom keras.layers import Merge\n"))
    assert done.status == 1
    assert done.err.count("File ") == 1
    assert 'script.py", line 3' in done.err
    assert "Help: use Add" in done.err


def test_errors_that_led_to_an_error_are_shown_too(command, script):
    done = command(
        "run",
        script(
            "import keras\n"
            "try:\n    keras.layers.Merge\n"
            "except AttributeError as error:\n    raise ValueError('no') from error\n"
        ),
    )
    assert "direct cause" in done.err
    assert done.err.count("File ") == done.err.count("script.py") == 2


@pytest.mark.parametrize(
    ("source", "status"),
    [("raise SystemExit", None), ("import sys; sys.exit(3)", 3), ("exit('bye')", "bye")],
)
def test_exit_codes_pass_through(command, script, source, status):
    assert command("run", script(source)).status == status


def test_ctrl_c_is_short(command, script):
    done = command("run", script("x = 1\nraise KeyboardInterrupt\n"))
    assert done.status == 130
    assert done.err.strip().startswith("Interrupted at line 2 of")
    assert "Traceback" not in done.err


@pytest.mark.parametrize(
    ("path", "words"), [("no.py", "no file"), (".", "a folder"), ("lesson.ipynb", "%load_ext")]
)
def test_what_cannot_be_run_is_said(command, tmp_path, path, words):
    (tmp_path / "lesson.ipynb").write_text("{}")
    done = command("run", path)
    assert done.status == 2
    assert "lamina run: expected the path of a Python script" in done.err
    assert words in done.err


def test_syntax_errors_show_the_script_line(command, script):
    done = command("run", script("x = (\n"))
    assert done.status == 1
    assert "cli.py" not in done.err
    assert "x = (" in done.err


def test_our_futures_are_not_the_scripts(command, script):
    path = script("def f(x: 1 + 1): pass\nprint(f.__annotations__, __builtins__.__name__)\n")
    assert command("run", path).out == "{'x': 2} builtins\n"


def test_code_and_modules_run_too(command, tmp_path):
    code = "import sys, keras; print(__name__, sys.argv, keras.__version__)"
    done = command("run", "-c", code, "-m", "x")
    assert done.out.startswith("__main__ ['-c', '-m', 'x'] 3.")
    (tmp_path / "lesson.py").write_text("import sys, keras; print(__name__, sys.argv[1:])")
    assert command("run", "-m", "lesson", "--flag").out == "__main__ ['--flag']\n"


def test_nothing_to_run_is_a_usage_error(command):
    done = command("run")
    assert done.status == 2
    assert "usage: lamina run" in done.err


def test_version_and_help(command):
    assert command("--version").out == f"lamina {lamina.__version__}\n"
    assert "doctor" in command().out


def test_the_report_names_what_matters(command, monkeypatch):
    monkeypatch.setenv("KERAS_BACKEND", "theano")
    out = command("doctor").out
    for word in (lamina.__version__, "python", "jax", "numpy", "cpu:0", "KERAS_BACKEND=theano"):
        assert word in out
    assert os.path.expanduser("~") + os.sep not in out


def lamina_process(folder, *arguments, **environment):
    return subprocess.run(
        [sys.executable, "-m", "lamina", *arguments],
        cwd=folder,
        env=os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)} | environment,
        stdin=subprocess.DEVNULL,
        capture_output=True,
    )


def test_a_console_without_the_character_shows_its_escape(tmp_path):
    (tmp_path / "say.py").write_text("print('\u5973\u751f')\nraise SystemExit(4)\n", "utf-8")
    done = lamina_process(tmp_path, "run", "say.py", PYTHONIOENCODING="cp1252")
    assert done.returncode == 4
    assert done.stdout.split() == [rb"\u5973\u751f"]


def test_importing_keras_loads_lamina_and_nothing_more(tmp_path):
    code = "import sys, keras, tensorflow as tf; tf.keras.layers.Dense; print(*sys.modules)"
    done = lamina_process(tmp_path, "run", "-c", code)
    loaded = {name.partition(b".")[0] for name in done.stdout.split()}
    assert b"lamina" in loaded
    assert not loaded & {b"matplotlib", b"rich", b"h5py", b"PIL", b"scipy.stats", b"IPython"}


def test_real_keras_before_the_script_is_an_error(tmp_path):
    (tmp_path / "sitecustomize.py").write_text(
        "import sys, types\nsys.modules['keras'] = types.ModuleType('keras')\n"
    )
    done = lamina_process(
        tmp_path, "run", "-c", "", PYTHONPATH=os.pathsep.join([str(tmp_path), *sys.path])
    )
    assert done.returncode == 2
    assert b"nothing has imported keras yet" in done.stderr
