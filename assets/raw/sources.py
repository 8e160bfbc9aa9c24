"""One external asset per platform, at the head of the lineage."""

import dagster as dg

from ingestion.platforms import PLATFORMS, Platform


def key(platform: Platform) -> dg.AssetKey:
    return dg.AssetKey(["source", platform.name])


sources = [
    dg.AssetSpec(
        key=key(platform),
        group_name="source",
        description=f"{platform.title}, as the platform itself holds it.",
        owners=[platform.owner],
        tags={"pillar": platform.pillar, "platform": platform.name, "sensitivity": platform.sensitivity},
        metadata={"docs": dg.MetadataValue.url(platform.docs)},
    )
    for platform in PLATFORMS
]
