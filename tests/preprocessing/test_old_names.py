"""What Keras 1 and 2 had in keras.preprocessing, beside Keras' own."""

import json
import random

import numpy as np
import pandas as pd
import pytest
from keras.src.legacy.preprocessing import image as their_image
from keras.src.legacy.preprocessing import sequence as their_sequence
from keras.src.legacy.preprocessing import text as their_text

import lamina
from lamina import layers, utils
from lamina.preprocessing import image, sequence, text

TEXTS = ["The cat sat on the mat.", "A dog; a cat & a DOG!", "", "the end"]
DRAW = np.random.default_rng(0)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"num_words": 4},
        {"num_words": 4, "oov_token": "<?>"},
        {"char_level": True, "lower": False},
        {"split": "a", "filters": ".!"},
        {"analyzer": lambda t: t.split("t")},
    ],
)
def test_tokenizer(options):
    ours, theirs = text.Tokenizer(**options), their_text.Tokenizer(**options)
    for tokenizer in (ours, theirs):
        tokenizer.fit_on_texts(TEXTS)
        tokenizer.fit_on_sequences([[1, 2], [1]])
    assert ours.word_index == theirs.word_index
    assert ours.word_counts == theirs.word_counts
    assert ours.index_docs == theirs.index_docs
    new = [*TEXTS, "the bird", ["The", "cat"]] if not options.get("analyzer") else TEXTS
    sequences = ours.texts_to_sequences(new)
    assert sequences == theirs.texts_to_sequences(new)
    assert ours.sequences_to_texts(sequences) == theirs.sequences_to_texts(sequences)
    assert ours.sequences_to_texts([[1, 99]]) == theirs.sequences_to_texts([[1, 99]])
    for mode in ("binary", "count", "freq", "tfidf"):
        np.testing.assert_allclose(
            ours.texts_to_matrix(new, mode), theirs.texts_to_matrix(new, mode)
        )
    assert json.loads(ours.to_json()) == json.loads(theirs.to_json())
    again = text.tokenizer_from_json(theirs.to_json())
    if "analyzer" not in options:
        assert again.texts_to_sequences(new) == sequences


def test_words_and_hashes():
    assert text.text_to_word_sequence(TEXTS[1]) == their_text.text_to_word_sequence(TEXTS[1])
    for function in ("one_hot", "hashing_trick"):
        ours, theirs = getattr(text, function), getattr(their_text, function)
        assert ours(TEXTS[0], 10) == theirs(TEXTS[0], 10)
    assert text.hashing_trick(TEXTS[0], 10, "md5") == their_text.hashing_trick(TEXTS[0], 10, "md5")
    with pytest.raises(ValueError, match="call fit_on_texts"):
        text.Tokenizer().texts_to_matrix(TEXTS)
    with pytest.raises(ValueError, match="mode"):
        text.Tokenizer(num_words=3).sequences_to_matrix([[1]], "counts")
    with pytest.raises(TypeError, match="Got words"):
        text.Tokenizer(words=3)


@pytest.mark.parametrize(
    "options",
    [
        {"length": 3},
        {"length": 4, "sampling_rate": 2, "stride": 3, "batch_size": 2},
        {"length": 2, "start_index": 3, "end_index": 15, "reverse": True, "batch_size": 5},
        {"length": 2, "shuffle": True, "batch_size": 4},
    ],
)
def test_timeseries_generator(options):
    series, targets = DRAW.normal(size=(20, 2)), np.arange(20)
    ours = sequence.TimeseriesGenerator(series, targets, **options)
    theirs = their_sequence.TimeseriesGenerator(series, targets, **options)
    assert len(ours) == len(theirs)
    for i in range(len(ours)):
        np.random.seed(i)
        (x, y) = ours[i]
        np.random.seed(i)
        x2, y2 = theirs[i]
        np.testing.assert_array_equal(x, x2)
        np.testing.assert_array_equal(y, y2)
    assert json.loads(ours.to_json())["config"]["length"] == options["length"]
    with pytest.raises(ValueError, match="a target per step"):
        sequence.TimeseriesGenerator(series, targets[1:], 2)
    with pytest.raises(ValueError, match="at least one window"):
        sequence.TimeseriesGenerator(series, targets, 30)


@pytest.mark.parametrize("options", [{}, {"categorical": True, "window_size": 1}, {"seed": 3}])
def test_skipgrams(options):
    words = [1, 2, 0, 3, 4, 1, 2, 5, 2, 1]
    results = []
    for module in (sequence, their_sequence):
        random.seed(0)
        table = module.make_sampling_table(6, 0.5)
        results.append(module.skipgrams(words, 6, sampling_table=table, shuffle=False, **options))
    assert results[0] == results[1]
    np.testing.assert_allclose(
        sequence.make_sampling_table(50), their_sequence.make_sampling_table(50)
    )
    pairs, labels = sequence.skipgrams(words, 6, seed=1)
    assert sorted(zip(map(tuple, pairs), labels, strict=True))[0][0] == min(map(tuple, pairs))


# --- images -------------------------------------------------------------------------------------

IMAGES = DRAW.uniform(0, 255, (6, 8, 10, 3)).astype("float32")
CHANGES = [
    {"rotation_range": 40, "fill_mode": "reflect"},
    {"width_shift_range": 0.2, "height_shift_range": 3, "shear_range": 20},
    {"width_shift_range": [1, 2], "zoom_range": 0.3, "fill_mode": "constant", "cval": 7.0},
    {"zoom_range": (0.5, 0.6), "channel_shift_range": 30.0, "horizontal_flip": True},
    {"vertical_flip": True, "brightness_range": (0.5, 1.5), "rescale": 1 / 255},
    {"samplewise_std_normalization": True},
    {"featurewise_std_normalization": True},
    {"zca_whitening": True, "zca_epsilon": 0.1},
    {"preprocessing_function": lambda x: x / 2 - 1, "dtype": "float64"},
]


@pytest.mark.filterwarnings("ignore")  # theirs: of settings that they change, and of scipy
@pytest.mark.parametrize("options", CHANGES)
def test_image_data_generator(options):
    made = []
    for module in (image, their_image):
        generator = module.ImageDataGenerator(**options)
        generator.fit(IMAGES)
        flow = generator.flow(IMAGES.copy(), np.arange(6), batch_size=4, seed=3)
        made.append([next(flow) for _ in range(3)] + [flow[1]])
    assert len(flow) == 2
    for (x, y), (x2, y2) in zip(*made, strict=True):
        assert x.dtype == x2.dtype
        np.testing.assert_array_equal(y, y2)
        np.testing.assert_allclose(x, x2, rtol=1e-3, atol=1e-3)


@pytest.mark.filterwarnings("ignore")
def test_single_changes():
    x = IMAGES[0]
    for name, args in (
        ("random_rotation", (30,)), ("random_shift", (0.2, 0.3)), ("random_shear", (20,)),
        ("random_zoom", ((0.5, 1.5),)), ("random_brightness", ((0.5, 1.5),)),
        ("random_channel_shift", (20,)),
    ):  # fmt: skip
        affine = name in ("random_rotation", "random_shift", "random_shear", "random_zoom")
        results = []
        for module in (image, their_image):
            np.random.seed(1)
            results.append(getattr(module, name)(x, *args, *((0, 1, 2) if affine else ())))
        np.testing.assert_allclose(*results, rtol=1e-4, atol=1e-3, err_msg=name)
    with pytest.raises(ValueError, match="an image and its three axes"):
        image.apply_affine_transform(x, row_axis=0)
    with pytest.raises(ValueError, match="two factors"):
        image.ImageDataGenerator(zoom_range=(1, 2, 3))
    generator = image.ImageDataGenerator(validation_split=0.5)
    with pytest.raises(ValueError, match="same classes in both"):
        generator.flow(IMAGES, np.arange(6), subset="training")
    with pytest.warns(UserWarning, match=r"call its fit\(images\) first"):
        image.ImageDataGenerator(featurewise_center=True).standardize(x)


@pytest.fixture(scope="module")
def folder(tmp_path_factory):
    root = tmp_path_factory.mktemp("pictures")
    for kind, count in (("cats", 5), ("dogs", 4)):
        (root / kind).mkdir()
        for i in range(count):
            utils.save_img(root / kind / f"{i}.png", IMAGES[i], scale=False)
    return root


def both(method, *args, generator=None, **options):
    made = []
    for module in (image, their_image):
        flow = getattr(module.ImageDataGenerator(**(generator or {})), method)(*args, **options)
        made.append((flow, [flow[i] for i in range(len(flow))]))
    return made


def same(made):
    (ours, a), (theirs, b) = made
    assert ours.filenames == theirs.filenames
    assert len(a) == len(b) > 0
    for one, two in zip(a, b, strict=True):
        for x, y in zip(one, two, strict=True):
            np.testing.assert_allclose(x, y, rtol=1e-3, atol=1e-3)
    return ours


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"class_mode": "binary", "target_size": (4, 5), "color_mode": "grayscale"},
        {"class_mode": "sparse", "classes": ["dogs", "cats"], "shuffle": True, "seed": 1},
        {"class_mode": "input", "batch_size": 5},
        {"subset": "validation", "generator": {"validation_split": 0.4}},
        {"subset": "training", "generator": {"validation_split": 0.4, "rescale": 0.1}},
    ],
)
def test_folders(folder, options):
    options = {"batch_size": 4, "shuffle": False, "target_size": (8, 10)} | options
    flow = same(both("flow_from_directory", str(folder), **options))
    assert flow.class_indices == {
        n: i for i, n in enumerate(options.get("classes", ["cats", "dogs"]))
    }
    assert flow.samples == len(flow.classes)


@pytest.mark.parametrize(
    "options",
    [
        {},
        {"class_mode": "binary", "weight_col": "weight"},
        {"class_mode": "raw", "y_col": "age"},
        {"class_mode": "multi_output", "y_col": ["age", "weight"]},
        {"class_mode": "categorical", "y_col": "tags"},
        {"classes": ["dogs"], "class_mode": "sparse"},
    ],
)
def test_frames(folder, options):
    names = ["cats/0.png", "dogs/1.png", "cats/2.png", "dogs/0.png"]
    frame = pd.DataFrame(
        {
            "filename": names,
            "class": [n[:4] for n in names],
            "age": [1, 2, 3, 4],
            "weight": [0.5, 1.0, 2.0, 3.0],
            "tags": [["a"], ["a", "b"], ["c"], ["b"]],
        }
    )
    options = {"batch_size": 3, "shuffle": False, "target_size": (8, 10)} | options
    made = both("flow_from_dataframe", frame, str(folder), **options)
    if options.get("class_mode") == "multi_output":
        flat = [(flow, [(x, *y) for x, y in batches]) for flow, batches in made]
        made = flat
    same(made)
    with pytest.warns(UserWarning, match="1 that are not there"):
        image.ImageDataGenerator().flow_from_dataframe(
            pd.concat([frame, frame[:1].assign(filename="none.png")]), folder
        )
    with pytest.raises(ValueError, match=r"astype\(str\)"):
        image.ImageDataGenerator().flow_from_dataframe(frame, folder, y_col="age")


def test_it_trains_and_saves(folder, tmp_path):
    generator = image.ImageDataGenerator(horizontal_flip=True, rescale=1 / 255)
    flow = generator.flow_from_directory(
        folder, (8, 10), class_mode="binary", batch_size=4, save_to_dir=tmp_path, save_prefix="new"
    )
    model = lamina.Sequential([layers.Flatten(), layers.Dense(1, activation="sigmoid")])
    model.compile("sgd", "binary_crossentropy")
    history = model.fit(flow, epochs=2, validation_data=flow, verbose=0).history
    assert len(history["val_loss"]) == 2
    assert model.predict(flow, verbose=0).shape == (9, 1)
    assert len(model.fit(iter(flow), steps_per_epoch=2, verbose=0).epoch) == 1
    assert len(list(tmp_path.glob("new_*.png"))) > 9
