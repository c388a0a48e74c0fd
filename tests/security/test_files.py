"""Files that attack: HDF5 that points elsewhere or has no end, archives, JSON, folders, shards."""

import io
import json
import os
import resource
import struct
import sys
import time
import warnings
import zipfile

import h5py
import numpy as np
import pytest

from lamina import models, saving
from lamina.callbacks import _state_file

from . import files
from .files import CONFIG, FORMS, METADATA, WEIGHTS, lay_out
from .watch import Tripwire, watched

HDF5 = [form for form in FORMS if FORMS[form].hdf5]
KERAS = (".keras", ".keras weights", ".keras inspected", ".keras weights edited")
LOOKS = tuple(form for form in FORMS if form.endswith(("inspected", "edited")))  # at less of it
MIB = 1 << 20


def peak():
    """The most memory that the process had, in MiB."""
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / (
        1 if sys.platform == "darwin" else 1024
    )


def attack(form, path, refused=True, also=()):
    """Load a spoiled file under watch; return what is wrong about the outcome, or None."""
    model = files.fresh()
    before, memory, start, said = files.state(model), peak(), time.monotonic(), None
    try:
        with watched(path, path.parent / "m", *also, *path.parent.glob("*_0*.weights.h5")):
            try:
                with warnings.catch_warnings():
                    warnings.simplefilter("ignore")
                    loaded = FORMS[form].load(model, path)
            except (ValueError, OSError) as error:
                said = str(error)
    except BaseException as error:
        return f"{type(error).__name__} {str(error)[:200]}"
    if time.monotonic() - start > 10:
        return f"took {time.monotonic() - start:.0f} s"
    if peak() - memory > 200:
        return f"took {peak() - memory:.0f} MiB"
    if said is None:
        if FORMS[form].whole:
            loaded.get_weights()
        return "accepted" if refused and form not in LOOKS else None
    if files.state(model) != before:
        return f"refused ({said[:80]}), but weights have changed"
    if "expected" not in said or "\n  Got " not in said:
        return f"not in three parts: {said[:200]}"
    return None


# --- HDF5 ---------------------------------------------------------------------------------------

OPTIONAL = 1


def replace(make):
    """An edit that puts something else in the place of an array."""

    def edit(file, path):
        del file[path]
        make(file, path)

    return edit


def above(make):
    """An edit that puts something else in the place of the first group of an array's path."""

    def edit(file, path):
        top = path.split("/")[0]
        file.move(top, "moved")
        make(file, top)

    return edit


def put(value):
    return replace(lambda file, path: file.__setitem__(path, value))


def made(shape=(3, 4), dtype="f4", **options):
    return replace(lambda file, path: file.create_dataset(path, shape, dtype, **options))


def virtual(name):
    def make(file, path):
        layout = h5py.VirtualLayout((3, 4), "f4")
        layout[:] = h5py.VirtualSource(name, "data", (3, 4))
        file.create_virtual_dataset(path, layout)

    return replace(make)


def filtered(file, path):
    plist = h5py.h5p.create(h5py.h5p.DATASET_CREATE)
    plist.set_chunk((3, 4))
    plist.set_filter(32015, OPTIONAL)
    space, kind = h5py.h5s.create_simple((3, 4)), h5py.h5t.IEEE_F32LE
    h5py.h5d.create(file.id, path.encode(), kind, space, plist)


def nested(file, path):
    group = file[path.rpartition("/")[0]]
    for _ in range(200):
        group = group.create_group("g")


def many(file, path):
    for i in range(300):
        file.create_dataset(f"more/{i}", (MIB,), "f4", chunks=(MIB,), compression="gzip")


def objects(kind, value):
    def make(file, path):
        array = file.create_dataset(path, (3, 4), kind)
        if value is not None:
            array[0, 0] = value(file)

    return replace(make)


def names(attribute, value):
    """Edits of what Keras 2's form tells its arrays by; no change in other forms."""

    def edit(file, path):
        def change(_, group):
            if attribute in group.attrs:
                group.attrs[attribute] = value

        file.visititems(change)
        change("", file)

    return edit


def hdf5_edits(secret, raw):
    """name -> (edit, whether it must be refused)."""
    external = h5py.ExternalLink(secret, "data")
    soft = h5py.SoftLink
    found = {
        "R2 external link": put(external),
        "R2 soft link": put(soft("/moved/0")),
        "R2 soft link to an external link": lambda f, p: (
            f.__setitem__("out", external), f.__delitem__(p), f.__setitem__(p, soft("/out"))),
        "R2 external link above": above(
            lambda f, top: f.__setitem__(top, h5py.ExternalLink(secret, "/"))),
        "R2 soft link above": above(lambda f, top: f.__setitem__(top, soft("/moved"))),
        "R2 external storage": made(external=[(raw, 0, 48)]),
        "R2 virtual": virtual(secret),
        "R2 virtual, of itself": virtual("."),
        "R2 object reference": objects(h5py.ref_dtype, lambda f: f.ref),
        "R2 region reference": objects(h5py.regionref_dtype, lambda f: f.create_dataset(
            "t", (2,), "f4").regionref[:1]),
        "C6 objects": objects(h5py.string_dtype(), lambda f: "gANjb3MKc3lzdGVtCg=="),
        "C6 opaque": made(dtype="V16"),
        "C6 arrays of any length": objects(h5py.vlen_dtype("f4"), None),
        "C6 compound": made(dtype=[("a", "f4"), ("b", "i4")]),
        "C6 enum": made(dtype=h5py.enum_dtype({"A": 1}, "i4")),
        "C6 type in place of an array": put(np.dtype("f4")),
        "I2 group in place of an array": replace(lambda f, p: f.create_group(p)),
        "I2 nothing": replace(lambda f, p: None),
        "I2 other shape": made((4, 3), data=np.ones((4, 3))),
        "I2 text": made(dtype="S8"),
        "D2 filter of others": replace(filtered),
        "D2 one huge array": made((10**6, 10**6)),
        "D2 huge, in chunks": made((10**5, 10**5), chunks=(1000, 1000), compression="gzip"),
        "D2 huge chunk": made(chunks=(3, 4), maxshape=(None, None)),
        "D2 right shape, nothing stored": made(),
        "D2 no dimensions": made(()),
        "D2 empty": replace(lambda f, p: f.create_dataset(p, data=h5py.Empty("f4"))),
    }  # fmt: skip
    allowed = {
        "D2 a loop": lambda f, p: f[p.rpartition("/")[0]].__setitem__("loop", f),
        "D2 deep": nested,
        "D2 many": many,
        "I2 NaN": lambda f, p: f[p].__setitem__(..., np.nan),
        "I2 double": made(data=np.ones((3, 4)), dtype="f8"),
        "I2 complex": made(data=np.ones((3, 4), "c8"), dtype="c8"),
        "I2 booleans": made(data=np.ones((3, 4), bool), dtype=bool),
        "D2 attribute": lambda f, p: f[p].parent.attrs.__setitem__("name", "x" * 60_000),
        "D2 attribute of nothing": lambda f, p: f.attrs.__setitem__("name", h5py.Empty("f4")),
        "R4 layers": names("layer_names", ["../m/a", "/model_weights/a", "a/../b", "..", ""]),
        "R4 weights": names("weight_names", ["../b/kernel", "/a/kernel", "a/./kernel", "."]),
        "R4 numbers": names("layer_names", [1, 2]),
        "R4 a reference": lambda f, p: f.attrs.__setitem__("layer_names", f.ref),
        "R4 version": lambda f, p: f.attrs.__setitem__("keras_version", [1, 2]),
    }
    return {
        **{k: (v, True) for k, v in found.items()},
        **{k: (v, False) for k, v in allowed.items()},
    }


@pytest.mark.parametrize("form", HDF5)
def test_hdf5(form, tmp_path):
    secret, raw = tmp_path / "secret.h5", tmp_path / "secret.raw"
    with h5py.File(secret, "w") as file:
        file["data"] = np.ones((3, 4), "f4")
    raw.write_bytes(b"the secret" * 10)
    path = lay_out(form, tmp_path / "in")
    assert attack(form, path, refused=False) is None  # and loads what of the library comes late
    wires, wrong = [Tripwire(secret), Tripwire(raw)], []
    for title, (edit, refused) in hdf5_edits(str(secret), str(raw)).items():
        path = lay_out(form, tmp_path / "in", files.edited(form, edit))
        for wire in wires:
            wire.tripped()  # by the edit
        said = attack(form, path, refused)
        if said:
            wrong.append(f"{title}: {said}")
        wrong += [f"{title}: opened the other file" for wire in wires if wire.tripped()]
    for wire in wires:
        wire.close()
    assert not wrong, "\n".join(wrong)


@pytest.mark.parametrize("part", [0, 1 << 40, (1 << 64) - 1])
def test_heaps_of_text_that_hdf5_walks_forever(part, tmp_path):
    data = bytearray(files.saved(".h5")["m.h5"])
    heap = data.index(b"GCOL")
    data[heap + 16 : heap + 32] = bytes(8) + part.to_bytes(8, "little")
    path = lay_out(".h5", tmp_path / "in", {"m.h5": bytes(data)})
    assert attack(".h5", path) is None
    assert attack(".h5 inspected", path) is None


# --- archives -----------------------------------------------------------------------------------

CENTRAL = b"PK\x01\x02"


def archive(*extra, form=".keras", first=(), how=zipfile.ZIP_STORED):
    """A model's archive with more members: (name or ZipInfo, bytes)."""
    parts = files.members(files.saved(form)["m.keras"])
    made = io.BytesIO()
    with warnings.catch_warnings(), zipfile.ZipFile(made, "w", how) as file:
        warnings.simplefilter("ignore")  # about duplicates
        for name, data in [*first, *parts.items(), *extra]:
            file.writestr(name, data)
    return made.getvalue()


def patched(data, member, offset, value):
    """Overwrite a field in the table of contents."""
    at = -1
    while True:
        at = data.index(CENTRAL, at + 1)
        if data[at + 46 :].startswith(member.encode()):
            return data[: at + offset] + value + data[at + offset + len(value) :]


def link(name):
    info = zipfile.ZipInfo(name)
    info.create_system, info.external_attr = 3, 0o120777 << 16
    return info


def without(name):
    parts = files.members(files.saved(".keras")["m.keras"])
    return files.zipped({k: v for k, v in parts.items() if k != name})


def renamed(old, new):
    """Change a name where the table of contents has it, or (twice) everywhere."""
    data = archive((old, b"x"))
    at = data.rindex(old.encode())
    return data[:at] + new.encode() + data[at + len(new) :]


def other(name, data, how=zipfile.ZIP_DEFLATED):
    parts = files.members(files.saved(".keras")["m.keras"])
    return files.zipped({**parts, name: data}, how)


def archives():
    evil = ("../x", "/tmp/x", "C:/x", "a\\b", "a/../../x", "./x", "a//x", "CON", "aux.txt",
            "x.", "x ", "a/ /b", "con/x", "a:b", "x" * 300, "/".join("a" * 100), "a\nb",
            "\u202ex")  # fmt: skip
    found = {f"W1 member {name[:20]!r}": archive((name, b"x")) for name in evil}
    zeros = bytes(8 * MIB)
    found |= {
        "W1 twice": archive((CONFIG, b"{}")),
        "W1 other case": archive(("Config.JSON", b"{}")),
        "W1 a ligature": archive(("con\ufb01g.json", b"{}")),
        "W1 a link": archive((link("assets/x"), b"/etc/passwd")),
        "W1 weights as a link": patched(archive(), WEIGHTS, 38, struct.pack("<I", 0o120777 << 16)),
        "W1 NUL": renamed("assetsX", "asset\0X"),
        "W1 two names": patched(archive(), WEIGHTS, 46, b"nodel.weights.h5"),
        "W1 other offset": patched(archive(), WEIGHTS, 42, struct.pack("<I", 0)),
        "W1 offset beyond": patched(archive(), WEIGHTS, 42, struct.pack("<I", 1 << 31)),
        "W1 encrypted": patched(archive(), CONFIG, 8, b"\x01\0"),
        "W1 bzip2": other("x", b"x", zipfile.ZIP_BZIP2),
        "W1 lzma": other("x", b"x", zipfile.ZIP_LZMA),
        "W1 a method that nobody has": patched(archive(), CONFIG, 10, b"\x63\0"),
        "D1 size larger": patched(archive(), WEIGHTS, 24, struct.pack("<I", 1 << 31)),
        "D1 size smaller": patched(archive(), CONFIG, 24, struct.pack("<I", 9)),
        "D1 stored size larger": patched(archive(), WEIGHTS, 20, struct.pack("<I", 1 << 31)),
        "D1 checksum": patched(archive(), CONFIG, 16, b"abcd"),
        "D1 config bomb": other(CONFIG, b" " * 8 * MIB + b"{}"),
        "D1 metadata bomb": other(METADATA, zeros),
        "D1 weights bomb": other(WEIGHTS, zeros),
        "D1 asset bomb": other("assets/x", zeros),
        "D1 members": archive(*((f"x/{i}", b"") for i in range(11_000))),
        "D1 comment": archive()[:-2] + b"\x04\0PK\x05\x06",
        "D1 no archive": b"PK\x03\x04" + bytes(1000),
        "D1 nothing": b"",
        "D1 end alone": b"PK\x05\x06" + bytes(18),
        "D1 end of another": archive()[:-6] + struct.pack("<I", 1 << 31) + b"\0\0",
        "I2 no config": without(CONFIG),
        "I2 no weights": without(WEIGHTS),
        "I2 weights of nothing": other(WEIGHTS, b""),
        "I2 weights that are text": other(WEIGHTS, b"text" * 100),
        "I2 weights that are a zip": other(WEIGHTS, archive()),
        "I2 weights in npz": files.zipped({CONFIG: b"{}", "model.weights.npz": b"x"}),
    }  # fmt: skip
    return found


# These are about what load_weights does not read, or are let be.
NOT_READ = ("I2 no config", "D1 config bomb", "D1 metadata bomb", "D1 asset bomb",
            "D1 size smaller", "D1 checksum")  # fmt: skip


@pytest.mark.parametrize("form", KERAS)
def test_archives(form, tmp_path):
    wrong = []
    assert attack(form, lay_out(form, tmp_path / "in"), refused=False) is None
    for title, data in archives().items():
        path = lay_out(form, tmp_path / "in", {"m.keras": data})
        said = attack(form, path, not (form == ".keras weights" and title in NOT_READ))
        wrong += [f"{title}: {said}"] if said else []
        strange = {p.name for p in tmp_path.rglob("*")} - {"in", "m.keras"}
        wrong += [f"{title}: left {strange}"] if strange else []
    assert not wrong, "\n".join(wrong)


# --- JSON ---------------------------------------------------------------------------------------


def texts(good):
    """name -> a text in the place of `good`."""
    value = json.loads(good)
    deep = 100_000
    first = next(iter(value))
    long = b"1" * 5000
    return {
        "depth of lists": b"[" * deep,
        "depth of whole lists": b"[" * deep + b"]" * deep,
        "depth of dictionaries": b'{"a":' * deep + b"1" + b"}" * deep,
        "depth, beside": good[:-1] + b',"z":' + b"[" * 5000 + b"]" * 5000 + b"}",
        "values": b"[" + b"1," * 2_100_000 + b"1]",
        "digits": good[:-1] + b',"z":' + long + b"}",
        "digits of a float": good[:-1] + b',"z":1.' + long + b"}",
        "infinite": good[:-1] + b',"z":1e999}',
        "NaN": good[:-1] + b',"z":NaN}',
        "a key twice": good[:-1] + b"," + json.dumps(first).encode() + b":1}",
        "half of a surrogate": good[:-1] + b',"z":"\xed\xa0\x80"}',
        "bytes": b"\xff\xfe" + good,
        "UTF-16": good.decode().encode("utf-16"),
        "nothing": b"",
        "null": b"null",
        "a list": b"[]",
        "a number": b"17",
        "text": b'"text"',
        "no end": good[:-1],
        "more": good + b"{}",
        "Python": b"__import__('os').system('true')",
    }


MAY_PASS = ("digits of a float",)
# metadata is asked for its version alone, and may say anything else.
OF_METADATA = ("null", "a list", "a number", "text", "infinite")


@pytest.mark.parametrize(
    "form", [f for f in FORMS if files.configs_of(f) and f != ".keras weights"]
)
def test_json(form, tmp_path):
    wrong = []
    attack(form, lay_out(form, tmp_path / "in"), refused=False)
    for where, good in files.configs_of(form):
        for title, text in texts(good).items():
            if title == "values":
                continue  # takes a second, whatever the form: see below
            if form == ".h5" and (len(text) > 4 * MIB or not _is_text(text)):
                continue  # HDF5 holds no such attribute
            path = lay_out(form, tmp_path / "in", files.with_config(form, where, text))
            may_pass = title in MAY_PASS or (where.endswith(METADATA) and title in OF_METADATA)
            said = attack(form, path, not may_pass)
            wrong += [f"{where}, {title}: {said}"] if said else []
    assert not wrong, "\n".join(wrong)


def _is_text(data):
    try:
        return b"\0" not in data and bool(data.decode())
    except UnicodeDecodeError:
        return False


def test_json_of_a_model():
    good, wrong = files.fresh().to_json().encode(), []
    for title, text in texts(good).items():
        try:
            with watched():
                models.model_from_json(text)
        except ValueError as error:
            wrong += [] if "\n  Got " in str(error) else [f"{title}: {error}"]
        else:
            wrong += [] if title in MAY_PASS else [f"{title}: accepted"]
    assert not wrong, "\n".join(wrong)


# --- folders and shards -------------------------------------------------------------------------


@pytest.mark.skipif(os.name != "posix", reason="links")
@pytest.mark.parametrize("name", [CONFIG, WEIGHTS, "assets"])
def test_links_in_folders(name, tmp_path):
    path, out = lay_out("folder", tmp_path / "in"), tmp_path / "out"
    good = path / name
    if good.exists():
        good.rename(out)
    else:
        out.mkdir()
    good.symlink_to(out)
    assert attack("folder", path) is None
    good.unlink()
    os.mkfifo(good)  # opening it would wait forever
    assert attack("folder", path) is None
    good.unlink()
    good.symlink_to("/dev/zero")
    assert attack("folder", path) is None
    good.unlink()
    good.symlink_to(good)
    assert attack("folder", path) is None


def tables(good):
    table = json.loads(good)
    for place in ("../out_00000.weights.h5", "/etc/passwd", "out.h5", "link_00000.weights.h5",
                  "m_00009.weights.h5", "", ".", "..\\m_00000.weights.h5", 7, None, [[1]],
                  {"a": 1}, "m_00000.weights.h5\0", "M_00000.WEIGHTS.H5",
                  "m_00000.weights.h5\n"):  # fmt: skip
        yield repr(place), {**table, "weight_map": dict.fromkeys(table["weight_map"], place)}
    yield "too many", {"weight_map": {f"/{i}": f"m_{i:05}.weights.h5" for i in range(20_000)}}
    for map_ in (None, [], 7, "x", {}):
        yield f"weight_map {map_!r}", {**table, "weight_map": map_}


def test_tables_of_shards(tmp_path):
    ((_, good),) = files.configs_of("sharded")
    wrong = []
    for title, table in tables(good):
        path = lay_out("sharded", tmp_path / "in", {"m.weights.json": files.compact(table)})
        shard = path.with_name("m_00000.weights.h5")
        (tmp_path / "out_00000.weights.h5").write_bytes(shard.read_bytes())
        (tmp_path / "in" / "link_00000.weights.h5").symlink_to(shard)
        said = attack("sharded", path)
        wrong += [f"{title}: {said}"] if said else []
    assert not wrong, "\n".join(wrong)


# --- other formats ------------------------------------------------------------------------------


@pytest.mark.skipif(not files.HAS_SAFETENSORS, reason="needs safetensors")
def test_safetensors(tmp_path):
    good, wrong = files.saved("safetensors")["m.safetensors"], []
    size = int.from_bytes(good[:8], "little")
    table, data = json.loads(good[8 : 8 + size]), good[8 + size :]

    def file(header, rest=data, length=None):
        text = header if isinstance(header, bytes) else json.dumps(header).encode()
        return (len(text) if length is None else length).to_bytes(8, "little") + text + rest

    def with_(**change):
        return file({k: v if k == "__metadata__" else {**v, **change} for k, v in table.items()})

    spoiled = {
        "D3 huge header": file(table, length=1 << 60),
        "D3 long header": file(table, length=1 << 30),
        "D3 header beyond": file(table, length=len(good)),
        "D3 huge shape": with_(shape=[1 << 40, 1 << 20]),
        "D3 overflow": with_(shape=[1 << 62, 4, 1]),
        "D3 negative": with_(shape=[-3, -4]),
        "D3 overlap": with_(data_offsets=[0, 48]),
        "D3 beyond": with_(data_offsets=[0, 1 << 50]),
        "D3 backwards": with_(data_offsets=[48, 0]),
        "D3 type": with_(dtype="OBJECT"),
        "D3 no data": file(table, b""),
        "D3 deep": file(b"[" * 100_000),
        "D3 nothing": b"",
        "D3 no arrays": file({}, b""),
    }
    for title, text in spoiled.items():
        path = lay_out("safetensors", tmp_path / "in", {"m.safetensors": text})
        said = attack("safetensors", path)
        wrong += [f"{title}: {said}"] if said else []
    assert not wrong, "\n".join(wrong)


def backup_of(state, **arrays):
    text = state if isinstance(state, bytes) else json.dumps({"format": 1, "state": state})
    return files.zipped({"state.json": text, **arrays}, zipfile.ZIP_DEFLATED)


def npy(header, data=b""):
    text = header.encode().ljust(117) + b"\n"
    return b"\x93NUMPY\x01\x00" + struct.pack("<H", len(text)) + text + data


def test_backups(tmp_path):
    one = {"is": "array", "number": 0, "dtype": None}
    spoiled = {
        "C6 pickle": backup_of(one, **{"0.npy": npy(
            "{'descr': '|O', 'fortran_order': False, 'shape': (1,)}", b"cos\nsystem\n")}),
        "C6 code in a header": backup_of(one, **{"0.npy": npy(
            "{'descr': __import__('os'), 'fortran_order': False, 'shape': (1,)}")}),
        "D3 huge": backup_of(one, **{"0.npy": npy(
            "{'descr': '<f8', 'fortran_order': False, 'shape': (1000000000000,)}")}),
        "D3 negative": backup_of(one, **{"0.npy": npy(
            "{'descr': '<f8', 'fortran_order': False, 'shape': (-1, -1)}")}),
        "D3 overflow": backup_of(one, **{"0.npy": npy(
            "{'descr': '<f8', 'fortran_order': True, 'shape': (4611686018427387904, 4)}")}),
        "D1 bomb": backup_of(b" " * 8 * MIB),
        "D1 bomb of an array": backup_of(one, **{"0.npy": npy(
            "{'descr': '|u1', 'fortran_order': False, 'shape': (8388608,)}", bytes(8 * MIB))}),
        "D4 deep": backup_of(b'{"format":1,"state":' + b"[" * 100_000 + b"]" * 100_000 + b"}"),
        "D4 no record": backup_of(b"[]"),
        "D4 kind": backup_of({"is": "os.system", "number": 0, "dtype": None}),
        "D4 no kind": backup_of({"number": 0}),
        "D4 number": backup_of({"is": "array", "number": "../../x", "dtype": None}),
        "D4 unhashable": backup_of({"is": "dict", "of": [[[1], 2]]}),
    }  # fmt: skip
    path, wrong = tmp_path / "latest.state", []
    _state_file.write(path, {"a": np.ones(3)})
    _state_file.read(path)
    for title, data in spoiled.items():
        path.write_bytes(data)
        memory = peak()
        try:
            with watched(path):
                _state_file.read(path)
            wrong.append(f"{title}: accepted")
        except (OSError, ValueError, KeyError, TypeError, zipfile.BadZipFile):
            pass
        except BaseException as error:
            wrong.append(f"{title}: {type(error).__name__} {str(error)[:150]}")
        if peak() - memory > 200:
            wrong.append(f"{title}: took {peak() - memory:.0f} MiB")
    assert not wrong, "\n".join(wrong)


def test_nothing_is_written_by_names(tmp_path):
    """W3: names of layers, whatever they are, make no files beside the one that is saved."""
    wrong = []
    for name in ("../../x", "/tmp/x", "a/b", "..", "x" * 10_000, "\x1b[2J", "<script>"):
        folder = tmp_path / "out"
        folder.mkdir(exist_ok=True)
        path = folder / "m.keras"
        with watched(writable=[folder]):
            try:
                model = files.fresh()
                model.layers[0].name = name
                model.save(path)
                saving.load_model(path)
            except (ValueError, OSError) as error:
                if "\n  Got " not in str(error):
                    wrong.append(f"{name[:20]!r}: {error}")
        assert {p.name for p in folder.iterdir()} <= {"m.keras"}
    assert {p.name for p in tmp_path.iterdir()} == {"out"}
    assert not wrong, "\n".join(wrong)
