"""Superset's datasets, charts and dashboards as one step that brings the server in line with the bundle. The client is `supersync`."""

from collections.abc import Iterator
from typing import Any

import dagster as dg
import supersync.apply
import supersync.bundle
import supersync.cache
import supersync.client
import supersync.plan
from supersync.errors import SupersetFailure

from assets.serving import daily
from assets.warehouse.translator import node_key
from ingestion import settings
from orchestration import project

BUNDLE_DIR = settings.CHECKOUT / "superset" / "bundle"
OWNER = "team:plateforme-donnees"
