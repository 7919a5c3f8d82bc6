"""`factory rules explain`: what the law said of one pull request."""

import click

from harness.cli.options import as_json, emit, home


@click.command()
@click.argument("pull_request", metavar="PR", type=int)
@as_json
def explain(pull_request: int, as_json: bool) -> int:
    """What the law said of pull request PR: rule, fact, quote, evidence.

    PR is its number on the forge. Of a pull request of the factory's, every answer of every rule:
    as it was proposed, as what would land, and before the merge, with the rule's own words and a
    permalink at the commit that governed. It is the chain of `factory why`, narrowed to the law. Of
    one that edits the law, what the check on it says. Reads the ledger of $FACTORY_HOME and writes
    nothing.

    \b
    Exit codes:
      0  told, and nothing is refused
      1  told, and something is refused
      2  the ledger knows no such pull request

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
        if told := policy_edit_effect(ledger, pull_request):
            return _edit(told, as_json)
        found = rules_only(chain_of_pull_request(ledger, pull_request))
    if as_json:
        emit(found.as_json())
    else:
        show(found, address=link_of(home()), home=home(), page="")
    return 1 if any(link.outcome is LinkOutcome.REFUSES for link in found.links) else 0


def _edit(told: dict[str, str], as_json: bool) -> int:
    from harness.factory.reporting.chain_page import visible

    if as_json:
        emit(told)
    else:
        click.echo(
            f"#{told['pull_request']} edits the law:"
            f" {visible(told['title'])}\n\n{visible(told['summary'])}"
        )
    return 0 if told["conclusion"] == "success" else 1
