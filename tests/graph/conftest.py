"""The whole graph, loaded once, and the text that shows it."""

import dagster as dg
import pytest


@pytest.fixture(scope="session")
def definitions(tmp_path_factory: pytest.TempPathFactory) -> dg.Definitions:
    """The code location's definitions, loaded for an empty home."""
    with pytest.MonkeyPatch.context() as patch:
        home = tmp_path_factory.mktemp("home")
        patch.setenv("CYBERIMPACT_HOME", str(home))
        patch.setenv("DAGSTER_HOME", str(home / "dagster"))
        from orchestration.definitions import defs

        yield defs()


def render(definitions: dg.Definitions) -> str:
    """Return the graph as text, one asset a block, in the order of its keys."""
    graph = definitions.resolve_asset_graph()
    blocks = []
    for key in sorted(graph.get_all_asset_keys()):
        node = graph.get(key)
        lines = [key.to_user_string(), f"  group   {node.group_name}"]
        lines += [f"  owner   {owner}" for owner in sorted(node.owners)]
        lines += [f"  dep     {parent.to_user_string()}" for parent in sorted(node.parent_keys)]
        for check in sorted(node.check_keys, key=lambda check: check.name):
            blocking = "blocking" if graph.get_check_spec(check).blocking else "warning"
            lines.append(f"  check   {check.name} ({blocking})")
        blocks.append("\n".join(lines))
    return "\n\n".join(blocks) + "\n"
