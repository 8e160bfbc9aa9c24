"""One external asset per platform, at the head of the lineage."""

import dagster as dg

from ingestion.platforms import PLATFORMS, Platform


def key(platform: Platform) -> dg.AssetKey:
    return dg.AssetKey(["source", platform.name])


def tags(platform: Platform) -> dict[str, str]:
    """Return the tags of what is made of a platform."""
    return {"pillar": platform.pillar, "platform": platform.name, "sensitivity": platform.sensitivity}


sources = [
    dg.AssetSpec(
        key=key(platform),
        group_name="source",
        description=f"{platform.title}, as the platform itself holds it.",
        owners=[platform.owner],
        tags=tags(platform),
        metadata={"docs": dg.MetadataValue.url(platform.docs)},
    )
    for platform in PLATFORMS
]
