"""`mmearth-core slurm submit` and `scripts`, with a fake Slurm that records its arguments."""

import json
import os
import signal
import stat
from collections.abc import Callable
from pathlib import Path

import pytest
from click.testing import Result
from mmearth_devkit.testing.command_line import cli, own_process

CONFIG = """
[dataset]
name = "places"
tiles = "tiles.geojson"
partition_size = 2
[run]
engine = "local"
[modalities.file]
[modalities.era5]
"""

SQUARE = [[[-76.0, 37.0], [-75.99, 37.0], [-75.99, 37.01], [-76.0, 37.01], [-76.0, 37.0]]]


@pytest.fixture
def config(tmp_path: Path) -> Path:
    """A configuration whose folder has a blank in its name."""
    folder = tmp_path / "my data"
    folder.mkdir()
    feature = {"type": "Feature", "properties": {"tile_id": "a", "date": "2020-06-01", "epsg": 32618}}
    feature["geometry"] = {"type": "Polygon", "coordinates": SQUARE}
    (folder / "tiles.geojson").write_text(json.dumps({"type": "FeatureCollection", "features": [feature]}))
    (folder / "mydata.toml").write_text(CONFIG)
    return folder / "mydata.toml"


@pytest.fixture
def slurm_stand_in(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A folder at the head of PATH: `sbatch` answers 101, 102 ..., but refuses what the file `refuse` holds.

    `squeue` prints the file `queue`. After as many jobs as the file `kills` says, `sbatch` kills its caller.
    """
    folder = tmp_path / "bin"
    folder.mkdir()
    programs = {
        "sbatch": f"""#!/bin/sh
cd '{folder}'
if grep -qsxF -e "$2" refuse; then echo "sbatch: error: Batch job submission failed" >&2; exit 1; fi
echo "$@" >>submitted
for last; do :; done
echo "$((100 + $(wc -l <submitted))) $last" >>queue
[ "$(cat kills)" != "$(wc -l <submitted)" ] || kill -9 $PPID
echo "$((100 + $(wc -l <submitted)));cluster"
""",
        "squeue": f"""#!/bin/sh
echo "$@" >>'{folder}/asked'
cat '{folder}/queue'
""",
        "scontrol": "#!/bin/sh\necho 'MaxArraySize            = 1001'\n",
    }
    for name, text in programs.items():
        (folder / name).write_text(text)
        (folder / name).chmod(stat.S_IRWXU)
    (folder / "queue").touch()
    (folder / "kills").touch()
    monkeypatch.setenv("PATH", f"{folder}:{os.environ['PATH']}")
    return folder


def submit(config: Path, *options: str) -> Result:
    return cli("slurm", "submit", config, *options)


def option_lines(path: Path) -> list[str]:
    return [line.removeprefix("#SBATCH ") for line in path.read_text().splitlines() if line.startswith("#SBATCH")]


def test_each_job_waits_for_the_end_of_the_one_before(config: Path, slurm_stand_in: Path) -> None:
    done = submit(config, "--tasks", "200", "--parallel", "40", "--json")
    assert done.exit_code == 0, done.output
    scripts = config.parent / "places" / "slurm"
    assert [(job["stage"], job["job"]) for job in json.loads(done.stdout)["jobs"]] == [
        ("download", "101"),
        ("post", "102"),
        ("report", "103"),
    ]
    assert (slurm_stand_in / "submitted").read_text().splitlines() == [
        f"--parsable {scripts}/download.sbatch",
        f"--parsable --dependency=afterany:101 {scripts}/post.sbatch",
        f"--parsable --dependency=afterany:102 {scripts}/report.sbatch",
    ]
    assert (scripts / "logs").is_dir()
    array = option_lines(scripts / "download.sbatch")
    assert "--array=0-199%40" in array
    assert f"--output='{scripts}/logs/%x-%A_%a.log'" in array
    assert f"mmearth-core run '{config}' &\n" in (scripts / "download.sbatch").read_text()
    assert not any("array" in option or "signal" in option for option in option_lines(scripts / "post.sbatch"))


@pytest.mark.parametrize(
    ("options", "array", "says"),
    [
        (["--tasks", "41"], "0-40%40", True),
        (["--tasks", "200", "--parallel", "41"], "0-199%40", True),
        (["--tasks", "200", "--parallel", "40"], "0-199%40", False),
        (["--tasks", "41", "--parallel", "3"], "0-40%3", False),
        (["--tasks", "40"], "0-39", False),
    ],
)
def test_no_more_tasks_run_at_once_than_requests_may_be_in_flight(
    options: list[str], array: str, says: bool, config: Path
) -> None:
    shown = submit(config, "--dry-run", "--no-report", *options)
    assert shown.exit_code == 0
    assert f"#SBATCH --array={array}\n" in shown.stdout
    assert ("At most 40 tasks run at once (max_concurrent of [run])" in shown.stderr) == says


def test_every_option_has_its_place(config: Path, slurm_stand_in: Path) -> None:
    options = ["--tasks=3", "--time=1:00:00", "--cpus=2", "--mem=3G", "--partition=short", "--account=me"]
    later = ["--post-time=30", "--post-cpus=4", "--post-mem=5G", "--no-report", "--requeues=7"]
    assert submit(config, *options, *later, "--redownload", "--sbatch=--qos=long", "--run=--limit=9").exit_code == 0
    assert len((slurm_stand_in / "submitted").read_text().splitlines()) == 2
    scripts = config.parent / "places" / "slurm"
    text = (scripts / "redownload.sbatch").read_text()
    assert f"mmearth-core redownload '{config}' --limit=9 &\n" in text
    assert "of 7)" in text
    first, then = option_lines(scripts / "redownload.sbatch"), option_lines(scripts / "post.sbatch")
    for one in ("--time=1:00:00", "--cpus-per-task=2", "--mem=3G", "--partition=short", "--account=me", "--qos=long"):
        assert one in first
    for one in ("--time=30", "--cpus-per-task=4", "--mem=5G", "--partition=short", "--account=me", "--qos=long"):
        assert one in then


BOTH = "mmearth-curate mmearth-viz"


@pytest.mark.parametrize(
    ("hidden", "missing", "last"),
    [
        ("mmearth-viz", {"report": "mmearth-viz"}, "verify"),
        ("mmearth-curate", {"verify": "mmearth-curate"}, "report"),
        (BOTH, {"report": "mmearth-viz", "verify": "mmearth-curate"}, None),
    ],
)
def test_follow_up_commands_that_are_not_installed_are_left_out(
    hidden: str,
    missing: dict[str, str],
    last: str | None,
    config: Path,
    slurm_stand_in: Path,
    hide: Callable[..., None],
) -> None:
    hide(*hidden.split())
    done = submit(config, "--json")
    assert done.exit_code == 0, done.output
    assert [line for line in done.stderr.splitlines() if not line.startswith("job 10")] == [
        f"Not submitted: `{command}`, which is in {distribution}: `pip install {distribution}`."
        for command, distribution in missing.items()
    ]
    jobs = json.loads(done.stdout)["jobs"]
    assert [job["stage"] for job in jobs] == ["download", "post", *(["report"] if last else [])]
    assert len((slurm_stand_in / "submitted").read_text().splitlines()) == len(jobs)
    if last:
        text = Path(jobs[-1]["script"]).read_text()
        assert [command for command in ("report", "verify") if f"mmearth-core {command} " in text] == [last]
        assert f"mmearth-core status '{config}'\n" in text


def test_nothing_is_said_of_commands_that_are_not_wanted(config: Path, hide: Callable[..., None]) -> None:
    hide(*BOTH.split())
    assert submit(config, "--dry-run", "--no-report").stderr == ""
    assert submit(config, "--dry-run").stderr.count("Not submitted") == 2


def test_tasks_are_warned_early_enough_for_their_grace(config: Path) -> None:
    config.write_text(CONFIG.replace("[run]", "[run]\ngrace_seconds = 299.5"))
    assert "#SBATCH --signal=B:TERM@360\n" in submit(config, "--dry-run").output


def test_a_dry_run_does_nothing(config: Path, slurm_stand_in: Path) -> None:
    shown = submit(config, "--tasks", "4", "--dry-run")
    assert shown.exit_code == 0
    assert not (slurm_stand_in / "submitted").exists()
    assert not (config.parent / "places").exists()
    submit(config, "--tasks", "4")
    for path in (config.parent / "places" / "slurm").glob("*.sbatch"):
        assert path.read_text() in shown.output


def test_the_environment_beside_the_configuration_is_taken(config: Path) -> None:
    assert "The environment is that of the shell" in submit(config, "--dry-run").output
    scripts = config.parent / "slurm"
    assert cli("slurm", "scripts", scripts).exit_code == 0
    assert f"source '{scripts}/environment.sh' || exit 2\n" in submit(config, "--dry-run").output
    other = config.parent / "other.sh"
    other.touch()
    assert f"source '{other}'" in submit(config, "--dry-run", "--environment", str(other)).output


def test_an_edited_environment_is_kept(tmp_path: Path) -> None:
    folder = str(tmp_path / "slurm")
    assert cli("slurm", "scripts", folder).exit_code == 0
    (tmp_path / "slurm" / "environment.sh").write_text("module load python\n")
    again = cli("slurm", "scripts", folder)
    assert again.output.splitlines()[0] == f"{folder}/environment.sh"
    assert (tmp_path / "slurm" / "environment.sh").read_text() == "module load python\n"


def refused(result: Result) -> str:
    assert result.exit_code not in (0, None)
    return " ".join(f"{result.exception} {result.output}".split())


@pytest.mark.parametrize(
    ("options", "says"),
    [
        (["--tasks", "1002"], "at most 1001 tasks (MaxArraySize)"),
        (["--run=--shard=0/4"], "slurm submit` sets this option itself"),
        (["--run=--limit 4"], "write one complete option, e.g. --run=--limit=100"),
        (["--sbatch=--array=0-3"], "Use its own options (--tasks, --parallel, --logs)"),
        (["--sbatch=qos"], "write one complete option, e.g. --sbatch=--qos=long"),
        (["--sbatch=--qos=a\nrm"], "write one complete option"),
        (
            ["--time=1\n#SBATCH --wrap=rm"],
            "sbatch's option \"--time='1\\n#SBATCH --wrap=rm'\": has a control character",
        ),
        (["--mem=1G\n"], "has a control character"),
        (["--post-time=1\r"], "has a control character"),
        (["--post-mem=1G\t"], "has a control character"),
        (["--partition=a\x1bb"], "has a control character"),
        (["--account=a\nb"], "has a control character"),
        (["--logs=a\nb"], "has a control character"),
        (["--environment", "none.sh"], "no such file"),
    ],
)
def test_what_cannot_be_is_refused(options: list[str], says: str, config: Path, slurm_stand_in: Path) -> None:
    assert says in refused(submit(config, *options))
    assert not (slurm_stand_in / "submitted").exists()


def test_what_run_would_refuse_is_refused_at_once(config: Path, slurm_stand_in: Path) -> None:
    (config.parent / "tiles.geojson").unlink()
    assert "tiles.geojson" in refused(submit(config))
    assert not (slurm_stand_in / "submitted").exists()


def test_a_refused_job_is_told_with_those_before_it(config: Path, slurm_stand_in: Path) -> None:
    (slurm_stand_in / "refuse").write_text("--dependency=afterany:101")
    text = refused(submit(config))
    assert "Batch job submission failed" in text
    assert "download is job 101" in text
    assert "scancel 101" in text


def queued(stand_in: Path) -> list[str]:
    return (stand_in / "submitted").read_text().splitlines()


@pytest.mark.parametrize("kills", [1, 2])
def test_a_killed_submission_is_completed(kills: int, config: Path, slurm_stand_in: Path) -> None:
    (slurm_stand_in / "kills").write_text(str(kills))
    killed = own_process("slurm", "submit", config)
    assert killed.returncode == -signal.SIGKILL
    scripts = config.parent / "places" / "slurm"
    # Each job is printed before the next one is submitted.
    assert killed.stdout.splitlines() == [f"job 101: {scripts}/download.sbatch"][: kills - 1]
    assert len(queued(slurm_stand_in)) == kills

    again = submit(config, "--json")
    assert again.exit_code == 0, again.output
    assert [job["job"] for job in json.loads(again.stdout)["jobs"]] == ["101", "102", "103"]
    assert again.stderr.splitlines()[-3:][0] == f"job 101: {scripts}/download.sbatch (submitted before)"
    assert queued(slurm_stand_in) == [
        f"--parsable {scripts}/download.sbatch",
        f"--parsable --dependency=afterany:101 {scripts}/post.sbatch",
        f"--parsable --dependency=afterany:102 {scripts}/report.sbatch",
    ]
    assert (slurm_stand_in / "asked").read_text().splitlines()[-1] == (
        "--noheader --name=places-download,places-post,places-report --format=%F %o"
    )


def test_submitting_twice_is_refused_unless_asked(config: Path, slurm_stand_in: Path) -> None:
    assert submit(config).exit_code == 0
    for options in ([], ["--redownload"], ["--no-report"]):
        text = refused(submit(config, *options))
        assert "is in Slurm's queue already: download is job 101, post is job 102, report is job 103" in text
        assert "`scancel 101 102 103`" in text
        assert "--again" in text
    assert len(queued(slurm_stand_in)) == 3
    assert submit(config, "--again").exit_code == 0
    assert len(queued(slurm_stand_in)) == 6


def test_while_later_jobs_run_no_array_is_added(config: Path, slurm_stand_in: Path) -> None:
    scripts = config.parent / "places" / "slurm"
    (slurm_stand_in / "queue").write_text(f"102 {scripts}/post.sbatch\n")
    assert "post is job 102" in refused(submit(config))


def test_jobs_of_another_dataset_of_that_name_do_not_count(config: Path, slurm_stand_in: Path) -> None:
    (slurm_stand_in / "queue").write_text("7 /elsewhere/places/slurm/download.sbatch\n8 (null)\n")
    assert submit(config).exit_code == 0
    assert len(queued(slurm_stand_in)) == 3


def test_a_queue_that_does_not_answer_is_no_empty_queue(config: Path, slurm_stand_in: Path) -> None:
    (slurm_stand_in / "squeue").write_text("#!/bin/sh\necho 'Unable to contact slurm controller' >&2\nexit 1\n")
    assert "Unable to contact slurm controller. Nothing was submitted" in refused(submit(config))
    assert not (slurm_stand_in / "submitted").exists()


def test_without_slurm_it_says_so(config: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("PATH", str(config.parent))
    assert "There is no `sbatch` on this machine" in refused(submit(config))
    assert not (config.parent / "places").exists()
