"""The Dagster graph: assets and checks, without schedules."""

import warnings

# Links to code are of Dagster's beta, its loader of a folder is in preview. The version is pinned, and each would be
# announced at every asset of every build.
warnings.filterwarnings("ignore", r".* is currently in (beta|preview)")
