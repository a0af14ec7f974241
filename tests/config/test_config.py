"""The configuration file: refusals name the file and the key; paths are relative to it."""

from pathlib import Path

import pytest

from mmearth_core.config.schema import RunOptions, load_config
from mmearth_core.errors import ConfigError

DATASET = '[dataset]\nname = "data"\ntiles = "tiles.geojson"\n'
LEAST = f"{DATASET}[modalities.a]\n"


@pytest.fixture
def path(tmp_path):
    return tmp_path / "mydata.toml"


def write(path, text):
    path.write_text(text, encoding="utf-8")
    return path


def refusal(path):
    with pytest.raises(ConfigError) as caught:
        load_config(path)
    text = str(caught.value)
    assert text.startswith(f"{path}: ")
    assert "\n" not in text
    return text


def test_the_least_configuration(path):
    config = load_config(write(path, LEAST))
    assert config.dataset.name == "data"
    assert config.dataset.image_size == 128
    assert config.run == RunOptions()
    assert config.modalities == {"a": {}}
    assert config.engines == {}
    assert config.source == path


def test_a_full_configuration(path):
    text = f"""
        [dataset]
        name = "data_1M_v001.64"
        tiles = "tiles.gpkg"
        path = "out"
        anchor = "a"
        image_size = 64
        partition_size = 10
        [run]
        engine = "somewhere:x"
        batch_size = 5
        max_concurrent = 8
        timeout = 60
        requests_per_second = 50
        budget = "../shared"
        retry_seconds = 0
        grace_seconds = 5
        workload_tag = "tag-1"
        [modalities.a]
        start = 2017-01-01
        [modalities.b.inner]
        x = 1
        [engines.somewhere]
        {"world"} = "x"
    """
    config = load_config(write(path, text))
    assert (config.dataset.anchor, config.dataset.image_size, config.dataset.partition_size) == ("a", 64, 10)
    assert config.run == RunOptions("somewhere:x", 5, 8, 50.0, "../shared", 60.0, 0.0, 5.0, "tag-1")
    assert config.workload_tag == "tag-1"
    assert config.budget == path.parent / ".." / "shared"
    assert list(config.modalities) == ["a", "b"]
    assert config.modalities["b"] == {"inner": {"x": 1}}
    assert config.engines == {"somewhere": {"world": "x"}}


@pytest.mark.parametrize(
    ("name", "tag"),
    [("data_1M_v001.64", "data_1m_v001-64"), ("A-", "a"), ("x" * 62 + "_y" * 9, "x" * 62), ("7", "7")],
)
def test_the_workload_tag_is_made_of_the_name_and_the_client_takes_it(path, name, tag):
    import ee

    made = load_config(write(path, LEAST.replace('name = "data"', f'name = "{name}"'))).workload_tag
    assert made == tag
    ee.data.setWorkloadTag(made)  # refuses what Earth Engine does
    ee.Reset()


def test_workload_tags_that_are_set(path):
    import ee

    assert load_config(write(path, LEAST + '[run]\nworkload_tag = ""\n')).workload_tag == ""
    for right in ("my-tag_1", "a", "a" * 63):
        assert load_config(write(path, LEAST + f'[run]\nworkload_tag = "{right}"\n')).workload_tag == right
        ee.data.setWorkloadTag(right)
    for wrong in ("My tag", "-a", "a" * 64, "My-tag", "my.tag"):
        assert "63 lower-case letters" in refusal(write(path, LEAST + f'[run]\nworkload_tag = "{wrong}"\n'))
        with pytest.raises(ValueError, match="Invalid tag"):
            ee.data.setWorkloadTag(wrong)
    ee.Reset()


def test_modalities_keep_the_order_of_the_file(path):
    config = load_config(write(path, f"{DATASET}[modalities.z]\n[modalities.b]\n[modalities.m]\n"))
    assert list(config.modalities) == ["z", "b", "m"]


@pytest.mark.parametrize(
    ("lines", "tiles", "root"),
    [
        ("", "tiles.geojson", "data"),
        ('path = "../out"', "tiles.geojson", "../out"),
        ('path = "a/b"', "tiles.geojson", "a/b"),
    ],
)
def test_paths_are_relative_to_the_file(path, lines, tiles, root):
    config = load_config(write(path, f'[dataset]\nname = "data"\ntiles = "tiles.geojson"\n{lines}\n[modalities.a]\n'))
    assert config.tiles == path.parent / tiles
    assert config.root == path.parent / root


def test_absolute_paths_and_the_home_folder(path, monkeypatch):
    monkeypatch.setenv("HOME", "/homes/me")
    text = '[dataset]\nname = "data"\ntiles = "/scratch/t.gpkg"\npath = "~/out"\n[modalities.a]\n'
    config = load_config(write(path, text))
    assert config.tiles == Path("/scratch/t.gpkg")
    assert config.root == Path("/homes/me/out")


def test_a_relative_configuration_means_the_working_folder(path, monkeypatch):
    write(path, LEAST)
    monkeypatch.chdir(path.parent)
    config = load_config(Path("mydata.toml"))
    assert config.source == path
    assert config.tiles == path.parent / "tiles.geojson"


def test_a_byte_order_mark_is_no_fault(path):
    path.write_bytes(b"\xef\xbb\xbf" + LEAST.encode())
    assert load_config(path).dataset.name == "data"


def test_no_such_file(path):
    assert "no such configuration file. `mmearth-core demo DIR` writes one" in refusal(path)


def test_a_folder_is_no_file(tmp_path):
    assert "is a folder. Give a configuration file: TOML" in refusal(tmp_path)


def test_no_text(path):
    path.write_bytes(b"\xff\xfe\x00")
    assert "cannot be read as text" in refusal(path)


def test_no_toml(path):
    text = refusal(write(path, LEAST + "image_size 64\n"))
    assert "not valid TOML: " in text
    assert "line 5" in text


def test_toml_that_is_too_deep(path):
    assert "not valid TOML" in refusal(write(path, f"x = {'[' * 5000}{']' * 5000}\n"))


def test_the_longest_name_is_a_name(path):
    name = "a" * 200
    assert load_config(write(path, LEAST.replace('"data"', f'"{name}"', 1))).dataset.name == name


@pytest.mark.parametrize("text", ["[datasets]\n", "name = 'x'\n", "[modality.a]\n"])
def test_an_unknown_table(path, text):
    key = text.strip("[]\n").split(".")[0].split(" ")[0]
    assert f"unknown table or key `{key}`. Allowed are [dataset], [run], [modalities], [engines]" in refusal(
        write(path, text + LEAST)
    )


def test_no_dataset(path):
    assert "table [dataset] is missing; it needs at least `tiles` and `name`" in refusal(write(path, "[modalities.a]"))


@pytest.mark.parametrize("text", [DATASET, f"{DATASET}[modalities]\n"])
def test_no_modality(path, text):
    assert "no modality is configured. Add a table [modalities.NAME]" in refusal(write(path, text))


@pytest.mark.parametrize(
    ("text", "said"),
    [
        (f"dataset = 3\n{LEAST.replace('[dataset]', '[run]')}", "`dataset` is 3; it must be a table, [dataset]"),
        (f"run = 'x'\n{LEAST}", "`run` is 'x'; it must be a table, [run]"),
        (f"{DATASET}[modalities]\na = true\n", "`modalities.a` is True; it must be a table, [modalities.a]"),
        (f"{LEAST}[engines]\nlocal = 'x'\n", "`engines.local` is 'x'; it must be a table, [engines.local]"),
    ],
)
def test_no_table_where_there_must_be_one(path, text, said):
    assert said in refusal(write(path, text))


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("image_size = 0", "[dataset] image_size"),
        ("image_size = 2049", "[dataset] image_size"),
        ('image_size = "64"', "[dataset] image_size"),
        ("image_size = 64.0", "[dataset] image_size"),
        ("image_size = true", "[dataset] image_size"),
        ("partition_size = 0", "[dataset] partition_size"),
        ("partition_size = 1e23", "[dataset] partition_size"),
        ('path = ""', '[dataset] path: found ""; name a folder'),
        ('path = "/"', '[dataset] path: found "/"; name a folder'),
        ('path = "/../"', "[dataset] path"),
        ('path = "a\\u0000b"', "[dataset] path: '"),
        ('path = "loop"', "cannot be used: Too many levels of symbolic links"),
        (f'path = "{"a" * 300}"', "cannot be used: File name too long"),
        ("anchor = 1", "[dataset] anchor"),
        ("image_sise = 64", "[dataset] image_sise: unknown key"),
    ],
)
def test_an_impossible_value_of_the_dataset(path, line, named):
    path.with_name("loop").symlink_to("loop")
    assert named in refusal(write(path, f"{DATASET}{line}\n[modalities.a]\n"))


@pytest.mark.parametrize("name", ["", "a b", "../up", ".hidden", "-x", "a/b", "ü", "a" * 201])
def test_a_name_that_is_no_name(path, name):
    text = refusal(write(path, f'[dataset]\ntiles = "t.gpkg"\nname = "{name}"\n[modalities.a]\n'))
    assert "[dataset] name" in text


@pytest.mark.parametrize("missing", ["name", "tiles"])
def test_what_a_dataset_must_say(path, missing):
    kept = {"name": "tiles", "tiles": "name"}[missing]
    text = refusal(write(path, f'[dataset]\n{kept} = "x"\n[modalities.a]\n'))
    assert f"[dataset] {missing} is missing; it has no default" in text


@pytest.mark.parametrize(
    ("line", "named"),
    [
        ("batch_size = 0", "[run] batch_size"),
        ("batch_size = 501", "[run] batch_size"),
        ("max_concurrent = 0", "[run] max_concurrent"),
        ("timeout = 0", "[run] timeout"),
        ("timeout = nan", "[run] timeout"),
        ("retry_seconds = -1", "[run] retry_seconds"),
        ("retry_seconds = nan", "[run] retry_seconds"),
        ("retry_seconds = inf", "[run] retry_seconds: found inf, expected a number"),
        ("grace_seconds = 1e300", "[run] grace_seconds"),
        ("requests_per_second = inf", "[run] requests_per_second: found inf, expected a number"),
        ("requests_per_second = 1e-300", "[run] requests_per_second"),
        ('budget = "a\\u0000b"', "[run] budget: '"),
        ("engine = 7", "[run] engine"),
        ("workers = 7", "[run] workers: unknown key"),
    ],
)
def test_an_impossible_value_of_the_run(path, line, named):
    assert named in refusal(write(path, f"{LEAST}[run]\n{line}\n"))


def test_a_name_that_is_none_is_refused_with_what_is_allowed(path):
    path.write_text('[dataset]\nname = "../x"\ntiles = "t"\n[modalities.a]\n')
    with pytest.raises(ConfigError, match=r"\[dataset\] name: found '../x'; allowed are letters.*`path`"):
        load_config(path)


def test_a_dataset_s_own_record_is_no_configuration(path):
    path.write_text('[dataset]\nname = "x"\n[tiles]\n[plugins]\n[groups]\n')
    with pytest.raises(ConfigError, match="Use the configuration file that the dataset was built from"):
        load_config(path)


def test_the_former_key_tile_info_is_refused_with_the_command_that_replaces_it(path):
    text = refusal(write(path, f'{DATASET}tile_info = "info.json"\n[modalities.a]\n'))
    assert "[dataset] tile_info is no longer an option" in text
    assert "`mmearth-core tiles from-tile-info info.json --tiles tiles.geojson -o NEW`, and set `tiles`" in text
