"""Every refusal, in one list: what happened, what kind of refusal it is, what to tell the person.

`code` is stable and for programs; `message` is a short Chinese sentence that says what to do next; `facts` are
machine-readable details (instants, counts), never anything of the request itself.
"""

from handlers.errors.base import *
from handlers.errors.benefits import *
from handlers.errors.cards import *
from handlers.errors.carrier import *
from handlers.errors.channels import *
from handlers.errors.checkins import *
from handlers.errors.claims import *
from handlers.errors.co_brands import *
from handlers.errors.code_pools import *
from handlers.errors.distribution import *
from handlers.errors.draws import *
from handlers.errors.grants import *
from handlers.errors.ledger import *
from handlers.errors.levels import *
from handlers.errors.links import *
from handlers.errors.membership import *
from handlers.errors.merchants import *
from handlers.errors.offers import *
from handlers.errors.offline import *
from handlers.errors.operators import *
from handlers.errors.orders import *
from handlers.errors.outside_points import *
from handlers.errors.plans import *
from handlers.errors.points import *
from handlers.errors.purchases import *
from handlers.errors.reconciliation import *
from handlers.errors.redemptions import *
from handlers.errors.replies import *
from handlers.errors.serving import *
from handlers.errors.settlement import *
from handlers.errors.suppliers import *
from handlers.errors.withdrawals import *
