"""The graph as text that a reviewer reads; run as a module, it rewrites the file that the test compares with."""

from pathlib import Path

import dagster as dg

SNAPSHOT = Path(__file__).with_name("graph.txt")


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


if __name__ == "__main__":
    from orchestration.definitions import defs

    SNAPSHOT.write_text(render(defs()))
