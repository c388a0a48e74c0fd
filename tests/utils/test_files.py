"""Images, folders of files, and files from the network."""

import hashlib
import io
import tarfile
import threading
import wave
import zipfile
from pathlib import Path

import keras
import numpy as np
import pytest
from keras.src.utils.dataset_utils import index_directory

from lamina import ops, utils
from lamina.preprocessing.image import smart_resize
from lamina.utils._image_resize import resized

DRAW = np.random.default_rng(0)


@pytest.fixture(scope="module")
def picture(tmp_path_factory):
    path = tmp_path_factory.mktemp("pictures") / "a.png"
    utils.save_img(path, DRAW.uniform(0, 255, (7, 11, 3)), scale=False)
    return path


@pytest.mark.parametrize("channels", [1, 3, 4])
@pytest.mark.parametrize("data_format", ["channels_last", "channels_first"])
@pytest.mark.parametrize("scale", [True, False])
def test_arrays_and_images_as_in_keras(channels, data_format, scale):
    x = DRAW.uniform(0, 300 if channels == 1 else 255, (5, 6, channels))
    x = x if data_format == "channels_last" else x.transpose(2, 0, 1)
    ours, theirs = utils.array_to_img(x, data_format, scale), None
    theirs = keras.utils.array_to_img(x, data_format, scale)
    assert ours.mode == theirs.mode
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))
    got = utils.img_to_array(ours, data_format)
    np.testing.assert_array_equal(got, keras.utils.img_to_array(theirs, data_format))
    assert got.dtype == np.float32


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"color_mode": "grayscale"},
        {"color_mode": "rgba", "target_size": (4, 4), "interpolation": "bilinear"},
        {"target_size": (9, 5), "keep_aspect_ratio": True, "interpolation": "lanczos"},
    ],
)
def test_images_are_loaded_as_in_keras(picture, options):
    ours, theirs = utils.load_img(picture, **options), keras.utils.load_img(picture, **options)
    assert ours.mode == theirs.mode
    np.testing.assert_array_equal(np.asarray(ours), np.asarray(theirs))


def test_what_images_refuse(picture, tmp_path):
    with pytest.raises(ValueError, match="known color_mode"):
        utils.load_img(picture, color_mode="rbg")
    with pytest.raises(ValueError, match="interpolation"):
        utils.load_img(picture, target_size=(2, 2), interpolation="linear")
    with pytest.raises(TypeError, match="expected a path or an open file"):
        utils.load_img(3)
    with pytest.raises(FileNotFoundError):
        utils.load_img(tmp_path / "none.png")
    with pytest.raises(ValueError, match=r"1, 3 or 4 channels(.|\n)*images\[0\]"):
        utils.array_to_img(np.zeros((2, 5, 5, 3)))
    with pytest.warns(UserWarning, match="transparency"):
        utils.save_img(tmp_path / "a.jpg", np.ones((4, 4, 4)))
    assert utils.load_img(tmp_path / "a.jpg").size == (4, 4)


@pytest.mark.parametrize("kernel", ["bilinear", "nearest", "bicubic", "lanczos3", "lanczos5"])
@pytest.mark.parametrize("fit", ["stretch", "crop", "pad"])
def test_resizing_as_in_ops(kernel, fit):
    x = DRAW.uniform(0, 255, (7, 10, 3)).astype("float32")
    for size in ((4, 4), (13, 9)):
        wanted = ops.image.resize(
            x, size, kernel, crop_to_aspect_ratio=fit == "crop", pad_to_aspect_ratio=fit == "pad"
        )
        if fit == "pad":  # ops pads alike on both sides
            continue
        np.testing.assert_allclose(resized(x, size, kernel, fit), wanted, rtol=1e-4, atol=1e-2)
    assert resized(x, (4, 4), kernel, fit).shape == (4, 4, 3)


def test_other_kernels_keep_what_is_constant():
    x = np.full((6, 9, 1), 7.0)
    for kernel in ("area", "gaussian", "mitchellcubic"):
        np.testing.assert_allclose(resized(x, (4, 13), kernel), 7.0)
    mean = resized(np.arange(6.0).reshape(6, 1, 1), (3, 1), "area")
    np.testing.assert_allclose(mean[:, 0, 0], [0.5, 2.5, 4.5])
    x = DRAW.uniform(size=(4, 8, 1)).astype("float32")
    np.testing.assert_allclose(
        smart_resize(x, (2, 2)), keras.preprocessing.image.smart_resize(x, (2, 2)), rtol=1e-5
    )


# --- folders ------------------------------------------------------------------------------------


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    """Two classes of 6 and 4 pictures of their number's grey, texts and sounds."""
    root = tmp_path_factory.mktemp("data")
    for kind, count in (("cats", 6), ("dogs", 4)):
        (root / kind / "more").mkdir(parents=True)
        for i in range(count):
            grey = np.full((5 + i, 8, 3), 10 * i + (kind == "dogs"))
            utils.save_img(root / kind / f"{i}.png", grey, scale=False)
            (root / kind / "more" / f"{i}.txt").write_text(f"{kind} {i}")
            with wave.open(str(root / kind / f"{i}.wav"), "wb") as file:
                file.setparams((1, 2, 8000, 0, "NONE", ""))
                file.writeframes(np.full(10 + i, 1 << (9 + i), "<i2").tobytes())
    return root


def from_folder(folder, **options):
    options = {"image_size": (4, 4), "verbose": False, "batch_size": 4} | options
    return utils.image_dataset_from_directory(folder, **options)


def test_images_in_folders(folder, capsys):
    ds = from_folder(folder, shuffle=False, verbose=True)
    assert capsys.readouterr().out == "Found 10 files belonging to 2 classes.\n"
    assert ds.class_names == ["cats", "dogs"]
    assert len(ds) == 3
    batches = list(ds)
    assert [b[0].shape for b in batches] == [(4, 4, 4, 3), (4, 4, 4, 3), (2, 4, 4, 3)]
    x = np.concatenate([b[0] for b in batches])
    y = np.concatenate([b[1] for b in batches])
    assert x.dtype == np.float32
    assert y.dtype == np.int32
    np.testing.assert_allclose(x[:, 0, 0, 0], [0, 10, 20, 30, 40, 50, 1, 11, 21, 31], atol=1e-4)
    assert y.tolist() == [0] * 6 + [1] * 4
    for mode, shape in (("categorical", (4, 2)), ("binary", (4, 1))):
        labels = next(iter(from_folder(folder, label_mode=mode)))[1]
        assert (labels.shape, labels.dtype) == (shape, np.float32)
    assert next(iter(from_folder(folder, labels=None))).shape == (4, 4, 4, 3)
    x, y = next(iter(from_folder(folder, batch_size=None, color_mode="grayscale")))
    assert x.shape == (4, 4, 1)
    assert y.shape == ()
    given = from_folder(folder, labels=list(range(10)), shuffle=False, data_format="channels_first")
    assert given.class_names == [str(i) for i in range(10)]
    assert next(iter(given))[0].shape == (4, 3, 4, 4)
    assert (
        from_folder(folder, class_names=["dogs", "cats"], shuffle=False)
        .file_paths[0]
        .endswith("dogs/0.png")
    )


def test_the_same_files_as_in_keras_are_kept_for_validation(folder):
    theirs, labels, _ = index_directory(
        str(folder), "inferred", (".png",), seed=3, shuffle=True, verbose=False
    )
    train, held = from_folder(folder, validation_split=0.3, subset="both", seed=3)
    assert train.file_paths + held.file_paths == theirs
    ours = np.concatenate([y for _, y in held])
    assert ours.tolist() == labels[-3:].tolist()
    one = from_folder(folder, validation_split=0.3, subset="validation", seed=3)
    assert one.file_paths == held.file_paths
    orders = [np.concatenate([x[:, 0, 0, 0] for x, _ in train]).tolist() for _ in range(4)]
    assert len({tuple(o) for o in orders}) > 1
    assert len({tuple(sorted(o)) for o in orders}) == 1


def test_texts_and_sounds(folder):
    texts = utils.text_dataset_from_directory(folder, shuffle=False, verbose=False, max_length=5)
    x, y = next(iter(texts))
    assert x.tolist()[5:7] == ["cats ", "dogs "]
    assert y.tolist() == [0] * 6 + [1] * 4
    sounds = utils.audio_dataset_from_directory(folder, shuffle=False, verbose=False, batch_size=2)
    x, _ = next(iter(sounds))
    assert x.shape == (2, 11, 1)
    np.testing.assert_allclose(x[:, 9, 0], [1 / 64, 1 / 32])
    assert x[0, 10, 0] == 0
    slower = utils.audio_dataset_from_directory(
        folder, shuffle=False, verbose=False, sampling_rate=4000, output_sequence_length=8
    )
    x, _ = next(iter(slower))
    assert x.shape == (10, 8, 1)
    assert (x[0, :5] > 0).all()
    assert (x[0, 5:] == 0).all()


def test_reading_ahead_ends_with_the_loop(folder):
    for _ in from_folder(folder).take(1):
        pass
    assert not [t for t in threading.enumerate() if t.name.startswith("lamina")]


@pytest.mark.parametrize(
    ("options", "says"),
    [
        ({"color_mode": "bgr"}, "color_mode"),
        ({"label_mode": "onehot"}, "label_mode"),
        ({"interpolation": "linear"}, "interpolation"),
        ({"subset": "training"}, "validation_split and subset together"),
        ({"validation_split": 1.5, "subset": "both", "seed": 1}, "between 0 and 1"),
        ({"validation_split": 0.2, "subset": "both"}, "expected a seed"),
        ({"labels": [1, 2]}, "one number for each of the 10 files"),
        ({"class_names": ["birds"]}, "among the folders cats, dogs"),
        ({"crop_to_aspect_ratio": True, "pad_to_aspect_ratio": True}, "Got both"),
        ({"image_size": (4, 4, 3)}, "height, width"),
        ({"label_mode": "binary", "class_names": ["cats"]}, "expected two classes"),
    ],
)
def test_what_folders_refuse(folder, options, says):
    with pytest.raises(ValueError, match=f"(?s){says}"):
        from_folder(folder, **options)


def test_folders_without_files(tmp_path):
    with pytest.raises(ValueError, match=r"expected files that end in \.bmp"):
        from_folder(tmp_path)
    with pytest.raises(FileNotFoundError, match="expected a folder"):
        from_folder(tmp_path / "none")


# --- get_file -----------------------------------------------------------------------------------


def test_a_file_is_fetched_once_and_checked(tmp_path, capsys):
    there = tmp_path / "there.txt"
    there.write_text("a b c")
    good = hashlib.sha256(b"a b c").hexdigest()
    options = {"origin": there.as_uri(), "cache_dir": tmp_path / "home"}
    path = utils.get_file(file_hash=good, **options)
    assert path == str(tmp_path / "home" / "datasets" / "there.txt")
    there.write_text("changed")
    assert Path(utils.get_file(**options)).read_text() == "a b c"
    assert capsys.readouterr().out.count("Downloading") == 1
    with pytest.raises(ValueError, match=r"expected a file with the hash 0{32}(.|\n)*cut short"):
        utils.get_file(md5_hash="0" * 32, **options)
    assert Path(path).read_text() == "a b c"  # the good one is still there
    path = utils.get_file("x.txt", force_download=True, **options)
    assert Path(path).read_text() == "changed"
    with pytest.raises(OSError, match=r"expected file:.* to answer(.|\n)*put it at .*none\.txt"):
        utils.get_file(origin=(tmp_path / "none.txt").as_uri(), cache_dir=tmp_path)
    assert not (tmp_path / "datasets" / "none.txt").exists()
    for name in ("../x", "a/b", ".."):
        with pytest.raises(ValueError, match="without folders"):
            utils.get_file(name, **options)
    with pytest.raises(ValueError, match="expected an address"):
        utils.get_file("x")


def archive(path, members):
    if path.suffix == ".zip":
        with zipfile.ZipFile(path, "w") as file:
            for name, text in members.items():
                file.writestr(name, text)
    else:
        with tarfile.open(path, "w:gz") as file:
            for name, text in members.items():
                info = tarfile.TarInfo(name)
                info.size = len(text)
                file.addfile(info, io.BytesIO(text.encode()))
    return path.as_uri()


@pytest.mark.parametrize("ending", ["zip", "tgz"])
def test_archives(tmp_path, ending):
    origin = archive(tmp_path / f"data.{ending}", {"in/a.txt": "a", "b.txt": "b"})
    folder = utils.get_file(origin=origin, extract=True, cache_dir=tmp_path)
    assert folder == str(tmp_path / "datasets" / f"data.{ending}")
    assert Path(folder, "in/a.txt").read_text() == "a"
    named = utils.get_file("mine", origin=origin, extract=True, cache_dir=tmp_path)
    assert named == str(tmp_path / "datasets" / "mine")
    bad = archive(tmp_path / f"bad.{ending}", {"ok.txt": "a", "../../out.txt": "b"})
    with pytest.raises(ValueError, match=r"stay in its folder(.|\n)*do not use"):
        utils.get_file(origin=bad, extract=True, cache_dir=tmp_path)
    assert not (tmp_path / "out.txt").exists()
    assert not (tmp_path / "datasets" / f"bad.{ending}").exists()
    (tmp_path / "no.zip").write_text("no")
    with pytest.raises(ValueError, match="expected an archive: tar or zip"):
        utils.get_file(origin=(tmp_path / "no.zip").as_uri(), extract=True, cache_dir=tmp_path)
