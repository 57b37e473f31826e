"""The fields that streams may be cut by: of few names, so that each slice has exchanges enough to say anything."""

from typing import Literal

Dimension = Literal["workflow", "intent", "model_served", "persona", "language", "tenant_tier", "route", "env"]
