"""A plan -> what incidents say that they were decided by."""

from msgspec.structs import replace

from schemas.incidents import Lineage
from streams.watch import effective
from streams.watch.once import once
from streams.watch.plan import Plan


def lineage(plan: Plan, baseline: int = 0) -> Lineage:
    """Name config, taxonomy, baseline and engine, so that a finding can be made again.

    Parameters
    ----------
    baseline : version of the service's; 0 for none
    """
    return replace(_lineage(plan), baseline=baseline)


@once
def _lineage(plan: Plan) -> Lineage:
    return Lineage(config=effective.hashed(plan.config), taxonomy=plan.taxonomy.fingerprint(), engine=effective.ENGINE)
