"""Help and manners of the command line, as a newcomer meets them in either language."""

import contextlib
import json
import os
import re
import subprocess
import sys

import pytest
from command_line import run
from rich.cells import cell_len

from gridmap.cli import COMMANDS, build
from gridmap.cli._output import EXAMPLES, wrapped
from gridmap.i18n import system_language, tr, using_language

CHINESE = re.compile(r"[\u4e00-\u9fff]")


@pytest.mark.parametrize("language", ["zh", "en"])
@pytest.mark.parametrize("name", ["", *COMMANDS])
def test_help_fits_80_columns_and_leaks_no_type(name, language):
    done = run(*name.split(), "-h", language=language)
    assert done.returncode == 0
    assert max(map(cell_len, done.stdout.splitlines())) <= 80
    assert not re.search(r"<\w|\[default|INTEGER|FLOAT| TEXT|Usage: gridmap \[", done.stdout)
    if name:
        assert done.stdout.count(f"gridmap {name}") > 1  # usage and examples
    told = done.stdout.replace("监控", "")  # what a network is called in the data
    assert bool(CHINESE.search(told)) == (language == "zh")
    assert run(*name.split(), "--help", language=language).stdout == done.stdout
    assert not name or run("help", name, language=language).stdout == done.stdout


def test_the_overview_groups_every_command():
    told = run("--help").stdout
    for name in COMMANDS:
        assert re.search(rf"^  {name} ", told, re.MULTILINE), name
    for group in ("Data", "Measure and report", "Propose", "Duty", "Run"):
        assert f"\n{group}\n" in told


@pytest.mark.parametrize("name", EXAMPLES)
def test_every_example_can_be_read(name, monkeypatch):
    command = build([name]).commands[name]
    for line in EXAMPLES[name]:
        program, used, *words = line.split()
        assert (program, used) == ("gridmap", name)
        command.make_context(name, words)


def test_examples_work_on_the_demo_city(tmp_path, monkeypatch):
    """The cheap ones: a city of 60 grids has the ids and the place of the default one."""
    monkeypatch.chdir(tmp_path)
    assert run("demo", "mycity", "--grids", 60, "--incidents", 500).returncode == 0
    for name in ("check", "measure", "hotspots", "patrol", "around", "norms", "plans", "audit"):
        for line in EXAMPLES[name][: 1 if name == "plans" else 2]:
            done = run(*line.split()[1:])
            assert done.returncode == 0, (line, done.stderr)
    # What was asked for lies outside the data, or where no folder is: said, and nothing made.
    late = run("measure", "mycity", "--from", "2030-01-01")
    assert "no incidents on record" in late.stderr
    assert not run("measure", "mycity", "--from", "2024-12-30").stderr
    lost = run("measure", "mycity", "--csv", "nowhere/x/rows.csv")
    assert (lost.returncode, lost.stderr.count("\n")) == (2, 1)
    assert not (tmp_path / "nowhere").exists()


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("propose --beats 0", "--beats takes a whole number of 1 or more, received 0."),
        ("propose --beats 3 --sectors 0", "--sectors takes a whole number of 1 or more"),
        ("propose --beats 3 --prefer road --avoid road,community", "--prefer contradicts --avoid"),
        ("shifts --officers 0", "--officers takes a whole number from 1"),
        ("report --out r --pages 4 --brief", "--pages contradicts --brief: 4"),
        ("measure --from 2024-05-01T00:00:00+08:00", "--from takes local time without a zone"),
        ("measure --to 2024-05-01T00:00:00Z", "--to takes local time without a zone"),
        ("patrol --beat 1 --until 2024-05-01", "Did you mean --to?"),
        ("shifts --from staff", "--from: staff is not a date."),
    ],
)
def test_options_that_contradict_each_other_are_refused_at_once(words, said):
    name, *others = words.split()
    done = run(name, "nowhere", *others)
    assert (done.returncode, done.stderr.count("\n")) == (2, 1)
    assert said in done.stderr


@pytest.mark.skipif(sys.platform == "win32", reason="Windows has no SIGPIPE")
@pytest.mark.parametrize("held_back", [True, False])
def test_a_reader_who_has_gone_ends_it_quietly(held_back):
    """As ``gridmap --help | head -1``, whether or not the output is written at once."""
    ours, theirs = os.pipe()
    os.close(ours)
    try:
        done = subprocess.run(
            [sys.executable, *([] if held_back else ["-u"]), "-m", "gridmap", "--help"],
            stdout=theirs, stderr=subprocess.PIPE, check=False, text=True,
            env={name: value for name, value in os.environ.items() if name != "PYTHONUNBUFFERED"},
        )  # fmt: skip
    finally:
        os.close(theirs)
    assert (done.returncode, done.stderr) == (141, "")


def test_versions_are_told():
    told = run("--version").stdout
    assert told.startswith("gridmap 0.")
    for library in ("GDAL", "PROJ", "numba"):
        assert re.search(rf"{library}\S* \d", told)


@pytest.mark.parametrize(
    ("words", "said"),
    [
        ("propse", "Did you mean propose?"),
        ("mesure city", "Did you mean measure?"),
        ("propose city --tolerence 5%", "Did you mean --tolerance?"),
        ("report city --suppress 5", "Did you mean --suppress-below?"),
        ("measure city --since 2024-03-01", "Did you mean --from?"),  # as Python calls it
        ("measure city --rooms 5", "There is no option --rooms here, only for propose, site. See"),
        ("demo city --names fr", "--names takes one of: zh, en; received fr."),
        ("coverage city --mode swim", "takes one of: straight, walk, ebike, car; received swim."),
        ("norms city --zzz", "There is no option --zzz. See gridmap norms --help."),
    ],
)
def test_a_slip_of_the_keys_is_understood(words, said):
    done = run(*words.split())
    assert done.returncode == 2
    assert said in done.stderr
    assert done.stderr.count("\n") == 1


@pytest.mark.parametrize("words", ["measure nowhere", "nosuch", "propose", "check nowhere"])
def test_errors_are_json_where_json_is_asked_for(words):
    for language in ("zh", "en"):
        done = run(*words.split(), "--json", language=language)
        assert done.returncode == 2
        answer = json.loads(done.stdout)
        assert answer["format"] == 1
        assert set(answer["error"]) == {"key", "text"}
        assert answer["error"]["text"] == done.stderr.strip()


def test_an_import_that_fails_says_so_in_json(tmp_path):
    done = run("import", tmp_path / "city", "--kind", "grid", tmp_path / "none.shp", "--json")
    answer = json.loads(done.stdout)
    assert done.returncode == 2
    assert answer["features"] == 0
    assert answer["error"]["key"] == "io.error.no_file"


@pytest.mark.parametrize(
    ("settings", "language"),
    [
        ({"LANG": "zh_CN.UTF-8"}, "zh"),
        ({"LANG": "zh_TW"}, "zh"),
        ({"LANG": "C"}, "en"),
        ({"LANG": "de_DE.UTF-8"}, "en"),
        ({"LANG": "zh_CN.UTF-8", "LC_ALL": "en_US.UTF-8"}, "en"),
        ({"LANG": "en_US.UTF-8", "LC_MESSAGES": "zh_CN.GBK"}, "zh"),
        ({"LC_ALL": "", "LC_MESSAGES": "", "LANG": "zh"}, "zh"),
        ({"LANG": "zh_CN", "GRIDMAP_LANG": "en"}, "en"),
        ({"LANG": "zh_CN", "GRIDMAP_LANG": "fr"}, "zh"),
        ({"LC_ALL": "zhuang"}, "en"),
        ({"LC_ALL": "Chinese_China.936"}, "zh"),
        ({"LANG": "Chinese (Simplified)_China.936"}, "zh"),
        ({"LANG": "zh-Hans"}, "zh"),
        ({}, "en"),
    ],
)
def test_the_language_is_read_by_hand(settings, language, monkeypatch):
    names = ("LC_ALL", "LC_MESSAGES", "LANG", "GRIDMAP_LANG")
    for name in names:
        monkeypatch.delenv(name, raising=False)
    for name, value in settings.items():
        monkeypatch.setenv(name, value)
    assert system_language() == language
    code = "import gridmap.i18n as i; print(i.tr('field.residents'))"
    env = {k: v for k, v in os.environ.items() if k not in names} | settings
    done = subprocess.run(
        [sys.executable, "-X", "utf8", "-c", code], capture_output=True, text=True, env=env,
        encoding="utf-8", check=True,
    )  # fmt: skip
    assert done.stdout.strip() == tr("field.residents", language=language)


@pytest.mark.parametrize(
    "text", ["网格与警格的叠加、度量、覆盖与划分。" * 3, "one two three " * 9]
)
def test_wrapping_loses_nothing(text):
    lines = wrapped(text, 20)
    assert all(cell_len(line) <= 22 for line in lines)  # a mark may hang over
    assert re.sub(r"\s", "", "".join(lines)) == re.sub(r"\s", "", text)
    assert not any(line[:1] in "，。、；：）" for line in lines)


@pytest.mark.parametrize("language", ["zh", "en"])
def test_completion_is_installed_in_the_language_of_the_reader(language, tmp_path, monkeypatch):
    shells = iter(["bash", None])
    monkeypatch.setattr("typer._completion_shared._get_shell_name", lambda: next(shells))
    monkeypatch.setenv("HOME", str(tmp_path))
    monkeypatch.setenv("USERPROFILE", str(tmp_path))  # the home of Windows
    done = run("--install-completion", language=language)
    file = tmp_path / ".bash_completions" / "gridmap.sh"
    told = tr("cli.completion", language=language, name="bash", path=file)
    assert (done.returncode, done.stdout, done.stderr) == (0, f"{told}\n", "")
    assert "_GRIDMAP_COMPLETE" in file.read_text(encoding="utf-8")
    none = run("--install-completion", language=language)
    assert (none.returncode, none.stdout) == (2, "")
    assert none.stderr == tr("cli.error.shell", language=language) + "\n"


@pytest.mark.slow
def test_the_next_step_is_told(tmp_path):
    with using_language("en"):
        made = run("demo", tmp_path / "city", "--grids", 60, "--incidents", 50)
    assert f"Next: check the data with gridmap check {tmp_path / 'city'}" in made.stderr
    done = run("check", tmp_path / "city")
    assert "Next:" in done.stderr
    assert str(tmp_path / "city") in done.stderr


# -- a command that takes a while


_SLOW = """
import time
from gridmap.cli import _output
{begin}
_output.announce('measure')
{work}
_output.print_text('the answer')
time.sleep({after})
"""
# Until the bar has moved for a second, however late it has come.
_MOVED = """
while not (_output._waiting._bar and _output._waiting._bar.tasks[0].elapsed > 1.2):
    time.sleep(0.05)
"""


def on_a_screen(**parts):
    """Return what somebody sees who runs a command in a terminal."""
    pty = pytest.importorskip("pty", reason="Windows has no pseudo-terminals")
    ours, theirs = pty.openpty()
    with subprocess.Popen(
        [sys.executable, "-c", _SLOW.format(**parts)], stdout=theirs, stderr=theirs,
        env={**os.environ, "LC_ALL": "C.UTF-8", "TERM": "xterm"},
    ):  # fmt: skip
        os.close(theirs)
        seen = b""
        with contextlib.suppress(OSError):  # the other end was closed
            while piece := os.read(ours, 4096):
                seen += piece
    os.close(ours)
    return seen.decode()


def test_after_a_second_a_bar_moves_until_something_is_printed():
    # The quick one has three seconds for nothing, so that no busy machine makes it slow.
    quick = on_a_screen(begin="_output._PATIENCE_S = 3.0", work="", after=3.5)
    slow = on_a_screen(begin="", work=_MOVED, after=1.5)
    assert "\x1b" not in quick
    assert quick.endswith("the answer\r\n")
    assert re.search(r"0:00:0[1-9]", slow)
    # The bar is gone from the screen before the answer, and does not come back after it.
    assert slow.endswith("\x1b[2Kthe answer\r\n")


def test_no_bar_is_written_into_a_pipe():
    program = _SLOW.format(begin="", work="time.sleep(1.5)", after=0)
    done = subprocess.run(
        [sys.executable, "-c", program], check=True, capture_output=True, text=True
    )  # fmt: skip
    assert (done.stdout, done.stderr) == ("the answer\n", "")
