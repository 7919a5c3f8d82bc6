"""`factory rules explain`: every rule's answer for one pull request."""

import click

from harness.cli.options import as_json, emit, home
from harness.cli.output.terminal import echo
from harness.domain.shortened import in_one_line


@click.command()
@click.argument("pull_request", metavar="PR", type=int)
@as_json
def explain(pull_request: int, as_json: bool) -> int:
    """Show every rule's answer for pull request PR: rule, fact, quote, evidence.

    PR is its number on the forge. For a pull request of the factory's, this is every answer of
    every rule: for the proposal, for the merge candidate, and before the merge. Each comes with the
    rule's own text and a permalink at the commit that governed. It is the chain of `factory why`,
    narrowed to the rules. For a pull request that edits governance files, it is the result of the
    check on that edit. Reads the ledger of $FACTORY_HOME and writes nothing.

    \b
    Exit codes:
      0  printed, and nothing is refused
      1  printed, and something is refused
      2  there is no such pull request in the ledger

    \b
    Examples:
      factory rules explain 12
      factory rules explain 12 --json | jq '.chain[] | select(.standing == "refuses")'
    """
    from harness.cli.output.chain_lines import show
    from harness.factory.records.chain import rules_only
    from harness.factory.records.link import LinkOutcome
    from harness.factory.reporting.report import chain_of_pull_request, policy_edit_effect
    from harness.home.state import open_ledger
    from harness.operations.daemon.digest import link_of

    with open_ledger(home()) as ledger:
        # First, because a change of the rules by people is in no issue's chain.
        if edit := policy_edit_effect(ledger, pull_request):
            return _show_edit(edit, as_json)
        found = rules_only(chain_of_pull_request(ledger, pull_request))
    if as_json:
        emit(found.as_json())
    else:
        show(found, address=link_of(home()), home=home(), page="")
    return 1 if any(link.outcome is LinkOutcome.REFUSES for link in found.links) else 0


def _show_edit(edit: dict[str, str], as_json: bool) -> int:
    if as_json:
        emit(edit)
    else:
        echo(
            f"#{edit['pull_request']} edits the governance files:"
            f" {in_one_line(edit['title'])}\n\n{edit['summary']}"
        )
    return 0 if edit["conclusion"] == "success" else 1
