"""Side-by-side runs of lamina and its peers; `make bench` keeps their table in RESULTS.md.

    benchmarks/run.py [--only tutorial] [--peers lamina,keras-jax] [--rounds 3]

Every measurement is a process of its own. Processes take turns (A B C A B C ...), so that what
the machine does meanwhile falls on all alike, and the table has medians over the rounds. A
workload is a file in workloads/, a peer a file in peers/: adding either takes that one file.
Peers that need other packages than lamina get environments in .envs/, made when missing.
"""

import argparse
import json
import os
import platform
import re
import statistics
import subprocess
import sys
from importlib import import_module
from pathlib import Path
from time import perf_counter

HERE = Path(__file__).parent
ENVIRONMENTS = HERE / ".envs"
RESULTS = HERE / "RESULTS.md"
MEASURES = {  # key: heading, number format
    "step_us": ("training step, us", "{:,.1f}"),
    "first_fit_s": ("first fit with its compilation, s", "{:.2f}"),
    "import_s": ("import, s", "{:.2f}"),
    "predict_ms": ("predict of one row, ms", "{:.3f}"),
    "predict_rows_ms": ("predict of all rows, ms per 1000", "{:.2f}"),
    "memory_mb": ("peak memory, MB", "{:,.0f}"),
    "cold_s": ("the whole job as a new process, s", "{:.2f}"),
}
INTRODUCTION = """# Results

Medians; in brackets the ratio to lamina, above 1 where lamina is faster. `make bench` measures
anew. A training step is a share of a whole `fit` of some epochs, after the first one; `predict` is
warm and includes the way in and out of the library; the whole job is import, model, training,
pictures, prediction and the end of the process. Hand-written peers draw no pictures. lamina keeps
compiled programs in the user's cache folder from one process to the next, so that all its first
fits but that of the first round read what that one compiled.
"""


def names_in(folder):
    return sorted(f.stem for f in (HERE / folder).glob("[!_]*.py"))


def interpreter(peer):
    """The Python of `peer`, in an environment with what it requires."""
    if not peer.REQUIRES:
        return sys.executable
    folder = ENVIRONMENTS / re.sub(r"[^a-z0-9]+", "-", "-".join(peer.REQUIRES).lower())
    stamp, python = folder / ".made", folder / "bin" / "python"
    if not stamp.exists():
        print(f"Installing {', '.join(peer.REQUIRES)} ...", flush=True)
        pip = ["-m", "pip", "--disable-pip-version-check", "install", "-qq", *peer.REQUIRES]
        subprocess.run([sys.executable, "-m", "venv", "--clear", folder], check=True)
        subprocess.run([python, *pip], check=True)
        stamp.touch()
    return str(python)


def measure(python, peer, workload, mode):
    """What one process of `peer` says about `workload`, or None if it failed."""
    environ = os.environ | {
        "PYTHONPATH": str(HERE.parent / "src"),
        "KERAS_HOME": str(ENVIRONMENTS / "keras-home"),  # not the user's own
        "TF_CPP_MIN_LOG_LEVEL": "3",
        **peer.ENVIRON,
    }
    environ.pop("PYTHONDONTWRITEBYTECODE", None)  # an installed program has its byte code
    name = peer.__name__.removeprefix("peers.")
    command = [python, HERE / "measure.py", name, workload, mode]
    begin = perf_counter()
    done = subprocess.run(command, capture_output=True, text=True, env=environ)
    seconds = perf_counter() - begin
    if done.returncode:
        print(f"{peer.LABEL} failed on {workload} ({mode}):\n{done.stderr[-1500:]}")
        return None
    found = json.loads(done.stdout.splitlines()[-1])
    return found | {"cold_s": seconds} if mode == "cold" else found


def run_rounds(workload, peers, pythons, rounds):
    """Measurements by peer and key, every process in its turn."""
    found = {peer.__name__: {} for peer in peers}
    for number in range(rounds):
        for mode in ("cold", "warm"):
            for peer in peers:
                if sys.stdout.isatty():
                    line = f"\r{workload} {number + 1}/{rounds} {mode:5}{peer.LABEL:24}"
                    print(line, end="", flush=True)
                values = measure(pythons[peer.__name__], peer, workload, mode)
                for key, value in (values or {"failed": True}).items():
                    found[peer.__name__].setdefault(key, []).append(value)
    return found


def table(rows):
    """Markdown with columns of equal width."""
    widths = [max(map(len, column)) for column in zip(*rows, strict=True)]
    rows = [rows[0], ["-" * w for w in widths], *rows[1:]]
    padded = ([c.ljust(w) for c, w in zip(row, widths, strict=True)] for row in rows)
    return "\n".join(f"| {' | '.join(row)} |" for row in padded)


def row_of(peer, found, ours):
    cells = [peer.LABEL]
    for key, (_, form) in MEASURES.items():
        if key not in found:
            cells.append("failed" if "failed" in found else "")
            continue
        value = statistics.median(found[key])
        ratio = value / statistics.median(ours[key]) if key in ours else None
        shown = f" ({ratio:.3g}x)" if ratio and found is not ours else ""
        cells.append(form.format(value) + shown)
    return [*cells, str(found.get("pictures", [""])[-1])]


def scores_line(peers, found):
    """How well each peer learned: a check that they all did the same job."""
    parts = []
    for peer in peers:
        scores = found[peer.__name__].get("scores", [])
        names = scores[0] if scores else {}
        medians = {n: statistics.median(s[n] for s in scores) for n in names}
        if medians:
            listed = ", ".join(f"{n} {v:.3f}" for n, v in medians.items())
            parts.append(f"{peer.LABEL}: {listed}")
    return "After the first fit: " + "; ".join(parts) + "."


def section(workload, peers, found, rounds):
    title = import_module(f"workloads.{workload}").__doc__.splitlines()[0]
    ours = found.get("peers.lamina", {})
    heads = ["", *(heading for heading, _ in MEASURES.values()), "pictures"]
    rows = [row_of(peer, found[peer.__name__], ours) for peer in peers]
    versions = {}
    for values in found.values():
        for each in values.get("versions", []):
            versions |= each
    listed = ", ".join(f"{name} {version}" for name, version in versions.items())
    machine = f"{os.cpu_count()} cores, {platform.machine()}, {platform.system()}"
    return "\n\n".join(
        [
            f"## {workload}",
            title,
            table([heads, *rows]),
            scores_line(peers, found),
            f"Rounds: {rounds}. Machine: {machine}. Versions: {listed}.",
        ]
    )


def keep(sections):
    """Replace the sections of RESULTS.md that were measured, and leave the others."""
    old = RESULTS.read_text("utf-8") if RESULTS.exists() else ""
    kept = {p.split("\n")[0].strip(): "## " + p.strip() for p in old.split("\n## ")[1:]}
    parts = [INTRODUCTION.strip(), *(kept | sections).values()]
    RESULTS.write_text("\n\n".join(parts) + "\n", "utf-8")


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--only", help="workloads, with commas (all)")
    parser.add_argument("--peers", help="peers, with commas (all); prints, but keeps no table")
    parser.add_argument("--rounds", type=int, default=3)
    options = parser.parse_args()
    wanted = options.peers.replace("-", "_").split(",") if options.peers else names_in("peers")
    wanted.sort(key=lambda name: name != "lamina")
    peers = [import_module(f"peers.{name}") for name in wanted]
    for peer in list(peers):
        if reason := getattr(peer, "missing", lambda: None)():
            print(f"{peer.LABEL} is not there: {reason}")
            peers.remove(peer)
    pythons = {peer.__name__: interpreter(peer) for peer in peers}
    if os.getloadavg()[0] > 1:
        print("Other programs keep this machine busy: trust the ratios, not the times.")
    sections, failed = {}, False
    for name in options.only.split(",") if options.only else names_in("workloads"):
        workload = import_module(f"workloads.{name}")
        able = [peer for peer in peers if hasattr(workload, peer.FACE)]
        found = run_rounds(name, able, pythons, options.rounds)
        failed |= any("failed" in values for values in found.values())
        sections[name] = section(name, able, found, options.rounds)
        print("\n" + sections[name] + "\n", flush=True)
    if not options.peers and not failed:
        keep(sections)
        print(f"Kept in {RESULTS.relative_to(HERE.parent)}.")
    sys.exit(failed)


if __name__ == "__main__":
    main()
