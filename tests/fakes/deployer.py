"""Deployers that keep state: places, what they serve, and what stands ready beside it."""

from dataclasses import dataclass, field

from harness.domain.deployment import Deployed, Health, Running
from harness.domain.errors import DeployError
from harness.domain.facts import UNKNOWN


@dataclass
class FakeDeployer:
    """Attaches to what an order's key made before. The world outside is in `served`: commit by
    place. `wounds` are names of faults that the deployer has; one that `looks away` tells what was
    ordered last, whatever is served."""

    served: dict[str, str] = field(default_factory=dict)
    ready: dict[str, set[str]] = field(default_factory=dict)
    made: dict[tuple[str, str], str] = field(default_factory=dict)
    acts: list[tuple[str, str, str]] = field(default_factory=list)
    ordered: dict[str, str] = field(default_factory=dict)
    wounds: set[str] = field(default_factory=set)

    def prepare(self, order):
        if ("prepare", order.key) not in self.made:
            self.made["prepare", order.key] = order.commit
            self.acts.append(("prepare", order.environment.name, order.commit))
            self.ready.setdefault(order.environment.name, set()).add(order.commit)
        return Deployed(f"ready {order.commit:.7}")

    def switch(self, order):
        self.ordered[order.environment.name] = order.commit
        name, is_back = order.environment.name, order.key.endswith("/rollback")
        if "hangs" in self.wounds:
            raise DeployError(f"it took longer than {order.seconds:g} s", retryable=True)
        if "rolls nothing back" in self.wounds and is_back:
            raise DeployError("no", retryable=True)
        if "lies" not in self.wounds and self.made.get(("switch", order.key)) is None:
            self.made["switch", order.key] = order.commit
            self.acts.append(("switch", name, order.commit))
            self.served[name] = order.commit
            if "changes production" in self.wounds:
                self.served["production"] = order.commit
        if "says no" in self.wounds:
            raise DeployError("it failed")
        return Deployed("done", "it was done")

    def running(self, environment):
        if "blind" in self.wounds:
            return UNKNOWN
        served = self.served.get(environment.name)
        if "looks away" in self.wounds:
            served = self.ordered.get(environment.name)
        return Running(served, f"process of {served:.7}") if served else None

    def retire(self, environment, keep):
        name = environment.name
        kept = {*keep, self.served.get(name)}
        self.ready[name] = self.ready.get(name, set()) & kept

    def switches(self, place):
        """The commits that were switched to there, in order."""
        return [commit for act, name, commit in self.acts if act == "switch" and name == place]


@dataclass
class FakeHealth:
    """Answers for what the deployer's world serves. `ill` has commits that are not well, or places
    with the commits that are not well there; `says` the name that a place gives itself, where that
    is another."""

    deployer: FakeDeployer
    ill: set[str | tuple[str, str]] = field(default_factory=set)
    says: dict[str, str] = field(default_factory=dict)
    silent: bool = False
    asked: list[str] = field(default_factory=list)

    def health(self, environment):
        name = environment.name
        self.asked.append(name)
        commit = self.deployer.served.get(name, "")
        if not commit or not self.ill.isdisjoint((commit, (name, commit))):
            return Health(False, "500 Internal Server Error")
        if self.silent:
            return Health(True)
        return Health(True, "", self.says.get(name, name), commit)
