"""The graph is whole: one line without a break from platform to dashboard, and each change of it shown in review."""

import dagster as dg

from ingestion.platforms import PLATFORMS
from orchestration import loads
from tests.graph.snapshot import SNAPSHOT, render


def test_the_graph_is_the_one_that_was_reviewed(definitions: dg.Definitions) -> None:
    assert render(definitions) == SNAPSHOT.read_text(), (
        "The graph changed: run `make snapshot` and review the difference."
    )


def test_every_asset_but_a_platform_or_a_seed_has_something_upstream(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    orphans = {
        key.to_user_string()
        for key in graph.get_all_asset_keys()
        if not graph.get(key).parent_keys and key.path[0] not in ("source", "seeds")
    }
    # Made from no data: a range of days, and what is declared of KPIs.
    assert orphans <= {"reference/dim_calendar", "kpi/kpi_catalogue", "impact/int_published_kpi"}


def test_every_dashboard_goes_back_to_a_platform(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    dashboards = [key for key in graph.get_all_asset_keys() if key.path[:2] == ["superset", "dashboard"]]
    assert dashboards
    for dashboard in dashboards:
        seen, todo = set(), [dashboard]
        while todo:
            key = todo.pop()
            if key not in seen:
                seen.add(key)
                todo.extend(graph.get(key).parent_keys)
        assert any(key.path[0] == "source" for key in seen), dashboard.to_user_string()


def test_every_object_of_superset_says_which_columns_it_shows(definitions: dg.Definitions) -> None:
    from assets.bi.superset import asset_key, lineage, shown

    known, found = definitions.resolve_asset_graph().get_all_asset_keys(), lineage()
    assert found.keys() == {asset_key(asset.kind, asset.slug) for asset in shown()}
    sources = {dep.asset_key for columns in found.values() for deps in columns.deps_by_column.values() for dep in deps}
    assert sources <= known


def test_definitions_are_loadable(definitions: dg.Definitions) -> None:
    dg.Definitions.validate_loadable(definitions)
    definitions.get_repository_def().load_all_definitions()


def test_a_load_is_the_same_job_alone_as_in_the_whole_graph(definitions: dg.Definitions) -> None:
    for platform in PLATFORMS:
        name = loads.load_name(platform)
        alone, whole = (found.resolve_job_def(name) for found in (loads.definitions(), definitions))
        assert (alone.tags, alone.description) == (whole.tags, whole.description)
        assert alone.asset_layer.selected_asset_keys == whole.asset_layer.selected_asset_keys
        parts = [
            (j.dep_structure_snapshot, j.node_defs_snapshot)
            for j in map(dg.JobDefinition.get_job_snapshot, (alone, whole))
        ]
        assert parts[0] == parts[1]
        for key in whole.asset_layer.selected_asset_keys:
            shown, expected = (found.resolve_asset_graph().get(key) for found in (loads.definitions(), definitions))
            assert (shown.group_name, shown.tags, shown.description) == (
                expected.group_name,
                expected.tags,
                expected.description,
            )
            assert shown.check_keys == expected.check_keys


def test_every_writer_of_a_database_takes_its_pool(definitions: dg.Definitions) -> None:
    graph = definitions.resolve_asset_graph()
    live = {platform.name for platform in PLATFORMS if platform.database == "live"}
    for assets in definitions.resolve_all_asset_keys():
        node = graph.get(assets)
        if node.is_materializable and assets.path[0] != "superset":
            is_live = assets.path[0] == "live" or assets.path[1] in {*live, "live"}
            pool = "live" if is_live else "warehouse"
            assert node.pools == {pool}, assets.to_user_string()


def test_every_job_selects_something(definitions: dg.Definitions) -> None:
    loads = [f"load_{platform.name}" for platform in PLATFORMS]
    for name in (
        *loads,
        "micro_batch_listening",
        "live",
        "build_live",
        "publish_live",
        "build",
        "build_full",
        "publish",
        "daily",
        "superset",
        "feeling_model",
    ):
        assert definitions.resolve_job_def(name).asset_layer.executable_asset_keys, name


def test_whatever_publishes_the_daily_copy_has_superset_forget_the_former_one(definitions: dg.Definitions) -> None:
    repository, copy = definitions.get_repository_def(), dg.AssetKey(["serving", "daily"])
    selected = [job.asset_layer.selected_asset_keys for job in repository.get_all_jobs()]
    publishing = [keys for keys in selected if copy in keys]
    assert len(publishing) > 1
    assert all(dg.AssetKey(["superset", "query_cache"]) in keys for keys in publishing)


def test_every_model_is_built_by_one_target(definitions: dg.Definitions) -> None:
    """A layer that is new is named by no job, and what reads it fails where nobody has built it before."""
    graph, repository = definitions.resolve_asset_graph(), definitions.get_repository_def()
    daily, live = (repository.get_job(name).asset_layer.selected_asset_keys for name in ("build", "build_live"))
    made = {key for key in graph.materializable_asset_keys if "dbt" in graph.get(key).kinds}
    assert made == daily | live
    assert not daily & live
