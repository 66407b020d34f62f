"""A plan that an address can name: the programme's, which every operator of a city is below."""

from handlers.codec import to_json
from handlers.rules.plans import PlanTerms
from models.ids import new_id
from models.plans import Plan, PlanVersion
from models.programmes import Programme
from models.words import PlanPeriod, PlanState


async def plan_of(programme_id: object) -> dict[str, object]:
    """Its id, by the name that addresses use."""
    terms = to_json(PlanTerms("月卡", "gold", PlanPeriod.MONTH, 1_990, trial_days=7))
    facts = {"programme_id": programme_id, "code": new_id().hex, "state": PlanState.PUBLISHED, "version": 1}
    plan = await Plan.create(terms=terms, **facts)
    await PlanVersion.create(plan=plan, number=1, terms=terms, published_at=plan.created_at)
    return {"plan_id": plan.id}


async def main_programme() -> object:
    """Whose it is."""
    return (await Programme.get(code="main")).id
