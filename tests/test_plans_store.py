"""The store on SQLite and on a real PostgreSQL server: the same tests for both."""

import os
import sqlite3
import threading

import geopandas as gpd
import numpy as np
import plans_postgres
import pytest
import shapely
import sqlalchemy as sa
from documents import in_language

from gridmap.api.propose import ProposeOptions
from gridmap.errors import (
    ConflictError,
    InputError,
    MissingError,
    PermissionDeniedError,
    WorkspaceError,
)
from gridmap.model import BeatInfo, Kind, Layer, Plan
from gridmap.plans import (
    LOCAL,
    Action,
    Actor,
    Fault,
    Locks,
    MoveGrids,
    PlanStore,
    RenameBeat,
    Role,
    logged,
)
from gridmap.plans._database import METADATA

APPEND_ONLY = ("grid_sets", "grid_shapes", "plans", "versions", "commands", "audit")


@pytest.fixture(scope="session")
def cluster():
    required = os.environ.get("CI", "").lower() == "true"
    try:
        server = plans_postgres.PrivateCluster(install=required, durable=False)
        with server:
            yield server
    except plans_postgres.UnavailableError as error:
        if required:
            pytest.fail(str(error))
        pytest.skip(str(error))


@pytest.fixture(params=["sqlite", pytest.param("postgresql", marks=pytest.mark.postgresql)])
def where(request, tmp_path):
    if request.param == "sqlite":
        return str(tmp_path / "plans.db")
    return request.getfixturevalue("cluster").empty_database()


@pytest.fixture
def store(where):
    with PlanStore.open(where) as opened:
        yield opened


def make_plan(name="north", labels=("a", "a", "b", "b"), digest="d"):
    ids = np.array([f"0{n}" for n in range(len(labels))], dtype=object)
    beats = {
        label: BeatInfo(label, f"警格{label}", "s1", "", 2, 1)
        for label in sorted({*labels} - {""})
    }
    return Plan.from_labels(name, ids, labels, beats=beats, city_digest=digest)


def alter(store, *statements):
    """Write past the triggers, as somebody with the whole database in hand could."""
    with store._engine.begin() as connection:
        if connection.dialect.name == "postgresql":
            connection.exec_driver_sql("SET session_replication_role = replica")
        else:
            for table in APPEND_ONLY:
                connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table}_no_update")
                connection.exec_driver_sql(f"DROP TRIGGER IF EXISTS {table}_no_delete")
        for statement in statements:
            connection.exec_driver_sql(statement)


def test_a_saved_plan_is_loaded_as_it_was(store):
    plan = make_plan(labels=("a", "b", "", "a"))
    locks = Locks(frozenset({"a"}), frozenset({"01"}))
    faults = (Fault("a", 2, ("03",)),)
    commands = (RenameBeat("a", "警格a"), MoveGrids(("03",), "a", insist=True))
    saved = store.save(
        plan, author=LOCAL, commands=commands, note="试行", locks=locks, faults=faults
    )
    again = store.load("north")
    assert again.digest == saved.digest
    assert again.labels.tolist() == ["a", "b", "", "a"]
    assert again.grid_ids.tolist() == ["00", "01", "02", "03"]
    assert again.beats == plan.beats
    assert again.city_digest == "d"
    assert store.commands("north") == commands
    assert store.version("north") == saved
    assert (saved.number, saved.base, saved.note, saved.locks, saved.faults) == (
        1, None, "试行", locks, faults,
    )  # fmt: skip


def test_every_save_is_a_version_and_none_is_overwritten(store):
    first = make_plan()
    second = first.move(["01"], to="b")
    store.save(first, author=LOCAL)
    store.save(second, author=Actor("li", Role.PLANNER), base_version=1)
    store.save(make_plan("south"), author=LOCAL)
    assert [v.number for v in store.history("north")] == [1, 2]
    assert [(v.name, v.number, v.author) for v in store.list()] == [
        ("north", 2, "li"),
        ("south", 1, "local"),
    ]
    assert store.load("north", 1).labels.tolist() == first.labels.tolist()
    assert store.load("north").labels.tolist() == second.labels.tolist()


def test_the_second_to_save_on_a_version_is_told_of_both_changes(store):
    plan = make_plan()
    store.save(plan, author=LOCAL)
    store.save(
        plan.move(["01"], to="b"),
        author=Actor("wang", Role.PLANNER),
        base_version=1,
        commands=[MoveGrids(("01",), "b")],
    )
    mine = plan.move(["01", "02"], to="").move(["02"], to="a")
    with pytest.raises(ConflictError) as caught:
        store.save(mine, author=LOCAL, base_version=1, commands=[MoveGrids(("02",), "a")])
    values = caught.value.values
    assert values["their_version"].author == "wang"
    assert values["their_change"].grids == {"01"}
    assert values["your_change"].grids == {"01", "02"}
    assert values["both"] == 1
    assert values["their_commands"] == (MoveGrids(("01",), "b"),)
    assert values["your_commands"] == (MoveGrids(("02",), "a"),)
    assert "wang" in caught.value.text("en")
    assert "1个网格由 a 调至 b" in caught.value.text("zh")
    # Nothing was written, and nothing is lost: it can be saved on the new version.
    assert [v.number for v in store.history("north")] == [1, 2]
    assert store.save(mine, author=LOCAL, base_version=2).number == 3


def test_a_name_that_must_be_new_and_a_base_that_is_not_there(store):
    store.save(make_plan(), author=LOCAL, base_version=0)
    with pytest.raises(ConflictError, match="north"):
        store.save(make_plan(), author=LOCAL, base_version=0)
    with pytest.raises(ConflictError, match="7"):
        store.save(make_plan(), author=LOCAL, base_version=7)
    with pytest.raises(ConflictError, match="2"):
        store.save(make_plan("other"), author=LOCAL, base_version=2)
    assert [v.name for v in store.list()] == ["north"]


BAD_NAMES = (
    "", "  ", " a", "a ", "present", "Present", "present beats", "现行警格", "x" * 201,
    ".", "..", ".a", "a.", "a\nb", "a\tb", "a\u2028b", "a\u202eb", "a\x1b[31m",
    "a/b", "a\\b", "-a", "--json", "a@2",
)  # fmt: skip


def test_names_that_are_refused_and_names_that_are_taken(store):
    for name in BAD_NAMES:
        with pytest.raises(InputError, match=r"name|方案名") as refused:
            store.save(make_plan(name), author=LOCAL)
        assert len(refused.value.text().splitlines()) == 1
        if name:  # before any search, not after it
            with pytest.raises(InputError, match=r"name|方案名"):
                ProposeOptions(name=name)
    for name in ("a@b", "a@2b", "方案 一（3）", "v1.2", "x" * 200, "presently"):
        assert ProposeOptions(name=name).name == store.save(make_plan(name), author=LOCAL).name


def test_a_name_that_an_older_gridmap_allowed_still_opens(where, monkeypatch):
    monkeypatch.setattr("gridmap.plans.store.check_plan_name", lambda _: None)
    with PlanStore.open(where) as store:
        for name in ("a@2", "a/b", "a\nb"):
            store.save(make_plan(name), author=LOCAL)
    monkeypatch.undo()
    with PlanStore.open(where) as store:
        assert {version.name for version in store.list()} == {"a@2", "a/b", "a\nb"}
        assert len(store.load("a@2")) == len(make_plan())


def test_what_is_not_there_is_named(store):
    store.save(make_plan(), author=LOCAL)
    with pytest.raises(MissingError, match="north"):
        store.load("nort")
    with pytest.raises(MissingError, match="9"):
        store.load("north", 9)
    for ask in (store.history, store.commands, store.version):
        with pytest.raises(MissingError):
            ask("nort")


def test_two_who_save_at_once_get_one_version_and_one_conflict(where):
    with PlanStore.open(where) as store:
        store.save(make_plan(), author=LOCAL)
        ready = threading.Barrier(6)
        outcomes = []

        def save(number):
            changed = make_plan().move(["01"], to="b" if number % 2 else "")
            ready.wait()
            try:
                author = Actor(f"p{number}", Role.PLANNER)
                outcomes.append(store.save(changed, author=author, base_version=1).number)
            except ConflictError:
                outcomes.append("conflict")

        threads = [threading.Thread(target=save, args=(n,)) for n in range(6)]
        for thread in threads:
            thread.start()
        for thread in threads:
            thread.join()
        assert sorted(map(str, outcomes)) == ["2", *["conflict"] * 5]
        assert store.verify().is_whole


def test_many_new_stores_and_plans_at_once(where):
    failures = []

    def work(number):
        try:
            with PlanStore.open(where) as store:
                for _ in range(3):
                    store.save(make_plan("shared"), author=Actor(f"p{number}", Role.PLANNER))
        except Exception as error:  # noqa: BLE001 - whatever it is, the test shows it
            failures.append(repr(error))

    threads = [threading.Thread(target=work, args=(n,)) for n in range(5)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert failures == []
    with PlanStore.open(where) as store:
        assert [v.number for v in store.history("shared")] == list(range(1, 16))
        assert store.verify().records == 15
        assert store.verify().is_whole


# -- people ------------------------------------------------------------------------------


def test_roles_are_given_by_administrators_and_the_last_one_counts(store):
    assert store.actor_of("li") == Actor("li", Role.VIEWER)
    store.assign_role("li", Role.PLANNER, author=LOCAL)
    store.assign_role("li", Role.VIEWER, author=LOCAL)
    store.assign_role("an", Role.ANALYST, author=LOCAL)
    assert store.roles() == {"an": Role.ANALYST, "li": Role.VIEWER}
    assert store.actor_of("an").may(Action.EXPORT)
    with pytest.raises(PermissionDeniedError):
        store.assign_role("li", Role.ADMINISTRATOR, author=Actor("li", Role.PLANNER))
    assert [r.action for r in store.audit_records()] == ["assign_role"] * 3


def test_who_may_not_changes_nothing(store):
    store.save(make_plan(), author=LOCAL)
    viewer, analyst = Actor("v", Role.VIEWER), Actor("a", Role.ANALYST)
    for actor in (viewer, analyst):
        with pytest.raises(PermissionDeniedError):
            store.save(make_plan(), author=actor)
        with pytest.raises(PermissionDeniedError):
            store.import_plan(make_plan(), author=actor, source="plan.csv")
        with pytest.raises(PermissionDeniedError):
            store.record(actor, Action.IMPORT, "grid", {})
    with pytest.raises(PermissionDeniedError):
        store.export_plan("north", author=viewer, target="csv")
    assert len(store.audit_records()) == 1
    assert store.export_plan("north", author=analyst, target="csv").name == "north"
    assert len(store.audit_records()) == 2


def test_a_claimed_role_counts_for_nothing_where_the_store_knows_better(store):
    store.save(make_plan(), author=LOCAL)
    li, stranger = Actor("li", Role.PLANNER), Actor("x", Role.ADMINISTRATOR)
    store.assign_role("li", Role.PLANNER, author=LOCAL)
    assert store.save(make_plan(), author=li, base_version=1).number == 2
    store.assign_role("li", Role.VIEWER, author=LOCAL)  # taken back while li was at work
    records = len(store.audit_records())
    for actor in (li, stranger):
        for forged in (
            lambda actor=actor: store.save(make_plan(), author=actor, base_version=2),
            lambda actor=actor: store.import_plan(make_plan("x"), author=actor, source="x.csv"),
            lambda actor=actor: store.export_plan("north", author=actor, target="csv"),
            lambda actor=actor: store.assign_role("li", Role.PLANNER, author=actor),
            lambda actor=actor: store.record(actor, Action.REPAIR, "grid", {}),
            lambda actor=actor: store.require(actor, Action.SAVE),
        ):
            with pytest.raises(PermissionDeniedError):
                forged()
    assert len(store.audit_records()) == records
    assert store.roles() == {"li": Role.VIEWER}
    assert [version.number for version in store.history("north")] == [1, 2]


def test_nobody_logs_in_as_the_local_user(store):
    with pytest.raises(InputError):
        store.actor_of(LOCAL.name)


def test_what_is_done_outside_the_store_is_asked_for_and_logged(tmp_path):
    with logged(tmp_path, LOCAL, Action.IMPORT, "grid") as detail:
        detail["features"] = 4
    with PlanStore.of(tmp_path) as store:
        store.assign_role("li", Role.VIEWER, author=LOCAL)
        assert store.audit_records()[0].detail == '{"features": 4}'
    with (
        pytest.raises(PermissionDeniedError),
        logged(tmp_path, Actor("li", Role.PLANNER), Action.IMPORT, "grid"),
    ):
        pytest.fail("it was begun")
    with pytest.raises(ZeroDivisionError), logged(tmp_path, LOCAL, Action.REPAIR, "grid"):
        1 / 0  # noqa: B018 - what goes wrong is not written
    with PlanStore.of(tmp_path) as store:
        assert len(store.audit_records()) == 2


# -- the log -----------------------------------------------------------------------------


def fill_log(store):
    for name in ("one", "two", "three"):
        store.save(make_plan(name), author=LOCAL)
    store.record(LOCAL, Action.IMPORT, "grid", {"features": 4})
    store.export_plan("one", author=LOCAL, target="gpkg")
    assert store.verify().is_whole
    assert store.verify().records == 5
    assert store.verify().head == store.audit_records()[-1].hash


@pytest.mark.parametrize(
    ("statement", "number", "reason"),
    [
        ("UPDATE audit SET actor = 'somebody' WHERE number = 2", 2, "altered"),
        ("UPDATE audit SET detail = '{}' WHERE number = 4", 4, "altered"),
        ("UPDATE audit SET hash = 'x' WHERE number = 3", 3, "altered"),
        ("DELETE FROM audit WHERE number = 3", 3, "missing"),
        ("DELETE FROM audit WHERE number = 1", 1, "missing"),
        ("DELETE FROM audit WHERE number = 5", 5, "cut_off"),
        ("DELETE FROM audit", 1, "cut_off"),
        ("UPDATE versions SET beats = replace(beats, 's1', 's9') WHERE id = 2", 2, "version"),
        ("DELETE FROM versions WHERE id = 3", 3, "version"),
    ],
)
def test_the_first_broken_link_is_named(store, statement, number, reason):
    fill_log(store)
    alter(store, statement)
    broken = store.verify().broken
    assert (broken.number, broken.reason) == (number, reason)
    assert str(number) in in_language("en", broken.text)
    assert in_language("zh", broken.text)


@pytest.mark.slow
@pytest.mark.parametrize(
    "statement",
    [
        *(
            f"UPDATE versions SET {column} = {value} WHERE number = 2"  # noqa: S608 - our own
            for column, value in {
                "author": "'somebody'",
                "at": "'2020-01-01T00:00:00.000000+00:00'",
                "note": "'another'",
                "base": "NULL",
                "city_digest": "'e'",
                "beat_count": "9",
                "beats": "replace(beats, 's1', 's9')",
                "locks": "'[[], []]'",
                "faults": """'[["a", 2, ["00"]]]'""",
                "digest": "'0123'",
                "origin_plan": "NULL",
                "origin_version": "7",
            }.items()
        ),
        (
            "UPDATE versions SET assignment = (SELECT assignment FROM versions WHERE number = 1)"
            " WHERE number = 2"
        ),
        "UPDATE plans SET name = 'south'",
        "UPDATE plans SET at = '2020-01-01T00:00:00.000000+00:00'",
        "UPDATE commands SET record = replace(record, 'new', 'old')",
        "UPDATE commands SET position = 5",
        "DELETE FROM commands",
        "UPDATE grid_sets SET size = 5",
        "UPDATE grid_sets SET ids = (SELECT prints FROM grid_shapes)",
        "UPDATE grid_shapes SET prints = (SELECT ids FROM grid_sets)",
        "DELETE FROM grid_shapes",
        (
            "INSERT INTO grid_shapes (city_digest, grid_set, prints)"
            " SELECT 'f', grid_set, prints FROM grid_shapes"
        ),
        (
            "INSERT INTO commands (version_id, position, record)"
            " SELECT version_id, 9, record FROM commands"
        ),
    ],
)
def test_whatever_is_changed_of_a_version_is_seen(store, statement):
    layer = grid_layer()
    plan = make_plan(digest=layer.digest)
    store.save(plan, author=LOCAL, grids=layer)
    step = plan.move(["01"], to="b")
    store.save(
        step,
        author=Actor("li", Role.PLANNER),
        base_version=1,
        commands=[RenameBeat("a", "new")],
        note="试行",
        locks=Locks(frozenset({"a"}), frozenset()),
        grids=layer,
    )
    store.assign_role("li", Role.PLANNER, author=LOCAL)
    whole = store.verify()
    assert (whole.is_whole, whole.records, whole.versions, whole.accounts) == (True, 3, 2, 1)
    alter(store, statement)
    assert store.verify().broken is not None


@pytest.mark.slow
@pytest.mark.parametrize("column", ["assignment", "beats", "locks", "faults", "at"])
@pytest.mark.parametrize("value", ["x", "[[", '[["a"]]', "[1, 2, 3]", "null", ""])
def test_a_damaged_version_is_a_line_and_no_traceback(store, column, value):
    store.save(make_plan(), author=LOCAL)
    written = f"'{value}'"
    if column == "assignment":
        written = f"X'{value.encode().hex()}'"
        if store._engine.dialect.name == "postgresql":
            written = f"decode('{value.encode().hex()}', 'hex')"
    alter(store, f"UPDATE versions SET {column} = {written}")  # noqa: S608 - our own
    broken = store.verify().broken
    assert (broken.number, broken.reason) == (1, "version")
    assert len(in_language("en", broken.text).splitlines()) == 1


def test_a_log_of_other_types_is_altered_and_no_traceback(tmp_path):
    with PlanStore.open(tmp_path) as store:
        store.save(make_plan(), author=LOCAL)
        alter(store, "UPDATE audit SET detail = X'ff00', subject = 7")
        assert store.verify().broken.reason == "altered"
        assert store.roles() == {}


def test_a_role_is_what_the_log_gives(store):
    store.assign_role("li", Role.PLANNER, author=LOCAL)
    assert store.roles() == {"li": Role.PLANNER}
    columns = "number, at, actor, role, action, subject, detail, previous, hash"
    forged = (
        f"INSERT INTO audit ({columns}) SELECT 2, at, actor, role, action, 'mallory',"  # noqa: S608 - our own
        ' \'{"role": "administrator"}\', hash, hash FROM audit WHERE number = 1'
    )
    alter(store, forged)
    assert store.roles() == {"li": Role.PLANNER}
    assert store.verify().broken is not None
    alter(store, "UPDATE audit SET detail = replace(detail, 'planner', 'administrator')")
    assert store.roles() == {}
    with pytest.raises(PermissionDeniedError):
        store.save(make_plan("other"), author=Actor("li", Role.ADMINISTRATOR))


def test_an_anchor_outside_shows_a_log_that_was_written_anew(store, where):
    from gridmap.plans import Anchor, AuditRecord, link_hash

    fill_log(store)
    noted = store.verify().anchor
    assert Anchor.read(f" {noted} ".upper()) == noted
    store.record(LOCAL, Action.IMPORT, "grid", {"features": 5})
    assert store.verify([noted]).is_whole
    previous, statements = "", []
    for record in store.audit_records():
        values = {name: getattr(record, name) for name in record.__slots__}
        values |= {"previous": previous, "actor": "nobody"}
        previous = link_hash(AuditRecord(**values))
        statements.append(
            f"UPDATE audit SET actor = 'nobody', previous = '{values['previous']}',"  # noqa: S608 - made here
            f" hash = '{previous}' WHERE number = {record.number}"
        )
    alter(store, *statements, f"UPDATE audit_head SET hash = '{previous}'")  # noqa: S608 - made here
    assert store.verify().is_whole  # a new chain, and a whole one
    broken = store.verify([noted]).broken
    assert (broken.number, broken.reason) == (noted.number, "anchor")


def test_an_anchor_beyond_the_end_shows_a_log_that_was_cut_off(store):
    fill_log(store)
    noted = store.verify().anchor
    alter(
        store,
        "DELETE FROM audit WHERE number > 3",
        "UPDATE audit_head SET number = 3, hash = (SELECT hash FROM audit WHERE number = 3)",
        "DELETE FROM versions WHERE id > 3",
    )
    assert store.verify().is_whole
    assert store.verify([noted]).broken.reason == "anchor"


@pytest.mark.parametrize("code", ["", "x", "0-" + "-".join(["0000"] * 8), "1-0123", "1"])
def test_what_is_no_code_is_refused(code):
    from gridmap.plans import Anchor

    with pytest.raises(InputError):
        Anchor.read(code)


def test_a_record_put_together_anew_breaks_the_next_link(store):
    from dataclasses import replace

    from gridmap.plans import link_hash

    fill_log(store)
    record = replace(store.audit_records()[1], actor="nobody")
    alter(
        store,
        f"UPDATE audit SET actor = 'nobody', hash = '{link_hash(record)}' WHERE number = 2",  # noqa: S608 - made here
    )
    broken = store.verify().broken
    assert (broken.number, broken.reason) == (3, "unlinked")


def test_a_version_that_no_record_tells_of_is_found(store):
    fill_log(store)
    alter(
        store,
        "INSERT INTO versions (id, plan_id, number, at, author, note, city_digest, grid_set,"
        " beat_count, assignment, beats, locks, faults, digest)"
        " SELECT 99, plan_id, 2, at, author, note, city_digest, grid_set, beat_count,"
        " assignment, beats, locks, faults, digest FROM versions WHERE id = 1",
    )
    assert store.verify().broken.reason == "untold"


def test_a_plan_without_a_version_is_found(store):
    fill_log(store)
    assert store.verify().broken is None
    alter(store, "INSERT INTO plans (id, name, at) VALUES (99, 'ghost', '2024-01-01T00:00:00')")
    assert store.verify().broken.reason == "untold"


@pytest.mark.parametrize("table", APPEND_ONLY)
def test_the_database_itself_refuses_to_change_what_is_written(store, table):
    store.save(
        make_plan(digest=grid_layer().digest),
        author=LOCAL,
        commands=[RenameBeat("a", "x")],
        grids=grid_layer(),
    )
    store.assign_role("li", Role.PLANNER, author=LOCAL)
    column = METADATA.tables[table].columns.keys()[-1]
    statements = [f"UPDATE {table} SET {column} = {column}", f"DELETE FROM {table}"]  # noqa: S608 - our own tables
    if store._engine.dialect.name == "postgresql":
        statements.append(f"TRUNCATE {table} CASCADE")
    for statement in statements:
        with (
            pytest.raises(sa.exc.DBAPIError, match="append-only"),
            store._engine.begin() as connection,
        ):
            connection.exec_driver_sql(statement)


def test_migrations_make_the_tables_that_the_code_reads(where):
    from alembic.autogenerate import compare_metadata
    from alembic.migration import MigrationContext

    with PlanStore.open(where) as store, store._engine.connect() as connection:
        context = MigrationContext.configure(connection)
        assert compare_metadata(context, METADATA) == []


def test_commands_replay_from_the_version_that_they_start_from(store):
    plan = make_plan()
    store.save(plan, author=LOCAL)
    first, second = MoveGrids(("01",), "b"), RenameBeat("b", "新")
    step = plan.move(["01"], to="b")
    store.save(step, author=LOCAL, base_version=1, commands=[first])
    # Saved twice in one sitting: upon version 2, by commands that start from version 1.
    version = store.save(
        step, author=LOCAL, base_version=2, commands=[first, second], origin=("north", 1)
    )
    assert (version.base, version.origin) == (2, ("north", 1))
    assert store.version("north", 2).origin == ("north", 1)
    assert store.history("north")[2] == version


@pytest.mark.parametrize("revision", ["0002", "9999"])
def test_a_store_of_another_version_is_refused_in_one_line(where, revision):
    with PlanStore.open(where) as store:
        alter(store, f"UPDATE alembic_version SET version_num = '{revision}'")  # noqa: S608 - ours
    with pytest.raises(InputError, match=revision) as raised:
        PlanStore.open(where)
    assert len(raised.value.text("en").splitlines()) == 1


# -- the grids ---------------------------------------------------------------------------


def grid_layer(ids=("00", "01", "02", "03"), *, width=100.0, residents=10.0):
    shapes = [shapely.box(n * 100.0, 0, n * 100.0 + width, 100) for n in range(len(ids))]
    frame = gpd.GeoDataFrame({"id": ids, "residents": residents}, geometry=shapes, crs=4547)
    return Layer(Kind.GRID, frame)


def test_a_plan_is_refused_when_the_grids_changed_and_the_difference_is_listed(store):
    layer = grid_layer()
    store.save(make_plan(digest=layer.digest), author=LOCAL, grids=layer)
    assert store.load("north", grids=layer).labels.tolist() == ["a", "a", "b", "b"]
    with pytest.raises(InputError) as caught:
        store.load("north", grids=grid_layer(("00", "01", "02", "new")))
    difference = caught.value.values["difference"]
    assert (difference.gone, difference.new) == (("03",), ("new",))
    with pytest.raises(InputError) as caught:
        store.load("north", grids=grid_layer(width=99.0))
    assert caught.value.values["difference"].reshaped == ("00", "01", "02", "03")
    assert "00" in str(caught.value)


def test_new_counts_and_another_order_are_no_other_grids(store):
    layer = grid_layer()
    store.save(make_plan(digest=layer.digest), author=LOCAL, grids=layer)
    counted = grid_layer(residents=99.0)
    assert store.load("north", grids=counted).city_digest == counted.digest
    turned = Layer(Kind.GRID, layer.frame.iloc[::-1])
    assert store.load("north", grids=turned).labels.tolist() == ["b", "b", "a", "a"]


def test_a_plan_of_other_grids_is_not_saved_as_if_it_were_of_these(store):
    with pytest.raises(InputError):
        store.save(make_plan(), author=LOCAL, grids=grid_layer(("00", "01", "02", "x")))
    assert store.list() == ()


# -- SQLite ------------------------------------------------------------------------------


def test_a_workspace_at_rest_is_one_file(tmp_path):
    with PlanStore.open(tmp_path) as store:
        store.save(make_plan(), author=LOCAL)
    assert [path.name for path in tmp_path.iterdir()] == ["plans.db"]
    with sqlite3.connect(tmp_path / "plans.db") as raw:
        assert raw.execute("PRAGMA journal_mode").fetchone() == ("wal",)
    raw.close()


def test_foreign_keys_hold(tmp_path):
    with (
        PlanStore.open(tmp_path) as store,
        pytest.raises(sa.exc.IntegrityError),
        store._engine.begin() as connection,
    ):
        connection.exec_driver_sql(
            "INSERT INTO commands (version_id, position, record) VALUES (77, 0, '{}')"
        )


def test_what_is_no_store_is_said_in_one_line(tmp_path):
    (tmp_path / "plans.db").write_bytes(b"this is a text, not a database " * 40)
    with pytest.raises(WorkspaceError, match=r"plans\.db"):
        PlanStore.open(tmp_path)
    with pytest.raises(WorkspaceError):
        PlanStore.open(tmp_path / "no" / "such" / "folder" / "plans.db")


@pytest.mark.parametrize("url", ["nosuch://x", "://", "postgresql+nodriver://x/y"])
def test_urls_that_cannot_be_used(url):
    with pytest.raises(InputError):
        PlanStore.open(url)


def test_the_password_of_a_server_is_never_shown():
    url = "postgresql://gridmap:secret@127.0.0.1:9/none?connect_timeout=2"
    with pytest.raises(WorkspaceError) as caught:
        PlanStore.open(url)
    assert "secret" not in str(caught.value)
