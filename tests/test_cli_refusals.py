"""A command line that makes no sense: one line in either language, exit code 2, nothing done."""

import re
import subprocess
import sys

import pytest
from command_line import run
from test_cli_commands import snapshot

from gridmap.cli import COMMANDS, build

CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    place = tmp_path_factory.mktemp("demo") / "city"
    assert run("demo", place, "--grids", 60, "--incidents", 300).returncode == 0
    return place


def refused(*words):
    """Return the one line in English; the Chinese one is checked on the way."""
    said = {}
    for language in ("zh", "en"):
        done = run(*words, language=language)
        assert done.returncode == 2, (words, done)
        assert not done.stdout, (words, done.stdout)
        assert done.stderr.count("\n") == 1, (words, done.stderr)
        said[language] = done.stderr
    assert CHINESE.search(said["zh"]), said
    return said["en"]


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("nosuch", "There is no command nosuch. The commands are: demo, sample, import,"),
        ("--nosuch", "There is no option --nosuch. See gridmap --help."),
        ("propose", "WORKSPACE is missing. See gridmap propose --help."),
        ("report DEMO", "--out is missing"),
        ("propose DEMO --nosuch", "There is no option --nosuch. See gridmap propose --help."),
        ("propose DEMO one two", "Unexpected argument: one two."),
        ("propose DEMO --beats", "--beats needs a value."),
        ("propose DEMO --json=1", "--json takes no value."),
        ("propose DEMO --beats x", "--beats takes a whole number of 1 or more, received x."),
        ("propose DEMO --beats -3", "--beats takes a whole number of 1 or more, received -3."),
        ("propose DEMO --seed=-1", "--seed takes a whole number of 0 or more, received -1."),
        ("propose DEMO --front 9", "--front takes a whole number from 1 to 8, received 9."),
        ("propose DEMO --front 1.5", "--front takes a whole number from 1 to 8, received 1.5."),
        ("propose DEMO --seconds nan", "--seconds takes a number of 0.1 or more, received nan."),
        ("propose DEMO --seconds inf", "--seconds takes a number of 0.1 or more, received inf."),
        ("plans DEMO --version 0", "--version takes a whole number of 1 or more, received 0."),
        ("repair DEMO --tolerance-m nan", "--tolerance-m takes a number that is finite"),
        ("site DEMO --gap nan", "--gap takes a number from 0 to 1, received nan."),
        ("site DEMO --rooms 3 --budget inf", "--budget takes a number of 0 or more"),
        ("site DEMO --rooms 3 --apart 1e308", "--apart takes a number from 0 to 1,000,000"),
        ("site DEMO --rooms 3 --capacity 1e308", "--capacity takes a number from 0 to"),
        ("report DEMO --out NEW --suppress-below 1e308", "--suppress-below takes a whole number"),
        ("demo NEW --grids 99999999999999999999", "--grids takes a whole number from 60 to"),
        ("shifts DEMO --response 0", "--response takes a number from 0.1 to 600, received 0."),
        ("report DEMO --out NEW --settings none.toml", "No such file: none.toml."),
        ("roles DEMO somebody", "viewer|analyst|planner|administrator is missing."),
        ("help nosuch", "There is no command nosuch. The commands are: demo, sample, import,"),
        ("app DEMO --port 99999", "--port takes a whole number from 1 to 65,535, received 99999"),
    ],
)
def test_what_cannot_be_read_is_told_in_one_line(demo, tmp_path, words, said):
    places = {"DEMO": str(demo), "NEW": str(tmp_path / "new")}
    assert refused(*(places.get(word, word) for word in words.split())).startswith(said)
    assert not (tmp_path / "new").exists()


@pytest.mark.parametrize(
    "words", ["--template EMPTY", "--settings BAD", "--paper a9", f"--template {'a' * 300}"]
)
def test_an_error_is_said_in_the_language_asked_for(demo, tmp_path, words):
    (tmp_path / "bad.toml").write_text('title = "{agency.x}"')
    places = {"EMPTY": str(tmp_path), "BAD": str(tmp_path / "bad.toml")}
    given = [places.get(word, word) for word in words.split()]
    for shell, asked in (("en", "zh"), ("zh", "en")):
        done = run("report", demo, "--out", tmp_path / "new", *given, "--lang", asked,
                   language=shell)  # fmt: skip
        assert done.returncode == 2
        assert done.stderr.count("\n") == 1
        assert bool(CHINESE.search(done.stderr)) == (asked == "zh"), done.stderr
        assert not (tmp_path / "new").exists()


@pytest.mark.slow
@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("propose --per-officer residents=0", "a number above 0"),
        ("propose --per-officer residents=nan", "a number above 0"),
        ("propose --per-officer residents=x", "a number above 0"),
        ("propose --per-officer residents=1e-320", "more beats than there are grids (60)"),
        ("propose --beats 5 --effort fast", "--effort takes one of: quick, normal, thorough"),
        ("propose --beats 5 --balance residents=1e308,incidents=1e308", "from 0 to 1e+30"),
        ("propose --beats 5 --balance ,", "Weights"),
        ("propose --beats 5 --tolerance 5%,6%", "twice"),
        ("propose --beats 5 --tolerance 5% --tolerance 6%", "twice"),
        ("propose --beats 5 --tolerance residents=5%,residents=6%", "twice"),
        ("propose --beats 5 --tolerance inf", "above 0 and up to 1"),
        ("propose --targets ,", "--targets takes"),
        ("propose --targets 1e308,1e308", "beyond 1e+30"),
        ("propose --targets 1e-320,1", "a billion times"),
        ("propose --beats 5 --lock moon=1", "beat=ID or grid=ID"),
        ("propose --beats 5 --lock beat", "beat=ID or grid=ID"),
        ("propose --beats 5 --rooms within=1m", "No grid qualifies"),
        ("propose --beats 2 --apart A,B,C", "which takes more than 2 beats"),
        ("propose --beats 1 --apart A,B", "which takes more than 1 beat "),
        ("measure --from -1", "is not a date"),
        ("measure --from 2024-05-01 --to 2024-04-30", "ends before it begins"),
        ("measure --csv table.xyz", "Cannot write"),
        ("coverage --within ,", "received ,"),
        ("coverage --within inf", "received inf"),
        (f"coverage --within {'9' * 40}m", "0.01 to 10,000,000"),
        ("coverage --within 0.00001m", "0.01 to 10,000,000"),
        ("coverage --from 2024-05-01 --to 2024-04-01", "ends before it begins"),
        ("coverage --out rings.xyz", "Cannot write"),
        ("coverage --network planets", "planets"),
        ("site --rooms 3 --candidates area", "--area"),
        ("site --rooms 3 --weight luck", "luck"),
        ("site --rooms 3 --model capacitated --capacity 0", "--capacity"),
        ("site --rooms 3 --out rooms.xyz", "Cannot write"),
        ("compare nobody present", "No plan has been saved"),
        ("report --out NEW --period 2024-05-01..2024-04-01", "ends before it begins"),
        ("report --out NEW --formats ,", "Unknown formats"),
        ("report --out NEW --date nan", "--date"),
    ],
)
def test_nonsense_is_refused_and_changes_nothing(demo, tmp_path, grids, words, said):
    command, *rest = words.replace("NEW", str(tmp_path / "new")).split()
    named = dict(zip("ABC", grids, strict=True))
    for i, word in enumerate(rest[:]):
        if re.fullmatch("[ABC](,[ABC])+", word):
            rest[i] = ",".join(named[letter] for letter in word.split(","))
    before = snapshot(demo)
    assert said in refused(command, demo, *rest)
    assert snapshot(demo) == before
    assert not (tmp_path / "new").exists()


@pytest.fixture(scope="module")
def grids(demo):
    from gridmap.io import read_city

    return [str(name) for name in read_city(demo).grids.ids[:3]]


@pytest.mark.parametrize("name", COMMANDS)
def test_a_path_that_is_no_text_is_refused_by_every_command(name):
    assert refused(name, "w\udcffx").startswith("The command line holds characters that are not")


def test_without_words_the_help_is_shown():
    done = run()
    assert "propose" in done.stdout + done.stderr  # where and with which code is typer's


def test_every_number_is_checked_to_be_one():
    for name, command in build().commands.items():
        for item in command.params:
            if hasattr(item, "opts") and item.opts[0].startswith("--"):
                assert item.name == "help" or item.callback is not None, (name, item.name)


def test_what_is_stopped_says_so(monkeypatch):
    def stop(_self, *_args, **_options):
        raise KeyboardInterrupt

    monkeypatch.setattr("typer.core.TyperGroup.invoke", stop)
    done = run("check", "anywhere")
    assert (done.returncode, done.stderr) == (130, "Stopped.\n")


def test_a_command_line_is_refused_in_a_shell_too(tmp_path):
    words = [sys.executable, "-m", "gridmap", "propose", str(tmp_path), "--front", "9"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    assert done.returncode == 2
    assert len(done.stderr.splitlines()) == 1
